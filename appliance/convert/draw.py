"""Owns drawing an image small, for telling it apart from others and not for diagnosis.

For the process that reads foreign bytes; what it brings back are pixels alone, with their size.
"""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from appliance.convert.negative import negative_of
from appliance.convert.sample import sampled
from appliance.convert.tone import toned

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.model import Body

_HEAD = struct.Struct("!HHB")  # columns, rows, values of a pixel
_MODES = {1: "L", 3: "RGB"}
_FINER = 2
"""How many times finer it is sampled than it is drawn: what lies between is averaged."""

_MOST_WORDS = 200


class Wish(NamedTuple):
    """What somebody wants to see."""

    frame: int  # from 1 on
    side: int  # at most so many rows and columns
    window: tuple[float, float] | None = None  # centre, width; in the place of its own


def drawn(body: Body, wish: Wish) -> Image.Image:
    """The picture, greyscale or RGB. Whatever is wrong with its bytes raises something."""
    with warnings.catch_warnings(action="ignore"):
        negative = negative_of(body)
        sample = sampled(negative, wish.frame, _FINER * wish.side)
        image = Image.fromarray(toned(sample, negative.header, wish.window))
    image.thumbnail((wish.side, wish.side))
    return image


def told(draw: Callable[[], Image.Image]) -> bytes:
    """The picture as `believed` understands it, or why there is none."""
    try:
        image = draw()
        values = len(image.getbands())
        return b"P" + _HEAD.pack(image.width, image.height, values) + image.tobytes()
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no picture
        return b"!" + f"{type(error).__name__}: {error}"[:_MOST_WORDS].encode()


def believed(text: bytes, side: int) -> Image.Image:
    """What was told, as pixels and nothing else. Raises ValueError with the reason."""
    if text[:1] != b"P":
        raise ValueError(text[1 : _MOST_WORDS + 1].decode(errors="replace") or "nothing was said")
    try:
        columns, rows, values = _HEAD.unpack_from(text, 1)
        is_small = 0 < columns <= side and 0 < rows <= side
        if is_small and len(text) == 1 + _HEAD.size + columns * rows * values:
            return Image.frombytes(_MODES[values], (columns, rows), text[1 + _HEAD.size :])
    except (struct.error, KeyError):
        pass
    msg = "what its reader says makes no sense"
    raise ValueError(msg)


def most_told_bytes(side: int) -> int:
    """How long the longest answer is."""
    return 1 + _HEAD.size + max(_MODES) * side * side
