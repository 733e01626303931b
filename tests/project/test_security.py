"""Nothing from files, codes or the network is executed, and nothing pickled is shipped."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ftte_lab.cli.course_list import STUDENT, TEACHER, course_files

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "ftte_lab").rglob("*.py"))
SERVERS = {
    "ftte_lab/deployment/counting_proxy.py": "create_server((LOOPBACK, 0))",
    "ftte_lab/deployment/flower/door.py": "socket.socket(socket.AF_UNIX)",
    "ftte_lab/deployment/wall.py": "super().__init__((LOOPBACK, port), _Handler)",
}
"""Files that listen, each with the words by which only this machine reaches it."""
BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
BANNED_METHODS = {
    "yaml": {"load", "unsafe_load", "full_load", "load_all"},
    "os": {"system", "popen"},
    "torch": {"load", "save"},
    "pd": {"read_pickle", "eval"},
    "pandas": {"read_pickle", "eval"},
    "subprocess": {"getoutput", "getstatusoutput"},
}
PICKLES = (".pkl", ".pickle", ".p", ".pt", ".pth", ".joblib", ".dill", ".npy")


def unsafe(tree: ast.AST) -> Iterator[str]:
    """Yield what in a file's code could execute data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            names = [module] if module else [alias.name for alias in node.names]
            found = [name for name in names if name.split(".")[0] in BANNED_MODULES]
            yield from (f"line {node.lineno}: import {name}" for name in found)
        elif isinstance(node, ast.keyword):
            on = isinstance(node.value, ast.Constant) and node.value.value is True
            if node.arg == "shell" or (node.arg == "allow_pickle" and on):
                yield f"line {node.value.lineno}: {node.arg}"
        elif isinstance(node, ast.Call):
            yield from _unsafe_call(node)


def _unsafe_call(node: ast.Call) -> Iterator[str]:
    f = node.func
    if isinstance(f, ast.Name) and f.id in BANNED_CALLS:
        yield f"line {node.lineno}: {f.id}"
    if not (isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name)):
        return
    if f.attr in BANNED_METHODS.get(f.value.id, ()):
        yield f"line {node.lineno}: {f.value.id}.{f.attr}"
    if (f.value.id, f.attr) == ("np", "load"):
        explicit = {k.arg: k.value for k in node.keywords}.get("allow_pickle")
        if not (isinstance(explicit, ast.Constant) and explicit.value is False):
            yield f"line {node.lineno}: np.load without allow_pickle=False"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_file_of_the_kit_executes_data(path: Path) -> None:
    assert list(unsafe(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import cloudpickle as c",
        "eval(text)",
        "exec(text)",
        "yaml.load(f)",
        "np.load(f)",
        "np.load(f, allow_pickle=True)",
        "subprocess.run(x, shell=True)",
        "subprocess.run(x, shell=maybe)",
        "os.system(x)",
        "torch.load(f)",
        "pd.read_pickle(f)",
    ],
)
def test_the_search_finds_what_executes_data(code: str) -> None:
    assert len(list(unsafe(ast.parse(code)))) >= 1


@pytest.mark.parametrize(
    "code", ["np.load(f, allow_pickle=False)", "json.loads(x)", "re.compile(x)"]
)
def test_the_search_lets_pass_what_reads_data(code: str) -> None:
    assert list(unsafe(ast.parse(code))) == []


def test_what_is_shipped_holds_no_pickle() -> None:
    """Both wheel and source archive are made of tracked files: none has such a name or content."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout, so what would be shipped is not known")
    files = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    assert len(files) > 100
    assert [path for path in files if path.suffix in PICKLES] == []
    for path in files:
        if path.is_file():
            # A pickle of protocol 2 to 5 begins so and ends with a full stop.
            content = path.read_bytes()
            assert not (re.match(rb"\x80[\x02-\x05]", content) and content.endswith(b".")), path


def test_the_wheel_takes_the_package_its_scripts_and_the_course_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = project["tool"]["setuptools"]
    assert tools["packages"]["find"]["include"] == ["ftte_lab*"]
    assert tools["package-data"] == {
        "ftte_lab.cli": ["quiet/labconfig/*"],
        "ftte_lab.deployment": ["stored/*"],
        "ftte_lab.deployment.flower": ["app/*", "app/ftte_flower/*"],
        "ftte_lab.lab": ["stories/*"],
        "ftte_lab.lab.live": ["static/*"],
    }
    quiet = (ROOT / "ftte_lab" / "cli" / "quiet" / "labconfig").iterdir()
    assert [p.name for p in quiet] == ["page_config.json"]
    suffixes = {p.suffix for p in (ROOT / "ftte_lab" / "lab" / "live" / "static").iterdir()}
    assert suffixes <= {".js", ".css"}
    course = {Path(name).suffix for name in course_files(ROOT, STUDENT + TEACHER)}
    assert course == {".ipynb", ".json", ".md", ".pdf", ".png", ".pptx"}
    flower = ROOT / "ftte_lab" / "deployment" / "flower" / "app"
    assert {p.suffix for p in flower.rglob("*") if p.is_file()} <= {".py", ".toml", ".pyc"}
    stored = (ROOT / "ftte_lab" / "deployment" / "stored").iterdir()
    assert {p.suffix for p in stored} == {".json"}
    stories = (ROOT / "ftte_lab" / "lab" / "stories").iterdir()
    assert {p.suffix for p in stories} == {".json"}


def test_servers_of_the_tests_listen_here_only_and_ask_for_a_token() -> None:
    driver = (ROOT / "tests" / "browser" / "driver.py").read_text(encoding="utf-8")
    assert "--ServerApp.ip=127.0.0.1" in driver
    assert "--IdentityProvider.token={TOKEN}" in driver
    ours = (ROOT / "ftte_lab" / "cli" / "jupyter.py").read_text(encoding="utf-8")
    for text in (driver, ours):
        assert not re.search(r"ip=(0\.0\.0\.0|\*|'')|token=('')?[\s\"]|allow_origin=", text)
    for path in SOURCES:
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        listens = re.search(r"\blisten\(|serve_forever\b|HTTPServer\b|\bcreate_server\(", text)
        assert bool(listens) == (name in SERVERS), name
        assert SERVERS.get(name, "") in text, name


def test_security_page_says_what_is_executed_and_where_to_report() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 400
    for said in ("No pickle", "token", "from a stranger", "To report", "no sandbox"):
        assert said in text


def test_workflow_runs_on_all_systems_and_versions_and_audits() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["platforms"]["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert "pip_audit" in str(workflow["jobs"]["audit"])
    assert workflow["permissions"] == {"contents": "read"}
