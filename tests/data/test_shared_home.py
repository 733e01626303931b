"""Several users of one data home: two downloads at once, settings of others, folders of others."""

import hashlib
import multiprocessing
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftte_lab._common import try_lock
from ftte_lab.cli import main
from ftte_lab.data import catalogue, download, fetch, images, load, store
from ftte_lab.data.remote_file import RemoteFile
from tests.data.test_download import Server, cifar_archive, fashion, home, record, server

__all__ = ["home", "server"]  # fixtures

FORK = multiprocessing.get_context("fork")  # starts at once: nothing has to be imported
CONTENT = os.urandom(1 << 19)


def remote(server: Server, piece_s: float = 0.0) -> RemoteFile:
    server.piece_s = piece_s
    return server.add("a.bin", CONTENT)


def in_process(source: RemoteFile, folder: Path) -> Any:
    process = FORK.Process(target=download.download, args=(source, folder), kwargs={"progress": 0})
    process.start()
    return process


@pytest.mark.parametrize("pause_s", [0.0, 0.1, 0.3])
def test_two_processes_download_one_file(server: Server, tmp_path: Path, pause_s: float) -> None:
    source = remote(server, piece_s=0.05)
    first = in_process(source, tmp_path)
    time.sleep(pause_s)
    second = in_process(source, tmp_path)
    for process in (first, second):
        process.join(60)
        assert process.exitcode == 0
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
    assert server.requested == [""]  # one waited for the other


def test_the_second_goes_on_when_the_first_is_killed(server: Server, tmp_path: Path) -> None:
    source = remote(server, piece_s=0.05)
    first = in_process(source, tmp_path)
    while not (tmp_path / "a.bin.part").exists() or not (tmp_path / "a.bin.part").stat().st_size:
        time.sleep(0.01)
    second = in_process(source, tmp_path)
    first.kill()
    second.join(60)
    assert second.exitcode == 0
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requested[-1].startswith("bytes=")  # it went on where the first one stopped


def test_a_process_that_does_not_move_is_not_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_STALLED_S", 0.3)
    with (tmp_path / "a.bin.part").open("wb") as file:
        assert try_lock(file.fileno())
        path = download.download(remote(server), tmp_path, progress=False)
    assert path.read_bytes() == CONTENT
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "a.bin.part"]


def test_a_system_without_locks_downloads_and_resumes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "try_lock", lambda handle: None)
    source = remote(server)
    server.cuts = 3
    with pytest.raises(ValueError, match="458,752 bytes are kept"):
        download.download(source, tmp_path, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin.part"]
    assert download.download(source, tmp_path, progress=False).read_bytes() == CONTENT
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
    assert server.requested[-1] == "bytes=458752-"


def test_an_unfinished_file_of_another_user_is_left_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.bin.part").write_bytes(b"theirs")
    plain = Path.open

    def refused(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if path.name == "a.bin.part" and "a" in mode:
            raise PermissionError(13, "Permission denied")
        return plain(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", refused)
    assert download.download(remote(server), tmp_path, progress=False).read_bytes() == CONTENT
    assert (tmp_path / "a.bin.part").read_bytes() == b"theirs"


def test_two_processes_fetch_one_data_set(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.piece_s = 0.02
    monkeypatch.setattr(images, "CIFAR10", server.add("cifar.tar.gz", cifar_archive()))
    both = [FORK.Process(target=fetch, args=("cifar10",), kwargs={"progress": 0}) for _ in "ab"]
    for process in both:
        process.start()
        time.sleep(0.1)
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert load("cifar10").x_train.shape == (180, 3, 32, 32)
    assert [p.name for p in home.iterdir()] == ["cifar10.npz"]


def test_fetch_is_content_when_another_process_was_faster(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is gone, because the other process has unpacked and removed it."""
    source = catalogue.SOURCES["cifar10"]

    def late(folder: Any, progress: bool) -> Path:
        store.write("cifar10", {"x": np.zeros(1)})
        raise ValueError("the archive is damaged")

    monkeypatch.setattr(type(source), "fetch", property(lambda self: late))
    assert fetch("cifar10", progress=False) == home / "cifar10.npz"


@pytest.fixture
def quiet_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("quiet_umask")
def test_what_is_fetched_may_be_read_by_the_class(home: Path, tmp_path: Path) -> None:
    for k, person in enumerate(["m1", "m2", "f1", "f2"]):
        record(tmp_path / "HMP", "Walk", person, k)
    path = fetch("wrist", folder=tmp_path / "HMP")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(home.stat().st_mode) == 0o755


SETTINGS = {
    "certificates": ({"REQUESTS_CA_BUNDLE": "/nonexistent/ca.pem"}, "REQUESTS_CA_BUNDLE"),
    "certificates of curl": ({"CURL_CA_BUNDLE": "/nonexistent/ca.pem"}, "CURL_CA_BUNDLE"),
    "proxy that is off": ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "HTTPS_PROXY"),
    "proxy that is no address": ({"HTTPS_PROXY": "http://[::1"}, "PROXY"),
    "proxy of an unknown kind": ({"HTTPS_PROXY": "carrier://pigeon:1"}, "network|PROXY"),
    "proxy with a port that is none": ({"HTTPS_PROXY": "http://here:port"}, "PROXY"),
}


@pytest.mark.parametrize(("variables", "named"), SETTINGS.values(), ids=SETTINGS)
def test_stale_settings_are_named_in_one_sentence(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    named: str,
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    nowhere = RemoteFile("https://127.0.0.1:9/a.gz", "0" * 32)
    monkeypatch.setattr(images, "FASHION_MNIST", {"x_train": nowhere})
    assert main(["data", "fashion_mnist"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "; allowed: " in said
    assert re.search(named, said)


@pytest.mark.parametrize("kind", ["below a file", "full", "no user"])
def test_a_home_that_cannot_be_written_is_named_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: Server,
    kind: str,
) -> None:
    (tmp_path / "a_file").write_text("")
    homes = {"below a file": tmp_path / "a_file" / "home", "full": tmp_path / "home"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTTE_DATA_HOME", str(homes.get(kind, Path("~nobody-here/below"))))
    for k, person in enumerate(["m1", "m2", "f1", "f2"]):
        record(tmp_path / "HMP", "Walk", person, k)
    monkeypatch.setattr(images, "FASHION_MNIST", fashion(server))
    if kind == "full":

        def full(*_: Any, **__: Any) -> Any:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(store, "write_atomic", full)
    if kind == "no user":  # it is taken for a folder of that name, as a shell does
        assert main(["data", "wrist", "--folder", str(tmp_path / "HMP")]) == 0
        return
    for command in (["wrist", "--folder", str(tmp_path / "HMP")], ["fashion_mnist"]):
        assert main(["data", *command]) == 2
        said = capsys.readouterr().err
        assert "FTTE_DATA_HOME" in said.splitlines()[-1]
        assert "Traceback" not in said
        assert "cannot be written" in said


def test_a_file_that_may_not_be_read_is_not_called_damaged(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("cifar10", {"x": np.zeros(1)})

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(ValueError, match=r"may not be read; allowed: .*chmod") as caught:
        load("cifar10")
    assert "Delete" not in str(caught.value)


def test_md5_is_that_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    assert download._md5(tmp_path / "a") == hashlib.md5(CONTENT).hexdigest()  # noqa: S324
