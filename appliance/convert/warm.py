"""Owns what is loaded before readers are forked, which else each would load for its one image."""

from __future__ import annotations

from importlib import import_module

import imagecodecs
from PIL import Image

_LOADED_LATE = ("PIL.ImageOps", "PIL.TiffImagePlugin", "numpy.ma", "encodings.cp1252")
_CODECS = ("deflate_decode", "lzw_decode", "packbits_decode", "zlib_decode")


def warm() -> None:
    """Load what the libraries load only when they meet the first image of a kind."""
    Image.preinit()
    for name in _LOADED_LATE:
        import_module(name)
    for name in _CODECS:  # whose modules come with the first look at them
        getattr(imagecodecs, name)
