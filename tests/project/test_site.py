"""The documentation site: no warning, no dead link, and nothing from outside."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs import build_site

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
# What a `link` names without loading it.
NAMED = {"canonical", "author", "index", "search", "next", "prev", "copyright"}


class Page(HTMLParser):
    """Collect anchors, links, and what the browser loads by itself."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        key = LOADED.get(tag, "")
        if key in given and given.get("rel") not in NAMED:
            self.loads.append(given[key])


def dead_links(html: Path) -> list[str]:
    """Return links within the site that lead nowhere, and whatever is loaded from outside."""
    pages = {path: Page(path) for path in sorted(html.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        here = path.relative_to(html).as_posix()
        for target in [*page.links, *page.loads]:
            outside = target.startswith(("http:", "https:", "//"))
            if outside and target in page.loads:
                found.append(f"{here} loads {target}")
            if outside or target.startswith(("mailto:", "data:")):
                continue
            name, _, anchor = target.partition("#")
            place = (path.parent / unquote(name.partition("?")[0])).resolve() if name else path
            if not place.exists():
                found.append(f"{here} links to {target}")
            elif anchor and place in pages and unquote(anchor) not in pages[place].anchors:
                found.append(f"{here}: no anchor {target}")
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, without a warning."""
    pytest.importorskip("furo", reason="needs the extra docs")
    pytest.importorskip("myst_nb", reason="needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    assert build_site.build(folder) == 0
    return folder / "html"


@pytest.mark.slow
def test_links_of_the_site_resolve_and_nothing_comes_from_outside(built: Path) -> None:
    assert dead_links(built) == []


@pytest.mark.slow
def test_site_has_course_library_and_search(built: Path) -> None:
    pages = {path.relative_to(built).as_posix() for path in built.rglob("*.html")}
    assert {"index.html", "notebooks/00_start_here.html", "api/ftte_lab.server.html"} <= pages
    assert {"docs/scenario.html", "search.html", "GLOSSARY.html"} <= pages
    search = (built / "searchindex.js").read_text(encoding="utf-8")
    assert "notebooks/03_memory" in search
    first = (built / "notebooks" / "00_start_here.html").read_text(encoding="utf-8")
    assert "Predict first, then show the output" in first


def test_pictures_of_notebooks_are_behind_a_button(tmp_path: Path) -> None:
    build_site.stage(tmp_path)
    for path in (tmp_path / "notebooks").glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert text.count('"image/png"') == text.count('"hide-output"') > 0


def test_the_search_finds_dead_links_and_strangers(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html">1</a><a href="#x">2</a><a id="y" href="#y">3</a>'
        '<script src="https://cdn.example/x.js"></script><a href="https://example.org">4</a>',
        encoding="utf-8",
    )
    found = dead_links(tmp_path)
    assert len(found) == 3
    assert "a.html loads https://cdn.example/x.js" in found
