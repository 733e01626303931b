"""The page's scripts: those of this package, and one Vega per page.

Vega comes from the `vl-convert` wheel, so no page ever needs the network for it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata
from importlib.resources import files

import anywidget
import vl_convert
from altair.vegalite import SCHEMA_VERSION

from ftte_lab._common import cached_text
from ftte_lab.data import cache_path

# Charts wait for this promise; whoever comes first creates it.
SLOT_JS = """
function vegaSlot() {
  if (!globalThis.__ftteVega) {
    const slot = {};
    slot.promise = new Promise((resolve) => { slot.resolve = resolve; });
    globalThis.__ftteVega = slot;
  }
  return globalThis.__ftteVega;
}
"""
_BEGIN = ("charts.js", "drawers.js")
_END = ("stage.js",)
_ALONE = ("marks.js",)  # the script of another widget
_RUNTIME = SLOT_JS + "export default { initialize() { vegaSlot().resolve(vegaEmbed); } };"


def static(name: str) -> str:
    """Return the text of a script or style that ships with the package."""
    return (files("ftte_lab.lab.live") / "static" / name).read_text(encoding="utf-8")


def scripts() -> str:
    """Return the page's scripts as one module: what others use comes first, the stage last."""
    names = _names(".js")
    rest = [name for name in names if name not in (*_BEGIN, *_END, *_ALONE)]
    return "\n".join(static(name) for name in (*_BEGIN, *rest, *_END))


def styles() -> str:
    """Return the page's styles as one text."""
    names = [name for name in _names(".css") if name != "stage.css"]
    return "\n".join(static(name) for name in ("stage.css", *names))


def _names(end: str) -> list[str]:
    folder = files("ftte_lab.lab.live") / "static"
    return sorted(found.name for found in folder.iterdir() if found.name.endswith(end))


@lru_cache(maxsize=1)
def runtime_js() -> str:
    """Return Vega, Vega-Lite and vega-embed as one module.

    It is bundled once, which takes seconds, then kept in the data home.
    """
    version = SCHEMA_VERSION.lstrip("v").rpartition(".")[0]
    parts = f"{metadata.version('vl-convert-python')} {version} {_RUNTIME}"
    key = hashlib.sha256(parts.encode()).hexdigest()[:16]
    return cached_text(
        cache_path(f"vega-{key}.js"),
        lambda: vl_convert.javascript_bundle(_RUNTIME, vl_version=version),
    )


class _Runtime(anywidget.AnyWidget):
    """Put Vega on the page; it shows nothing."""

    _esm = "export default {}"


_runtime: list[_Runtime] = []


def ensure_runtime() -> None:
    """Put Vega on the page, if this kernel has not done so yet."""
    if _runtime and _runtime[0].comm is None:
        _runtime.clear()  # somebody has closed all widgets
    if not _runtime:
        _Runtime._esm = runtime_js()
        _runtime.append(_Runtime())
