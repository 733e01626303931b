"""Agree on masks in pairs: what one device adds, the other takes away.

    k_ij = HKDF-SHA256(X25519(secret_i, public_j))
    mask_i = sum_{j after i} ChaCha20(k_ij) - sum_{j before i} ChaCha20(k_ij)   mod 2^32

The masks are agreed on when the devices are ready to send, and not when they start. So it does not
matter from which version of the model each of them started, which a buffer needs.

Source: Bonawitz et al. 2017, "Practical Secure Aggregation", section 4.1 (the masks of pairs,
without secret shares). That they are agreed on at the upload is our reconstruction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab._common import integer, require

Array = np.ndarray

KEY_BYTES = 32
"""Bytes of a public key."""

_LABEL = b"ftte_lab mask 1"
_NONCE = bytes(16)  # a key makes one stream only, so that the nonce need not change


class Masker:
    """Hold a fresh key pair of one device for one group, and make its mask.

    Args:
        secret: 32 bytes of a private key; `None`: drawn from the system's secret source. Give it
            in tests only.

    Attributes:
        public: the public key, 32 bytes.

    Raises:
        ValueError: the package cryptography is missing, or a key of another length.

    Example:
        >>> pair = [Masker(bytes([k] * 32)) for k in (1, 2)]
        >>> keys = [one.public for one in pair]
        >>> masks = [one.mask(keys, entries=3) for one in pair]
        >>> (masks[0] + masks[1]).tolist(), len(set(masks[0].tolist()))
        ([0, 0, 0], 3)
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._tools = _tools()
        keys = self._tools["X25519PrivateKey"]
        if secret is not None:
            right = isinstance(secret, bytes) and len(secret) == KEY_BYTES
            require(right, "a private key of another length", f"{KEY_BYTES} bytes")
        self._secret = keys.generate() if secret is None else keys.from_private_bytes(secret)
        self.public: bytes = self._secret.public_key().public_bytes_raw()

    def mask(self, publics: Sequence[bytes], entries: int) -> Array:
        """Return the mask of this device in a group, `uint32` `(entries,)`.

        Args:
            publics: the public keys of the group, this one among them, in the server's order.
            entries: how many.

        Raises:
            ValueError: a group without this device, or with a key twice.
        """
        entries = integer("entries", entries, 0, 10**9)
        keys = list(publics)
        own = keys.count(self.public) == 1 and len(set(keys)) == len(keys)
        require(own, "a group of other keys", "different keys, this device's among them")
        here, total = keys.index(self.public), np.zeros(entries, np.uint32)
        group = hashlib.sha256(b"".join(keys)).digest()
        for place, key in enumerate(keys):
            if place > here:
                total += self._stream(key, group, entries)
            elif place < here:
                total -= self._stream(key, group, entries)
        return total

    def _stream(self, other: bytes, group: bytes, entries: int) -> Array:
        """Return the numbers that only this device and another one know."""
        t = self._tools
        shared = self._secret.exchange(t["X25519PublicKey"].from_public_bytes(other))
        expand = t["HKDF"](t["SHA256"](), KEY_BYTES, None, _LABEL + group)
        cipher = t["Cipher"](t["ChaCha20"](expand.derive(shared), _NONCE), mode=None)
        numbers = cipher.encryptor().update(bytes(4 * entries))
        return np.frombuffer(numbers, dtype="<u4").astype(np.uint32)


def _tools() -> dict[str, Any]:
    """Import what the masks need of the package cryptography."""
    try:
        from cryptography.hazmat.primitives.asymmetric.x25519 import (
            X25519PrivateKey,
            X25519PublicKey,
        )
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError:
        fix = "pip install 'ftte_lab[privacy]'"
        require(False, "masks without the package cryptography", "with that package", fix)
    names = (X25519PrivateKey, X25519PublicKey, Cipher, ChaCha20, SHA256, HKDF)
    return {one.__name__: one for one in names}
