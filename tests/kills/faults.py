"""What happens to a process at a random moment, and what the process computes meanwhile."""

import builtins
import contextlib
import errno
import io
import os
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from ftte_lab._common import FileTroubleError

FAULTS = ("killed", "full disk", "read-only folder", "vanished folder")
REFUSED, CRASHED = 2, 3  # exit codes of a child: it said so in one sentence, or it did not
_ROOM = 200  # bytes that a full disk still takes


def start(work: Callable[[], None], fault: str, after_s: float) -> int:
    """Fork a process, the head of a group of its own, that works; return its number.

    A full disk and a folder that nobody may write are faults of the process itself: after some
    seconds its writes are refused, as the system would refuse them.
    """
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = CRASHED
    try:
        os.setsid()
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 2)
        if fault in ("full disk", "read-only folder"):
            threading.Thread(target=_refuse_writes, args=(fault, after_s), daemon=True).start()
        work()
        code = 0
    except FileTroubleError as error:
        code = REFUSED if "; allowed: " in str(error) and "\n" not in str(error) else CRASHED
    except BaseException:
        with contextlib.suppress(OSError):
            Path(os.environ["FTTE_KILLS_LOG"]).write_text(traceback.format_exc())
    finally:
        os._exit(code)


def _refuse_writes(fault: str, after_s: float) -> None:
    time.sleep(after_s)
    if fault == "full disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, resource.RLIM_INFINITY))
        return
    # The super-user may write everywhere, so the refusal is made here.
    plain = io.open

    def refused(file, mode="r", *rest, **options):  # type: ignore[no-untyped-def]
        if any(letter in mode for letter in "wxa+"):
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return plain(file, mode, *rest, **options)

    def no_replacing(source: object, target: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system", str(target))

    builtins.open = io.open = refused
    os.replace = no_replacing  # type: ignore[assignment]


def happen(child: int, fault: str, after_s: float, folder: Path, limit_s: float) -> int | None:
    """Let a fault happen to a child; return its exit code, `None` if it was killed.

    Raises:
        TimeoutError: it did not end.
    """
    if fault == "killed":
        with _ends(child, after_s) as ended:
            if ended is None:
                _kill(child)
            return ended
    if fault == "vanished folder":
        with _ends(child, after_s) as ended:
            if ended is not None:
                return ended
            shutil.rmtree(folder, ignore_errors=True)
    with _ends(child, limit_s) as ended:
        if ended is None:
            _kill(child)
            raise TimeoutError(f"{fault}: the process did not end within {limit_s} s")
        return ended


def _kill(child: int) -> None:
    """Kill a child with its group, or alone if it has not founded the group yet."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@contextlib.contextmanager
def _ends(child: int, within_s: float) -> Iterator[int | None]:
    """Yield the exit code of a child that ends in time, or `None`."""
    end = time.monotonic() + within_s
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            yield os.waitstatus_to_exitcode(status)
            return
        if time.monotonic() >= end:
            yield None
            return
        time.sleep(0.002)
