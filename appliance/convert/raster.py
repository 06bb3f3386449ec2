"""Owns reading PNG and BMP by Pillow, and decoding JPEG where its stream cannot be kept."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from appliance.convert import pixels
from appliance.convert.claims import exif
from appliance.convert.source import Found
from appliance.errors import Unreadable, UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.convert.source import Source
    from appliance.model import Claim

_MAX_PIXELS = 1 << 28
Image.MAX_IMAGE_PIXELS = _MAX_PIXELS

_EXIF, _DATE_ORIGINAL, _DATE_DIGITIZED, _ORIENTATION = 0x8769, 36867, 36868, 274
_UPRIGHT = 1
_GREY = {"1": "L", "L": "L", "I;16": "I;16", "I;16B": "I;16", "I": "I;16"}
_OPAQUE = {8: 255}
_PNG_DEPTH_AT, _PNG_DEEP = 24, 16


def read(source: Source, form: str) -> Found:
    """One PNG or BMP image. Raises Unreadable and UnsupportedFormat."""
    with opened(source, form) as image:
        _must_keep_its_depth(source, image)
        return pixels.body(source, _values(source, image))


@contextmanager
def opened(source: Source, form: str) -> Iterator[Image.Image]:
    """The image, undecoded yet; what goes wrong with it is said in words."""
    try:
        with Image.open(source.path, formats=[form]) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise UnsupportedFormat(name=source.name, detail="it has too many pixels")
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(name=source.name, format=form, detail=error) from error


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
    return Found(
        found.kind,
        found.transfer_syntax_uid,
        found.slices,
        found.attributes,
        found.claims,
        (*found.notes, note),
    )


def _values(source: Source, image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Greyscale as (rows, columns), colour as (rows, columns, 3)."""
    if image.mode in _GREY:
        if image.mode == "1":
            image = image.convert("L")
        return np.asarray(image).astype(np.uint8 if image.mode == "L" else np.uint16)
    rgba = np.asarray(image.convert("RGBA"))
    if int(rgba[..., 3].min()) != _OPAQUE[8]:
        raise UnsupportedFormat(name=source.name, detail="parts of it are transparent")
    rgb = rgba[..., :3]
    is_grey = image.mode == "LA" or (image.mode == "P" and _same_channels(rgb))
    return rgb[..., 0] if is_grey else rgb


def _same_channels(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def _must_keep_its_depth(source: Source, image: Image.Image) -> None:
    """Pillow would read 16-bit colour as 8-bit colour and say nothing."""
    if image.format != "PNG" or image.mode in _GREY:
        return
    with source.path.open("rb") as file:
        file.seek(_PNG_DEPTH_AT)
        if file.read(1)[0] == _PNG_DEEP:
            raise UnsupportedFormat(name=source.name, detail="its colours have 16 bits each")
