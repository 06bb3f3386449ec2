"""Owns reading PNG and BMP by Pillow, and decoding JPEG where its stream cannot be kept."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from appliance.convert import pixels
from appliance.convert.claims import exif
from appliance.convert.pixels import Layout
from appliance.convert.source import decoding
from appliance.errors import Transparent, UnsupportedFormat
from appliance.peek import Format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from appliance.convert.source import Found, Source
    from appliance.model import Claim

# The guard is pixels.must_fit, before anything is decoded; Pillow's own only warns.
Image.MAX_IMAGE_PIXELS = None

_EXIF, _DATE_ORIGINAL, _DATE_DIGITIZED, _ORIENTATION = 0x8769, 36867, 36868, 274
_UPRIGHT = 1
_GREY = {"1": "u1", "L": "u1", "I;16": "u2", "I;16B": "u2", "I": "u2"}
_TRANSPARENT, _OPAQUE = 0, 255
_PNG_DEPTH_AT, _PNG_DEEP = 24, 16


def read(source: Source, form: Format) -> Found:
    """One PNG or BMP image. Raises Unreadable, UnsupportedFormat and Transparent."""
    with opened(source, form) as image:
        _must_keep_its_depth(source, image)
        layout = Layout(image.height, image.width, photometric="" if _is_grey(image) else "RGB")
        pixels.must_fit(source, layout)
        upright = ImageOps.exif_transpose(image)
        return replace(
            pixels.body(source, _values(source, upright, form)), claims=tuple(dates(image))
        )


@contextmanager
def opened(source: Source, form: Format) -> Iterator[Image.Image]:
    """The image, undecoded yet; what goes wrong with it is said in words."""
    with decoding(source, form), Image.open(source.path, formats=[form]) as image:
        yield image


def orientation(image: Image.Image) -> int:
    """EXIF Orientation, 1 where the rows are as they are to be seen."""
    return int(image.getexif().get(_ORIENTATION, _UPRIGHT))


def dates(image: Image.Image) -> list[Claim]:
    """When the picture was taken, where EXIF says so."""
    own = image.getexif().get_ifd(_EXIF)
    return exif((own.get(_DATE_ORIGINAL), own.get(_DATE_DIGITIZED)))


def decoded(source: Source, image: Image.Image, extra: dict[str, object]) -> Found:
    """The pixels of a lossy picture, turned as EXIF says, with what must be said about that."""
    upright = ImageOps.exif_transpose(image)
    values = np.asarray(upright if upright.mode == "L" else upright.convert("RGB"))
    found = pixels.body(source, values, extra=extra)
    note = "Its pixels were decoded, since DICOM has no place for this kind of JPEG as it is."
    return replace(found, notes=(*found.notes, note))


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY and "transparency" not in image.info


def _values(source: Source, image: Image.Image, form: Format) -> NDArray[np.generic]:
    """Greyscale as (rows, columns), colour as (rows, columns, 3). Raises Transparent."""
    if _is_grey(image):
        upright = image.convert("L") if image.mode == "1" else image
        return np.asarray(upright).astype(_GREY[image.mode])
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.asarray(image)
    rgba = np.asarray(image.convert("RGBA"))
    alpha = set(np.unique(rgba[..., 3]).tolist())
    # Old writers of 32-bit BMP leave the fourth byte zero everywhere and mean nothing by it.
    if alpha != {_OPAQUE} and not (form is Format.BMP and alpha == {_TRANSPARENT}):
        raise Transparent(name=source.name)
    rgb = rgba[..., :3]
    is_grey = image.mode in {*_GREY, "LA"} or (image.mode == "P" and _same_channels(rgb))
    return rgb[..., 0] if is_grey else rgb


def _same_channels(rgb: NDArray[np.generic]) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def _must_keep_its_depth(source: Source, image: Image.Image) -> None:
    """Pillow would read 16-bit colour as 8-bit colour and say nothing."""
    if image.format != "PNG" or _is_grey(image):
        return
    with source.path.open("rb") as file:
        file.seek(_PNG_DEPTH_AT)
        if file.read(1)[0] == _PNG_DEEP:
            raise UnsupportedFormat(
                name=source.name, detail="it has 16 bits of colour or a transparent shade"
            )
