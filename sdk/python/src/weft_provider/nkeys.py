# SPDX-License-Identifier: Apache-2.0
"""Keys as NATS writes them, and what a host seals with them. Needs PyNaCl (`weft-provider[secrets]`) to open, seal and sign."""

from __future__ import annotations

import base64
import binascii

# What a sealed box begins with.
_SEALED = b"xkv1"


class KeyProblem(Exception):
    """A key is not one, a box does not open, or PyNaCl is not installed."""


def _crc(data: bytes) -> bytes:
    return binascii.crc_hqx(data, 0).to_bytes(2, "little")


def _decode(text: str, prefix: bytes) -> bytes:
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError) as error:
        raise KeyProblem("a key that is not base 32") from error
    if len(data) != len(prefix) + 34 or not data.startswith(prefix) or _crc(data[:-2]) != data[-2:]:
        raise KeyProblem("a key of another kind, or one that is damaged")
    return data[len(prefix):-2]


def _encode(prefix: bytes, key: bytes) -> str:
    data = prefix + key
    return base64.b32encode(data + _crc(data)).decode().rstrip("=")


_XKEY_SEED, _XKEY_PUBLIC = b"\x95\xc0", b"\xb8"
_USER_SEED = b"\x95\x00"


def public_xkey(seed: str) -> str:
    """`X...` of `SX...`. Every provider needs it to know one of its subjects, so it does without PyNaCl."""
    return _encode(_XKEY_PUBLIC, _x25519_base(_decode(seed, _XKEY_SEED)))


def _x25519_base(secret: bytes) -> bytes:
    """RFC 7748, section 5, for the base point."""
    prime = 2**255 - 19
    scalar = int.from_bytes(secret, "little") & ~7 & (2**254 - 1) | 2**254
    x2, z2, x3, z3 = 1, 0, 9, 1
    for bit in range(254, -1, -1):
        one = scalar >> bit & 1
        if one:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % prime, c * b % prime, a * a % prime, b * b % prime
        x3, z3 = (da + cb) ** 2 % prime, 9 * (da - cb) ** 2 % prime
        x2, z2 = aa * bb % prime, (aa - bb) * (aa + 121665 * (aa - bb)) % prime
        if one:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, prime - 2, prime) % prime).to_bytes(32, "little")


def open_sealed(sealed: bytes, seed: str, sender: str) -> bytes:
    """What `sender` sealed for the owner of the seed."""
    try:
        from nacl.exceptions import CryptoError
        from nacl.public import Box, PrivateKey, PublicKey
    except ImportError as error:
        raise KeyProblem("PyNaCl is not installed (weft-provider[secrets])") from error
    if not sealed.startswith(_SEALED):
        raise KeyProblem("secrets that are not sealed")
    box = Box(PrivateKey(_decode(seed, _XKEY_SEED)), PublicKey(_decode(sender, _XKEY_PUBLIC)))
    try:
        return bytes(box.decrypt(sealed[len(_SEALED):]))
    except (CryptoError, ValueError) as error:
        raise KeyProblem("secrets that were sealed for somebody else, or damaged") from error


def seal(plain: bytes, seed: str, recipient: str, nonce: bytes | None = None) -> bytes:
    """What a host does; for tests."""
    try:
        from nacl.public import Box, PrivateKey, PublicKey
    except ImportError as error:
        raise KeyProblem("PyNaCl is not installed (weft-provider[secrets])") from error
    return _SEALED + bytes(Box(PrivateKey(_decode(seed, _XKEY_SEED)), PublicKey(_decode(recipient, _XKEY_PUBLIC))).encrypt(plain, nonce))


def sign(seed: str, data: bytes) -> bytes:
    """The signature of a user (`SU...`) as NATS wants it: base 64."""
    try:
        from nacl.signing import SigningKey
    except ImportError as error:
        raise KeyProblem("PyNaCl is not installed (weft-provider[secrets])") from error
    return base64.b64encode(SigningKey(_decode(seed, _USER_SEED)).sign(data).signature)
