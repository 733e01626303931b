"""Write settings as short codes: one line that survives a chat window, a slide or a blackboard.

A code names a version, so that codes stay readable when the kit grows. It carries a check sum, so
that a typing error is distinguished from a wrong scenario.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import read_json, require, write_json

PREFIX = "ftte2-"
_FIRST = "ftte1-"
_LARGEST_BYTES = 100_000  # a code is a few hundred characters; no code of ours unpacks to more
# The compressor knows these words beforehand, by version; what a Lab mostly holds stands last. They
# are part of the format: do not change them.
_WORDS: Mapping[str, bytes] = {
    _FIRST: (
        b'"tensors":"horizon_s":"evaluations":"over":"sim_seconds","metric":"accuracy","loss",'
        b'"watch":"upload_bytes","samples_per_client":"clients":"model":"mcunet-s","mlp","cnn"'
        b',"digits","motion","server_rate":"straggler_factor":"straggler_share":"payload_share'
        b'":null,"variance_exponent":"age_exponent":"concurrency":"budget_kib":"buffer":"alpha'
        b'":"mix":{"sensor":0.5,"watch":0.3,"phone":0.2},"rates":{"fedavg":1.5,"fedbuff":1.5,"'
        b'ftte":1.5},"methods":["fedavg","fedbuff","fedasync","ftte"],"seeds":1,"seed":{"scena'
        b'rio":{'
    ),
    PREFIX: (
        b'"recompute":"granularity":"phases":"payload_bits":"fault":"faulty_share":"batteries":'
        b'"app_memory_share":"local_steps":"client_rate":"batch":"jitter":"dropout":"slow_class":'
        b'"samples_per_client":"clients":"model":"mcunet-s","mlp","cnn","data":"digits","motion",'
        b'"subset_per":"kind","solver":"exact","server_momentum":"straggler_factor":'
        b'"straggler_share":"concurrency":30,"buffer":10,"age_exponent":0.5,"alpha":null,'
        b'"mix":{"sensor":0.5,"watch":0.3,"phone":0.2},"server_rate":'
        b'{"methods":["fedavg","fedbuff","fedbuff_average","ftte"],"metric":"accuracy","over":'
        b'"sim_seconds","own":{"fedbuff_average":{"micro_batch":"auto"},"ftte":{"micro_batch":'
        b'"auto","server_average":0.95}},"rates":{"fedasync":0.8,"fedavg":1.5,"fedbuff":2.5,'
        b'"fedbuff_average":4.0,"fedprox":1.5,"ftte":2.5,"scaffold":1.5},"scenario":{"budget_kib":'
        b'128.0,"horizon_s":1800.0,"payload_share":0.25,'
        b'"warm_start_steps":0},"seeds":1,"watch":"ftte"}'
    ),
}
_HOW = "a code as the Share button writes it, from 'ftte' to its last character"


def encode(content: Mapping[str, Any]) -> str:
    """Write JSON-able content as a code."""
    raw = write_json(content, separators=(",", ":"), sort_keys=True).encode()
    packer = zlib.compressobj(9, wbits=-15, zdict=_WORDS[PREFIX])
    packed = packer.compress(raw) + packer.flush()
    return PREFIX + base64.urlsafe_b64encode(_check(packed) + packed).decode().rstrip("=")


def _check(checked: bytes) -> bytes:
    return zlib.crc32(checked).to_bytes(4, "big")[:3]


def is_code(text: str) -> bool:
    """Report whether a text begins like a code of any version."""
    return text.strip().startswith(tuple(_WORDS))


def is_first(code: str) -> bool:
    """Report whether a code is one of the first edition."""
    return "".join(code.split()).startswith(_FIRST)


def decode(code: str) -> dict[str, Any]:
    """Read what `encode` wrote.

    Raises:
        ValueError: text that is not a code, or a code that is cut off or mistyped.
    """
    require(isinstance(code, str), f"a code of {type(code).__name__}", _HOW)
    require(len(code) <= 2 * _LARGEST_BYTES, f"a code of {len(code):,} characters", _HOW)
    text = "".join(code.split())
    version, body = text[: len(PREFIX)], text[len(PREFIX) :]
    require(version in _WORDS, f"the text {text[:12]!r} is not a code", _HOW, "Copy it again")
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(wbits=-15, zdict=_WORDS[version])
        raw = unpacker.decompress(packed[3:], _LARGEST_BYTES)
        checked = raw if version == _FIRST else packed[3:]
        complete = _check(checked) == packed[:3] and unpacker.eof
        content = read_json(raw, "the code", _HOW) if complete else None
    except (binascii.Error, zlib.error, ValueError):
        content = None
    require(isinstance(content, dict), "the code is cut off or mistyped", _HOW, "Copy it again")
    return content  # type: ignore[return-value]
