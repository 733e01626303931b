"""Write settings as short codes: one line that survives a chat window, a slide or a blackboard.

A code names a version, so that codes stay readable when the kit grows. It carries a check sum, so
that a typing error is distinguished from a wrong scenario.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import require

PREFIX = "ftte1-"
_LARGEST_BYTES = 100_000  # a code is a few hundred characters; no code of ours unpacks to more
# The compressor knows these words beforehand. They are part of the format: do not change them.
_WORDS = (
    b'"tensors":"horizon_s":"evaluations":"over":"sim_seconds","metric":"accuracy","loss",'
    b'"watch":"upload_bytes","samples_per_client":"clients":"model":"mcunet-s","mlp","cnn"'
    b',"digits","motion","server_rate":"straggler_factor":"straggler_share":"payload_share'
    b'":null,"variance_exponent":"age_exponent":"concurrency":"budget_kib":"buffer":"alpha'
    b'":"mix":{"sensor":0.5,"watch":0.3,"phone":0.2},"rates":{"fedavg":1.5,"fedbuff":1.5,"'
    b'ftte":1.5},"methods":["fedavg","fedbuff","fedasync","ftte"],"seeds":1,"seed":{"scena'
    b'rio":{'
)
_HOW = "a code as the Share button writes it, from 'ftte1-' to its last character"


def encode(content: Mapping[str, Any]) -> str:
    """Write JSON-able content as a code."""
    raw = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    packer = zlib.compressobj(9, wbits=-15, zdict=_WORDS)
    packed = packer.compress(raw) + packer.flush()
    check = zlib.crc32(raw).to_bytes(4, "big")[:3]
    return PREFIX + base64.urlsafe_b64encode(check + packed).decode().rstrip("=")


def decode(code: str) -> dict[str, Any]:
    """Read what `encode` wrote.

    Raises:
        ValueError: text that is not a code, or a code that is cut off or mistyped.
    """
    text = "".join(code.split())
    require(text.startswith(PREFIX), f"the text {text[:12]!r} is not a code", _HOW, "Copy it again")
    body = text.removeprefix(PREFIX)
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(wbits=-15, zdict=_WORDS)
        raw = unpacker.decompress(packed[3:], _LARGEST_BYTES)
        complete = zlib.crc32(raw).to_bytes(4, "big")[:3] == packed[:3] and unpacker.eof
        content = json.loads(raw) if complete else None
    except (binascii.Error, zlib.error, ValueError):
        content = None
    require(isinstance(content, dict), "the code is cut off or mistyped", _HOW, "Copy it again")
    return content  # type: ignore[return-value]
