"""Downloads with a checksum and a progress bar, resumed where they were cut off."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import requests
import urllib3

from ftte_lab._common import FileTroubleError, brief, is_file, progress_bar, try_lock
from ftte_lab.data.remote_file import RemoteFile
from ftte_lab.data.store import writing_home

_TRIES = 3
_PIECE_BYTES = 1 << 16
_TIMEOUT_S = 30
_WAIT_PAUSE_S = 0.2
_STALLED_S = 60.0  # of another process that downloads the same: after it we stop waiting
_PROXY = "Check the proxy (HTTPS_PROXY)"
# What a request may raise besides the exceptions of requests: a certificate file that is not
# there is a plain OSError, a proxy's address that is none a ValueError or one of urllib3.
_SETTINGS_ERRORS = (OSError, ValueError, urllib3.exceptions.HTTPError)


def download(source: RemoteFile, folder: Path, *, progress: bool = True) -> Path:
    """Download a file into `folder` and check it against its MD5 sum.

    A file that is in the folder and has this sum is not requested again. A download that breaks off
    leaves `<name>.part`, and the next call requests only the rest. Of several processes that want
    the same file one downloads it, and the others wait for it.

    Args:
        source: the file.
        folder: where to; it is made if it does not exist.
        progress: show a bar on standard error.

    Returns:
        The path of the file.

    Raises:
        ValueError: no answer, a broken connection, another checksum (what came is then deleted), a
            setting of proxy or certificates that cannot be used, or a folder that cannot be
            written.
    """
    path, part = folder / source.filename, folder / f"{source.filename}.part"
    with writing_home(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if _is_complete(path, source.md5):
            return path
        with _own_part(part, path, source.md5) as own:
            if own is None:
                part.unlink(missing_ok=True)
            else:
                _complete(source, own, path, progress)
    return path


def _complete(source: RemoteFile, part: Path, path: Path, progress: bool) -> None:
    """Request what is missing of an unfinished file, check it, and give it its name."""
    try:
        _request_all(source, part, progress)
    except requests.exceptions.RequestException as error:
        raise ValueError(_no_answer(source.url, part, error)) from error
    if _md5(part) != source.md5:
        part.unlink(missing_ok=True)
        raise ValueError(
            f"{source.url} has another checksum; allowed: MD5 {source.md5}. "
            "It was deleted: call fetch again. "
            "If that does not help, the publisher has changed it."
        )
    os.replace(part, path)


def _no_answer(url: str, part: Path, error: Exception) -> str:
    """Write why a request failed, and what to do."""
    size = part.stat().st_size if is_file(part) else 0
    got = f"; {size:,} bytes are kept" if size else ""
    check = {
        "ProxyError": _PROXY,
        "InvalidProxyURL": _PROXY,
        "InvalidSchema": _PROXY,
        "InvalidURL": _PROXY,
        "SSLError": "Check the certificates (REQUESTS_CA_BUNDLE) and the clock of this machine",
    }.get(type(error).__name__, "Check the network")
    return (
        f"{url} could not be downloaded ({type(error).__name__}){got}; "
        f"allowed: a complete answer. {check} and call fetch again: it continues where it stopped."
    )


@contextlib.contextmanager
def _own_part(part: Path, path: Path, md5: str) -> Iterator[Path | None]:
    """Yield an unfinished file that this process alone writes, or `None` if `path` is there now.

    Usually that is `part`, locked. Where another process has it and does not move, or where it
    belongs to another user, it is a private one. Where there are no locks, `part` is taken away
    while it is written and put back if it is not complete.
    """
    begin, size, locked = time.monotonic(), -1, None
    while time.monotonic() - begin < _STALLED_S:
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(part.open("ab"))
            except PermissionError:
                locked = False
                break
            locked = try_lock(file.fileno())
            if locked is None:
                break
            if locked and _is_still(file, part):
                try:
                    yield None if _is_complete(path, md5) else part
                finally:
                    if is_file(part) and not part.stat().st_size:
                        part.unlink()
                return
        now = part.stat().st_size if is_file(part) else 0
        if now != size:
            begin, size = time.monotonic(), now
        time.sleep(_WAIT_PAUSE_S)
    with _private(part, take=locked is None) as own:
        yield own


@contextlib.contextmanager
def _private(part: Path, take: bool) -> Iterator[Path]:
    """Yield an unfinished file with a name of its own; with `take` it begins as `part`."""
    own = part.with_name(f".{part.name}.{secrets.token_hex(8)}.ftte-part")
    if take:
        with contextlib.suppress(FileNotFoundError):
            os.replace(part, own)
    try:
        yield own
    finally:
        with contextlib.suppress(OSError):
            if take and own.stat().st_size:
                os.replace(own, part)
            own.unlink(missing_ok=True)


def _is_complete(path: Path, md5: str) -> bool:
    return is_file(path) and _md5(path) == md5


def _is_still(file: BinaryIO, path: Path) -> bool:
    """Report whether an open file has still this name: another process may have taken it."""
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    return False


def _request_all(source: RemoteFile, part: Path, progress: bool) -> None:
    for attempt in range(_TRIES):
        try:
            return _request_rest(source, part, progress)
        except requests.exceptions.HTTPError:
            # The server refused: a second request gets the same answer.
            raise
        except requests.exceptions.RequestException:
            if attempt == _TRIES - 1:
                raise
    return None


def _request_rest(source: RemoteFile, part: Path, progress: bool) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with _answer(source.url, headers) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            # Nothing is missing; the checksum is compared later.
            return
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            # The server ignores ranges and sends everything.
            have = 0
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        bar = progress_bar(
            total=total,
            initial=have,
            desc=source.filename,
            unit="B",
            unit_scale=True,
            disable=not progress,
        )
        # A second handle: the first one holds the lock, so the file must not be replaced.
        with part.open("ab") as file, bar:
            file.truncate(have)
            for piece in answer.iter_content(_PIECE_BYTES):
                bar.update(file.write(piece))
    if total is not None and part.stat().st_size < total:
        raise requests.exceptions.ConnectionError(
            f"cut off at {part.stat().st_size} of {total} bytes"
        )


def _answer(url: str, headers: dict[str, str]) -> requests.Response:
    """Request a file; a setting that prevents any request is named in words."""
    try:
        return requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S)
    except requests.exceptions.RequestException:
        raise
    except _SETTINGS_ERRORS as error:
        raise FileTroubleError(
            f"{url} could not be requested ({brief(error)}); "
            "allowed: settings of proxy and certificates that exist. "
            "Check REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and HTTPS_PROXY."
        ) from error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _new_md5).hexdigest()


def _new_md5() -> Any:
    return hashlib.md5(usedforsecurity=False)
