"""The page's scripts: those of this package, and one Vega per page.

Vega comes from the `vl-convert` wheel, so no page ever needs the network for it.
"""

from __future__ import annotations

import contextlib
import hashlib
from functools import lru_cache
from importlib import metadata
from importlib.resources import files

import anywidget
import vl_convert
from altair.vegalite import SCHEMA_VERSION

from ftte_lab._common import write_atomic
from ftte_lab.data import data_home

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
_RUNTIME = SLOT_JS + "export default { initialize() { vegaSlot().resolve(vegaEmbed); } };"


def static(name: str) -> str:
    """Return the text of a script or style that ships with the package."""
    return (files("ftte_lab.lab.live") / "static" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def runtime_js() -> str:
    """Return Vega, Vega-Lite and vega-embed as one module.

    It is bundled once, which takes seconds, then kept in the data home.
    """
    version = SCHEMA_VERSION.lstrip("v").rpartition(".")[0]
    parts = f"{metadata.version('vl-convert-python')} {version} {_RUNTIME}"
    key = hashlib.sha256(parts.encode()).hexdigest()[:16]
    path = data_home() / f"vega-{key}.js"
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8")
    text = vl_convert.javascript_bundle(_RUNTIME, vl_version=version)
    # A data home that cannot be written costs these seconds in every kernel, nothing else.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
    return text


class _Runtime(anywidget.AnyWidget):
    """Put Vega on the page; it shows nothing."""

    _esm = "export default {}"


_runtime: list[_Runtime] = []


def ensure_runtime() -> None:
    """Put Vega on the page, if this kernel has not done so yet."""
    if not _runtime:
        _Runtime._esm = runtime_js()
        _runtime.append(_Runtime())
