"""Owns the compressed transfer syntaxes whose streams go on as they came (PS3.5 A.4), by name."""

from __future__ import annotations

_JPEG = "1.2.840.10008.1.2.4"

JPEG_BASELINE = f"{_JPEG}.50"
JPEG_EXTENDED = f"{_JPEG}.51"
JPEG_LOSSLESS = f"{_JPEG}.57"
JPEG_LOSSLESS_FIRST = f"{_JPEG}.70"
JPEG_LS_LOSSLESS = f"{_JPEG}.80"
JPEG_LS_NEAR = f"{_JPEG}.81"
JPEG_2000_REVERSIBLE = f"{_JPEG}.90"
JPEG_2000 = f"{_JPEG}.91"

KEPT = (
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_FIRST,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR,
    JPEG_2000_REVERSIBLE,
    JPEG_2000,
)
"""What an object made here may have, its streams untouched; else its pixels are uncompressed."""
