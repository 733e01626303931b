"""Vega for the page, once: taken from the `vl-convert` wheel, so no page ever asks the network for it."""

from __future__ import annotations

import contextlib
import hashlib
from functools import lru_cache
from importlib import metadata

import anywidget
import vl_convert
from altair.vegalite import SCHEMA_VERSION

from ftte_lab._common import write_atomic
from ftte_lab.data import data_home

# Charts wait for this promise; whoever comes first makes it.
_SLOT = """
function vegaSlot() {
  if (!globalThis.__ftteVega) {
    const slot = {};
    slot.promise = new Promise((resolve) => { slot.resolve = resolve; });
    globalThis.__ftteVega = slot;
  }
  return globalThis.__ftteVega;
}
"""
_RUNTIME = _SLOT + "export default { initialize() { vegaSlot().resolve(vegaEmbed); } };"


def slot_js() -> str:
    """The part which a chart needs to find the shared Vega."""
    return _SLOT


@lru_cache(maxsize=1)
def runtime_js() -> str:
    """Vega, Vega-Lite and vega-embed as one module: bundled once (seconds), then kept in the data home."""
    version = SCHEMA_VERSION.lstrip("v").rpartition(".")[0]
    key = hashlib.sha256(
        f"{metadata.version('vl-convert-python')} {version} {_RUNTIME}".encode()
    ).hexdigest()[:16]
    path = data_home() / f"vega-{key}.js"
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8")
    text = vl_convert.javascript_bundle(_RUNTIME, vl_version=version)
    with contextlib.suppress(
        OSError
    ):  # a home that cannot be written costs these seconds in every kernel
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
    return text


class _Runtime(anywidget.AnyWidget):
    """Invisible; its only effect is that Vega is on the page."""

    _esm = "export default {}"


_runtime: list[_Runtime] = []


def ensure_runtime() -> None:
    """Put Vega on the page, if this kernel has not done so yet."""
    if not _runtime:
        _Runtime._esm = runtime_js()
        _runtime.append(_Runtime())
