"""Owns reading PNG and BMP by Pillow, and decoding JPEG where its stream cannot be kept."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from imagecodecs import png_decode
from PIL import Image

from appliance.convert import pixels, upright
from appliance.convert.claims import exif
from appliance.convert.colour import icc
from appliance.convert.pixels import Layout
from appliance.convert.source import decoding
from appliance.errors import Transparent, UnsupportedFormat
from appliance.peek import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from appliance.convert.source import Found, Source
    from appliance.model import Claim

    _Take = Callable[[Image.Image], NDArray[np.generic]]

# The guard is _must_fit, before anything is decoded; Pillow's own only warns.
Image.MAX_IMAGE_PIXELS = None

_EXIF, _DATE_ORIGINAL, _DATE_DIGITIZED, _ORIENTATION = 0x8769, 36867, 36868, 274
_GREY = {"1": "u1", "L": "u1", "I;16": "u2", "I;16B": "u2", "I": "u2"}
_PILLOW_BYTES = 4  # of a pixel in colour, while it is decoded
_TRANSPARENT = 0
_PNG_DEPTH_AT, _PNG_DEEP = 24, 16
_BAND_ROWS = 64
_BYTE_BITS = 8


def read(source: Source, form: Format) -> tuple[Found, ...]:
    """One PNG or BMP image. Raises Unreadable, UnsupportedFormat and Transparent."""
    with opened(source, form) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise UnsupportedFormat(name=source.name, detail="it is a film, not a picture")
        _must_fit(source, image)
        taken = tuple(dates(image.getexif()))
        if _is_deep(source, image) and not _is_grey(image):
            return (replace(_deep(source, image), claims=taken),)
        return (replace(_body(source, image, _take(source, image, form)), claims=taken),)


@contextmanager
def opened(source: Source, form: Format) -> Iterator[Image.Image]:
    """The image, undecoded yet; what goes wrong with it is said in words."""
    with decoding(source, form), Image.open(source.path, formats=[form]) as image:
        yield image


def orientation(said: Image.Exif) -> int:
    """EXIF Orientation, 1 where the rows are as they are to be seen."""
    return int(said.get(_ORIENTATION, upright.UPRIGHT))


def dates(said: Image.Exif) -> list[Claim]:
    """When the picture was taken, where EXIF says so."""
    own = said.get_ifd(_EXIF)
    return exif((own.get(_DATE_ORIGINAL), own.get(_DATE_DIGITIZED)))


def decoded(source: Source, image: Image.Image, extra: Mapping[str, object]) -> Found:
    """The pixels of a lossy picture, turned as EXIF says, with what must be said about that."""
    _must_fit(source, image)
    take: _Take = np.asarray if image.mode == "L" else _rgb
    return _body(source, image, take, extra)


def _must_fit(source: Source, image: Image.Image) -> None:
    layout = Layout(image.height, image.width, photometric="" if _is_grey(image) else "RGB")
    pixels.must_fit(source, layout)
    if layout.samples > 1:
        most = pixels.MAX_DECODED_BYTES // _PILLOW_BYTES
        pixels.must_fit(source, layout, most * layout.samples)


def _body(
    source: Source,
    image: Image.Image,
    take: _Take,
    extra: Mapping[str, object] | None = None,
) -> Found:
    """A new body of what `take` makes of the picture."""
    turn = orientation(image.getexif())
    rows, columns = upright.size(image, turn)
    sample = take(image.crop((0, 0, 1, 1)))
    is_colour = sample.ndim > len(image.size)
    bits = sample.dtype.itemsize * _BYTE_BITS
    layout = Layout(rows, columns, bits, photometric="RGB" if is_colour else "")
    parts = (
        take(band).astype(layout.kind).tobytes() for band in upright.bands(image, turn, _BAND_ROWS)
    )
    profile = icc(image.info.get("icc_profile")) if is_colour else {}
    return pixels.written(source, layout, parts, {**profile, **(extra or {})})


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY and "transparency" not in image.info


def _take(source: Source, image: Image.Image, form: Format) -> _Take:
    """What makes an array of a band: greyscale or colour, alpha left out. Raises Transparent."""
    if _is_grey(image):
        return lambda band: np.asarray(
            band.convert("L") if band.mode == "1" else band, _GREY[image.mode]
        )
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.asarray
    # Old writers of 32-bit BMP leave the fourth byte zero everywhere and mean nothing by it.
    _must_be_opaque(source, image, may_be_empty=form is Format.BMP)
    same = image.mode == "P" and all(
        _same_channels(_rgba(band)[..., :3])
        for band in upright.bands(image, upright.UPRIGHT, _BAND_ROWS)
    )
    if image.mode in {*_GREY, "LA"} or same:
        return lambda band: _rgba(band)[..., 0]
    return lambda band: _rgba(band)[..., :3]


def _rgba(band: Image.Image) -> NDArray[np.generic]:
    return np.asarray(band.convert("RGBA"))


def _rgb(band: Image.Image) -> NDArray[np.generic]:
    return np.asarray(band.convert("RGB"))


def _must_be_opaque(source: Source, image: Image.Image, *, may_be_empty: bool) -> None:
    found: set[int] = set()
    for band in upright.bands(image, upright.UPRIGHT, _BAND_ROWS):
        found |= set(np.unique(_rgba(band)[..., 3]).tolist())
    if found != {0xFF} and not (may_be_empty and found == {_TRANSPARENT}):
        raise Transparent(name=source.name)


def _same_channels(rgb: NDArray[np.generic]) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


# --- 16 bits of each colour, which Pillow would make 8 and say nothing ---------------------------


def _is_deep(source: Source, image: Image.Image) -> bool:
    if image.format != Format.PNG:
        return False
    with source.path.open("rb") as file:
        file.seek(_PNG_DEPTH_AT)
        return file.read(1)[0] == _PNG_DEEP


def _deep(source: Source, image: Image.Image) -> Found:
    layout = Layout(image.height, image.width, bits=_PNG_DEEP, photometric="RGB")
    pixels.must_fit(source, layout, pixels.MAX_DECODED_BYTES // 2)
    values = opaque(source, png_decode(source.path.read_bytes()))
    values = upright.turned(values, orientation(image.getexif()))
    profile = icc(image.info.get("icc_profile")) if values.ndim > len(image.size) else {}
    return pixels.body(source, values, extra=profile)


def opaque(source: Source, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Without an alpha channel that means nothing. Raises Transparent."""
    channels = values.shape[2] if values.ndim == 3 else 1  # noqa: PLR2004
    if channels in {1, 3}:
        return values
    most = (1 << values.dtype.itemsize * _BYTE_BITS) - 1
    if not np.equal(values[..., -1], most).all():
        raise Transparent(name=source.name)
    return values[..., 0] if channels == 2 else values[..., :-1]  # noqa: PLR2004
