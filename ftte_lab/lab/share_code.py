"""Short codes: a few words of JSON as one line that survives a chat window, a slide or a board.

A code names a version, so that codes stay readable when the kit grows, and carries a check sum, so that a slip of the
keyboard is told from a wrong scenario.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import require
from ftte_lab.simulation import Scenario

PREFIX = "ftte1-"
_MOST_BYTES = 100_000  # a code is a few hundred characters; what unpacks to more is no code of ours
# The compressor knows these words beforehand. Part of the format: another list needs another prefix.
_WORDS = (
    b'"tensors":"horizon_s":"evaluations":"over":"sim_seconds","metric":"accuracy","loss","watch":"upload_bytes",'
    b'"samples_per_client":"clients":"model":"mcunet-s","mlp","cnn","digits","motion","server_rate":"straggler_factor":'
    b'"straggler_share":"payload_share":null,"variance_exponent":"age_exponent":"concurrency":"budget_kib":"buffer":'
    b'"alpha":"mix":{"sensor":0.5,"watch":0.3,"phone":0.2},"rates":{"fedavg":1.5,"fedbuff":1.5,"ftte":1.5},'
    b'"methods":["fedavg","fedbuff","fedasync","ftte"],"seeds":1,"seed":{"scenario":{'
)
_HOW = "a code as the Share button writes it, from 'ftte1-' to its last character"


def encode(content: Mapping[str, Any]) -> str:
    """JSON-able content as a code."""
    raw = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    packer = zlib.compressobj(9, wbits=-15, zdict=_WORDS)
    packed = packer.compress(raw) + packer.flush()
    check = zlib.crc32(raw).to_bytes(4, "big")[:3]
    return PREFIX + base64.urlsafe_b64encode(check + packed).decode().rstrip("=")


def decode(code: str) -> dict[str, Any]:
    """Inverse of `encode`.

    Raises:
        ValueError: text that is no code, or a code that is cut off or mistyped.
    """
    text = "".join(code.split())
    require(text.startswith(PREFIX), f"the text {text[:12]!r} is no code", _HOW, "Copy it again")
    body = text.removeprefix(PREFIX)
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(wbits=-15, zdict=_WORDS)
        raw = unpacker.decompress(packed[3:], _MOST_BYTES)
        whole = zlib.crc32(raw).to_bytes(4, "big")[:3] == packed[:3] and unpacker.eof
        content = json.loads(raw) if whole else None
    except (binascii.Error, zlib.error, ValueError):
        content = None
    require(isinstance(content, dict), "the code is cut off or mistyped", _HOW, "Copy it again")
    return content  # type: ignore[return-value]


def changes(scenario: Scenario) -> dict[str, Any]:
    """The fields of a scenario that differ from the defaults: all that a code must carry."""
    plain = Scenario().to_dict()
    return {name: value for name, value in scenario.to_dict().items() if value != plain[name]}
