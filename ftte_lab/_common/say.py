"""Print for people, whatever their terminal can show."""

from __future__ import annotations

import sys
from typing import Any

_PLAIN = str.maketrans(
    {"✔": "OK", "✘": "NO", "…": "...", "–": "-", "×": "x", "→": "->", "≥": ">=", "≤": "<="}
    | {"α": "alpha", "τ": "tau", "·": "-"}
)


def say(text: object = "", file: Any = None) -> None:
    r"""Print a text; what the terminal cannot show is written in plain letters.

    Redirected output on Windows knows 256 characters, a check mark not among them. Without an
    output (a closed one, a program without a window) nothing is printed. Neither ends a program.

    Args:
        text: to print.
        file: where to; `None`: standard output.

    Example:
        >>> import io
        >>> narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        >>> say("✔ done", narrow)
        >>> narrow.seek(0), narrow.read()
        (0, 'OK done\n')
    """
    stream = sys.stdout if file is None else file
    try:
        print(text, file=stream)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        plain = str(text).translate(_PLAIN).encode(encoding, "replace").decode(encoding)
        print(plain, file=stream)
    except (OSError, ValueError):
        return
