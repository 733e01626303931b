"""Run a command, and end all its processes once standard input is closed.

    python -I -S keeper.py COMMAND ...

Whoever starts the keeper holds the other end of its input. The system closes it when that process
ends, in whatever way. The keeper and all that the command starts are one process group, which the
keeper leads and in the end takes with it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

_LOOK_S = 0.5  # how often it looks whether the command has ended by itself
_END_S = 6.0  # how long the command may take to end once it is asked to
_REST_S = 0.3  # the same, for what it has started


def main() -> None:
    """Keep the command until it ends, or until nobody wants it any more."""
    if os.getpgid(0) != os.getpid():
        os.setsid()
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    while command.poll() is None:
        readable, _, _ = select.select([0], [], [], _LOOK_S)
        if readable and not os.read(0, 4096):
            break
    os.killpg(0, signal.SIGTERM)
    until = time.monotonic() + _END_S
    while command.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(_REST_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
