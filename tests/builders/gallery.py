"""Owns the gallery: a picture of every kind and depth that is read here, with the values that a
third party must find in the object made of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from PIL import Image

from appliance.settings.schema import Profile, Raw
from tests.builders import bitmaps, pictures
from tests.builders.bitmaps import (
    PNG_GREY,
    PNG_GREY_ALPHA,
    PNG_PALETTE,
    PNG_RGB,
    PNG_RGBA,
    bmp,
    bmp_runs,
    greys,
    png,
)
from tests.builders.pictures import COLUMNS, ROWS, colour, grey, smooth, tiff, tiff_packed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.generic]


@dataclass(frozen=True)
class Picture:
    """A file, and the object that must become of it where nothing but its own profile is set."""

    name: str
    content: bytes
    pixels: Values  # as stored: rows, columns and, in colour, 3; of frames, one more in front
    photometric: str = "MONOCHROME2"
    bits: int = 8  # stored
    syntax: str = ""  # of a stream that is kept; "" of native pixels
    is_lossy: bool = False  # the pixels are near, not equal
    settings: Profile = field(default_factory=Profile)

    @property
    def is_stream(self) -> bool:
        """Whether the compressed bytes must come through as they are."""
        return bool(self.syntax)


def _stretched(values: Values, bits: int) -> Values:
    """Few bits as 8 bits have them, which is how PNG's standard has it (13.12)."""
    return (values.astype(np.uint16) * (255 // ((1 << bits) - 1))).astype(np.uint8)


# --- TIFF ---------------------------------------------------------------------------------------


def _tiffs() -> Iterator[Picture]:
    for bits, meaning in ((8, "u1"), (16, "u2"), (8, "i1"), (16, "i2")):
        signed = meaning[0] == "i"
        values = grey(bits, signed=signed)
        name = f"tiff-grey-{'signed-' if signed else ''}{bits}"
        for order in ("<", ">"):
            content = tiff(values, byteorder=order)
            yield Picture(
                f"{name}-{'le' if order == '<' else 'be'}.tif", content, values, bits=bits
            )
    for bits in (8, 16):
        white = tiff(grey(bits), photometric="miniswhite")
        yield Picture(f"tiff-miniswhite-{bits}.tif", white, grey(bits), "MONOCHROME1", bits)
        yield Picture(
            f"tiff-rgb-{bits}.tif", tiff(colour(bits=bits)), colour(bits=bits), "RGB", bits
        )
    planes = tiff(np.moveaxis(colour(), -1, 0), photometric="rgb", planarconfig="separate")
    yield Picture("tiff-rgb-planes.tif", planes, colour(), "RGB")
    yield Picture("tiff-tiled.tif", tiff(grey(16), tile=(16, 32)), grey(16), bits=16)
    yield Picture("tiff-tiled-rgb.tif", tiff(colour(), tile=(16, 32)), colour(), "RGB")


def _tiffs_of_few_bits() -> Iterator[Picture]:
    for bits in (1, 2, 4):
        content = tiff_packed(grey(bits), bits=bits)
        yield Picture(f"tiff-grey-{bits}.tif", content, _stretched(grey(bits), bits))
    for bits in (10, 12, 14):
        for order, ending in (("<", "le"), (">", "be")):
            content = tiff_packed(grey(bits), bits=bits, order=order)
            yield Picture(f"tiff-packed-{bits}-{ending}.tif", content, grey(bits), bits=bits)
    backwards = tiff_packed(grey(1), 0, bits=1, tags={266: [2]})
    yield Picture("tiff-fillorder-2.tif", backwards, _stretched(grey(1), 1), "MONOCHROME1")
    for bits in (4, 8):
        _, table = bitmaps.blues_to_reds(1 << bits)
        colours = [int(value) * 257 for value in table.T.ravel()]
        content = tiff_packed(grey(bits), 3, bits=bits, tags={320: colours})
        yield Picture(f"tiff-palette-{bits}.tif", content, table[grey(bits)], "RGB")


def _packed_tiffs() -> Iterator[Picture]:
    for kind in ("lzw", "zlib", "packbits", "zstd"):
        yield Picture(f"tiff-{kind}.tif", tiff(grey(16), compression=kind), grey(16), bits=16)
    for bits in (8, 16):
        content = tiff(colour(bits=bits), compression="lzw", predictor=True)
        yield Picture(f"tiff-lzw-predictor-{bits}.tif", content, colour(bits=bits), "RGB", bits)
    tiles = tiff(grey(16), compression="zlib", tile=(16, 16), byteorder=">")
    yield Picture("tiff-deflate-tiled-be.tif", tiles, grey(16), bits=16)
    fax = _stretched(grey(1), 1)
    for kind in ("group3", "group4"):
        content = pictures.saved(grey(1).astype(bool), "TIFF", compression=f"tiff_{kind}"[5:])
        yield Picture(f"tiff-{kind}.tif", content, fax)
    inside = tiff(smooth(), compression="jpeg", compressionargs={"level": 98})
    yield Picture("tiff-jpeg.tif", inside, smooth(), is_lossy=True)
    rgb = np.dstack([smooth(), smooth()[::-1], smooth()])
    inside = tiff(rgb, compression="jpeg", subsampling=(1, 1))
    yield Picture("tiff-jpeg-colour.tif", inside, rgb, "RGB", is_lossy=True)


def _pages_of_tiff() -> Iterator[Picture]:
    films = [grey(8, film=n) for n in range(4)]
    frames = np.stack(films)
    yield Picture("tiff-4-pages.tif", pictures.tiff_pages(films), frames)
    packed = pictures.tiff_pages(films, compression="lzw")
    yield Picture("tiff-4-pages-lzw.tif", packed, frames)
    deep = [grey(16, film=n) for n in range(3)]
    yield Picture("tiff-3-pages-16.tif", pictures.tiff_pages(deep), np.stack(deep), bits=16)
    white = pictures.tiff_pages(films, photometric="miniswhite")
    yield Picture("tiff-4-pages-miniswhite.tif", white, frames, "MONOCHROME1")
    coloured = [colour(film=n) for n in range(3)]
    yield Picture("tiff-3-pages-rgb.tif", pictures.tiff_pages(coloured), np.stack(coloured), "RGB")


# --- PNG and BMP --------------------------------------------------------------------------------


def _pngs() -> Iterator[Picture]:
    for bits in (1, 2, 4, 8, 16):
        values = grey(bits) if bits >= 8 else _stretched(grey(bits), bits)
        content = png(grey(bits), PNG_GREY, bits)
        yield Picture(f"png-grey-{bits}.png", content, values, bits=max(bits, 8))
    for bits in (8, 16):
        values, opaque = colour(bits=bits), np.full((ROWS, COLUMNS, 1), (1 << bits) - 1)
        yield Picture(f"png-rgb-{bits}.png", png(values, PNG_RGB, bits), values, "RGB", bits)
        rgba = png(np.concatenate([values, opaque], 2), PNG_RGBA, bits)
        yield Picture(f"png-rgba-{bits}.png", rgba, values, "RGB", bits)
        both = png(np.concatenate([grey(bits)[..., np.newaxis], opaque], 2), PNG_GREY_ALPHA, bits)
        yield Picture(f"png-grey-alpha-{bits}.png", both, grey(bits), bits=bits)
    for bits in (1, 2, 4, 8):
        _, table = bitmaps.blues_to_reds(1 << bits)
        content = png(grey(bits), PNG_PALETTE, bits, {b"PLTE": table.tobytes()})
        yield Picture(f"png-palette-{bits}.png", content, table[grey(bits)], "RGB")


def _bmps() -> Iterator[Picture]:
    for bits in (1, 4, 8):
        packed, table = bitmaps.blues_to_reds(1 << bits)
        content = bmp(grey(bits), bits, palette=packed)
        yield Picture(f"bmp-{bits}.bmp", content, table[grey(bits)], "RGB")
    yield Picture("bmp-grey-8.bmp", bmp(grey(8), 8, palette=greys(256)), grey(8))
    core = bmp(grey(8), 8, palette=greys(256, of_core=True), is_core=True)
    yield Picture("bmp-os2.bmp", core, grey(8))
    down = bmp(grey(8), 8, palette=greys(256), is_top_down=True)
    yield Picture("bmp-top-down.bmp", down, grey(8))
    for bits in (4, 8):
        values = _stretched(grey(bits), bits) if bits < 8 else grey(8)
        content = bmp_runs(grey(bits), bits, greys(1 << bits))
        yield Picture(f"bmp-rle{bits}.bmp", content, values)
    bgr = colour()[..., ::-1]
    yield Picture("bmp-24.bmp", bmp(bgr, 24), colour(), "RGB")
    high = [colour().astype(np.uint32)[..., channel] for channel in range(3)]
    whole = high[0] << 16 | high[1] << 8 | high[2]
    yield Picture("bmp-32.bmp", bmp(whole, 32), colour(), "RGB")
    yield from _bmps_of_16_bits()


def _bmps_of_16_bits() -> Iterator[Picture]:
    """Five bits a colour, or six of green; in 8 bits 31 becomes 255."""
    red, green, blue = (grey(5), grey(5)[::-1], grey(5)[:, ::-1])
    rgb = np.stack([red, green, blue], -1).astype(np.uint16)
    plain = bmp(rgb[..., 0] << 10 | rgb[..., 1] << 5 | rgb[..., 2], 16)
    yield Picture("bmp-16-555.bmp", plain, (rgb * 255 // 31).astype(np.uint8), "RGB")
    masks = (0xF800, 0x07E0, 0x001F)
    six = grey(6).astype(np.uint16)
    masked = bmp(rgb[..., 0] << 11 | six << 5 | rgb[..., 2], 16, masks=masks)
    seen = np.stack([rgb[..., 0] * 255 // 31, six * 255 // 63, rgb[..., 2] * 255 // 31], -1)
    yield Picture("bmp-16-565.bmp", masked, seen.astype(np.uint8), "RGB")


# --- JPEG, JPEG-LS, JPEG 2000 -------------------------------------------------------------------

_UID = "1.2.840.10008.1.2.4."
_SPIFF_RGB, _SPIFF_JPEG_LS = 10, 6


def _jpegs() -> Iterator[Picture]:
    plain = pictures.jpeg(smooth(), quality=95)
    yield Picture("jpeg-grey.jpg", plain, smooth(), syntax=_UID + "50", is_lossy=True)
    rgb = np.dstack([smooth(), smooth()[::-1], smooth()])
    for sampling in ("4:4:4", "4:2:0"):
        content = pictures.jpeg(rgb, quality=95, subsampling=sampling)
        name = f"jpeg-{sampling.replace(':', '')}.jpg"
        yield Picture(name, content, rgb, "YBR_FULL_422", syntax=_UID + "50", is_lossy=True)
    waves = pictures.jpeg(smooth(), quality=95, progressive=True)
    yield Picture("jpeg-progressive.jpg", waves, smooth(), is_lossy=True)
    deep = smooth().astype(np.uint16) * 16
    content = bytes(imagecodecs.jpeg8_encode(deep, level=95, bitspersample=12))
    yield Picture("jpeg-12.jpg", content, deep, bits=12, syntax=_UID + "51", is_lossy=True)
    turned = pictures.jpeg(smooth(), quality=95, orientation=6)
    yield Picture("jpeg-on-its-side.jpg", turned, np.rot90(smooth(), -1), is_lossy=True)
    yield Picture("jpeg-cmyk.jpg", _printed(rgb), rgb, "RGB", is_lossy=True)


def _printed(rgb: Values) -> bytes:
    """A JPEG of printing inks, no black among them; as Adobe writes it, 255 is no ink."""
    ink = np.concatenate([255 - rgb.astype(np.int16), np.zeros((ROWS, COLUMNS, 1))], 2)
    content = BytesIO()
    picture = Image.frombytes("CMYK", (COLUMNS, ROWS), ink.astype(np.uint8).tobytes())
    picture.save(content, "JPEG", quality=95)
    return content.getvalue()


def _lossless() -> Iterator[Picture]:
    for bits in (8, 12, 16):
        content = bytes(imagecodecs.jpeg8_encode(grey(bits), lossless=True, bitspersample=bits))
        name = f"jpeg-lossless-{bits}.jpg"
        yield Picture(name, content, grey(bits), bits=bits, syntax=_UID + "70")
    other = imagecodecs.jpeg8_encode(grey(16), lossless=True, bitspersample=16, predictor=4)
    yield Picture("jpeg-lossless-4.jpg", bytes(other), grey(16), bits=16, syntax=_UID + "57")


def _jpeg_lss() -> Iterator[Picture]:
    """Grey ones do not say what is white; of three colours this writer says so (SPIFF)."""
    white = Profile(photometric="MONOCHROME2")
    for bits in (8, 16):
        content = jpeg_ls(grey(bits))
        name = f"jpeg-ls-{bits}.jls"
        yield Picture(name, content, grey(bits), bits=bits, syntax=_UID + "80", settings=white)
    near = jpeg_ls(grey(8), level=2)
    name = "jpeg-ls-near.jls"
    yield Picture(name, near, grey(8), syntax=_UID + "81", is_lossy=True, settings=white)
    coloured = jpeg_ls(colour())
    yield Picture("jpeg-ls-rgb.jls", coloured, colour(), "RGB", syntax=_UID + "80")


def _jpeg2000s() -> Iterator[Picture]:
    white = Profile(photometric="MONOCHROME2")
    for bits in (8, 12, 16):
        name, syntax = f"jpeg2000-{bits}", _UID + "90"
        wrapped = jpeg2000(grey(bits), bitspersample=bits)
        yield Picture(f"{name}.jp2", wrapped, grey(bits), bits=bits, syntax=syntax)
        bare = jpeg2000(grey(bits), bitspersample=bits, codecformat="j2k")
        yield Picture(f"{name}.j2k", bare, grey(bits), bits=bits, syntax=syntax, settings=white)
    for mixes in (True, False):
        words = "YBR_RCT" if mixes else "RGB"
        content = jpeg2000(colour(), mct=mixes)
        yield Picture(f"jpeg2000-{words}.jp2", content, colour(), words, syntax=_UID + "90")
    rgb = np.dstack([smooth(), smooth()[::-1], smooth()])
    lossy = jpeg2000(rgb, level=50, reversible=False, mct=True)
    yield Picture("jpeg2000-lossy.jp2", lossy, rgb, "YBR_ICT", syntax=_UID + "91", is_lossy=True)


def jpeg_ls(values: Values, **options: Any) -> bytes:
    """A JPEG-LS of CharLS's making, lossless unless told otherwise."""
    content = bytes(imagecodecs.jpegls_encode(values, **options))
    return _spiff(values) + content[content.index(b"\xff\xf7") :]  # SOF55


def _spiff(values: Values) -> bytes:
    """The head of T.84, annex F, which not every version of the encoder writes."""
    rows, columns, colours = (*values.shape, 1)[:3]
    bits = 8 * values.itemsize
    says = (b"SPIFF", 0x0200, 0, colours, rows, columns, _SPIFF_RGB, bits, _SPIFF_JPEG_LS, 1, 1, 1)
    head = struct.pack(">6sHBBLLBBBBLL", *says)
    return b"\xff\xd8\xff\xe8\x00\x20" + head + b"\xff\xe8\x00\x08\x00\x00\x00\x01\xff\xd8"


def jpeg2000(values: Values, **options: Any) -> bytes:
    """A JPEG 2000 of OpenJPEG's making, lossless unless told otherwise."""
    return bytes(imagecodecs.jpeg2k_encode(values, **{"level": 0, "reversible": True, **options}))


# --- raw ----------------------------------------------------------------------------------------


def _raws() -> Iterator[Picture]:
    for bits, order in ((8, "little"), (12, "little"), (12, "big"), (16, "big")):
        allocated = 8 if bits == 8 else 16
        raw = Raw(ROWS, COLUMNS, 160, order, allocated)
        kind = f"{'<' if order == 'little' else '>'}u{allocated // 8}"
        yield Picture(
            f"raw-{bits}-{order}.img",
            b"FUJI".ljust(160, b"\xff") + grey(bits).astype(kind).tobytes(),
            grey(bits),
            "MONOCHROME1",
            bits,
            settings=Profile(
                raw=raw, photometric="MONOCHROME1", bits_stored=bits if bits > 8 else 0
            ),
        )
    turned = Raw(ROWS, COLUMNS, invert=True)
    profile = Profile(raw=turned, photometric="MONOCHROME2", bits_stored=10)
    content = grey(10).astype("<u2").tobytes()
    yield Picture("raw-inverted.img", content, 1023 - grey(10), bits=10, settings=profile)


PICTURES: tuple[Picture, ...] = (
    *_tiffs(),
    *_tiffs_of_few_bits(),
    *_packed_tiffs(),
    *_pages_of_tiff(),
    *_pngs(),
    *_bmps(),
    *_jpegs(),
    *_lossless(),
    *_jpeg_lss(),
    *_jpeg2000s(),
    *_raws(),
)
"""All of them, each name once."""
