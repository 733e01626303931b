"""Downloads with a checksum and a progress bar, resumed where they were cut off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pooch
import requests
from tqdm import tqdm

from ftte_lab.data.remote_file import RemoteFile

_TRIES = 3
_PIECE_BYTES = 1 << 16
_TIMEOUT_S = 30


def download(source: RemoteFile, folder: Path, *, progress: bool = True) -> Path:
    """Download a file into `folder` and check it against its MD5 sum.

    A file that is in the folder and has this sum is not requested again. A download that breaks off
    leaves `<name>.part`, and the next call requests only the rest.

    Args:
        source: the file.
        folder: where to; it is made if it does not exist.
        progress: show a bar on standard error.

    Returns:
        The path of the file.

    Raises:
        ValueError: no answer, a broken connection, or another checksum (the file is then deleted).
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{source.filename}.part"
    try:
        return Path(
            pooch.retrieve(
                source.url,
                f"md5:{source.md5}",
                fname=source.filename,
                path=folder,
                downloader=_Resuming(part, progress),
            )
        )
    except requests.exceptions.RequestException as error:
        got = f"; {part.stat().st_size:,} bytes are kept" if part.exists() else ""
        raise ValueError(
            f"{source.url} could not be downloaded ({type(error).__name__}){got}; "
            "allowed: a complete answer. "
            "Check the network and call fetch again: it continues where it stopped."
        ) from error
    except ValueError as error:
        part.unlink(missing_ok=True)
        raise ValueError(
            f"{source.url} has another checksum; allowed: MD5 {source.md5}. "
            "It was deleted: call fetch again. "
            "If that does not help, the publisher has changed it."
        ) from error


class _Resuming:
    """Download for pooch, and keep an unfinished download in a file of its own."""

    def __init__(self, part: Path, progress: bool) -> None:
        self.part = part
        self.progress = progress

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        for attempt in range(_TRIES):
            try:
                self._request_rest(url)
                break
            except requests.exceptions.HTTPError:
                # The server refused: a second request gets the same answer.
                raise
            except requests.exceptions.RequestException:
                if attempt == _TRIES - 1:
                    raise
        shutil.copyfile(self.part, output_file)
        self.part.unlink()

    def _request_rest(self, url: str) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                # Nothing is missing; the checksum is compared later.
                return
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                # The server ignores ranges and sends everything.
                have = 0
            length = answer.headers.get("Content-Length")
            total = None if length is None else have + int(length)
            self._write(answer, have, total)
        if total is not None and self.part.stat().st_size < total:
            raise requests.exceptions.ConnectionError(
                f"cut off at {self.part.stat().st_size} of {total} bytes"
            )

    def _write(self, answer: requests.Response, have: int, total: int | None) -> None:
        name = self.part.name.removesuffix(".part")
        with (
            self.part.open("ab" if have else "wb") as file,
            tqdm(
                total=total,
                initial=have,
                desc=name,
                unit="B",
                unit_scale=True,
                disable=not self.progress,
            ) as bar,
        ):
            for piece in answer.iter_content(_PIECE_BYTES):
                bar.update(file.write(piece))
