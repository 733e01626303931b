"""An error as a sentence for a reader."""

from __future__ import annotations


def error_text(error: BaseException) -> str:
    """Write an error for a reader; one that nobody foresaw is named as such.

    Example:
        >>> error_text(ValueError("buffer = 0; allowed: 1."))
        'Buffer = 0; allowed: 1.'
    """
    if isinstance(error, ValueError):
        return str(error)[:1].upper() + str(error)[1:]
    return (
        f"This run failed unexpectedly ({type(error).__name__}: {error}). "
        "Please report it with the share code."
    )
