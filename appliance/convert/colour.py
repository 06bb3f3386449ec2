"""Owns the colour profile (ICC) that a picture brings along, as DICOM carries it."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ICC_BYTES = 1 << 20
_HEADER_BYTES = 128
# ICC.1, 7.2: where a profile's header says its size, its colour space, and that it is one.
_SIZE, _SPACE, _SIGNATURE = slice(0, 4), slice(16, 20), slice(36, 40)


def icc(content: bytes | None) -> Mapping[str, object]:
    """ICCProfile (PS3.3 C.11.15) as base64 text; nothing where it is none, or none of RGB."""
    if not content or not _HEADER_BYTES < len(content) <= MAX_ICC_BYTES:
        return {}
    size = int.from_bytes(content[_SIZE])
    is_one = content[_SIGNATURE] == b"acsp" and _HEADER_BYTES < size <= len(content)
    if not is_one or content[_SPACE] != b"RGB ":
        return {}
    return {"ICCProfile": b64encode(content[:size]).decode("ascii")}
