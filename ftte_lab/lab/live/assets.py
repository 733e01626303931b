"""The page's own scripts and styles, which ship with the package."""

from importlib.resources import files


def static(name: str) -> str:
    """The text of one of them."""
    return (files("ftte_lab.lab.live") / "static" / name).read_text(encoding="utf-8")
