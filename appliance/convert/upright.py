"""Owns which way up a picture is: what turns the stored rows into those that were meant.

The numbers are those of the tag Orientation (TIFF 6.0, EXIF).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL.Image import Transpose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

UPRIGHT = 1
_FIRST_ON_ITS_SIDE, _LAST = 5, 8  # from there on rows are columns
_FROM_THE_END = frozenset({3, 4, 7, 8})  # the first row that was meant is the last one stored

_TURNS: Mapping[int, Callable[[NDArray[np.generic]], NDArray[np.generic]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
_TRANSPOSES: Mapping[int, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def turned(values: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """The array as it is to be seen; a view, nothing is copied."""
    turn = _TURNS.get(orientation)
    return turn(values) if turn else values


def is_on_its_side(orientation: int) -> bool:
    """Whether the rows as they are to be seen are the columns that are stored."""
    return _FIRST_ON_ITS_SIDE <= orientation <= _LAST


def size(image: Image.Image, orientation: int) -> tuple[int, int]:
    """Rows and columns as they are to be seen."""
    if is_on_its_side(orientation):
        return image.width, image.height
    return image.height, image.width


def bands(image: Image.Image, orientation: int, step: int) -> Iterator[Image.Image]:
    """The picture as it is to be seen, `step` rows at a time, so that it is never there twice."""
    rows, _ = size(image, orientation)
    for at in range(0, rows, step):
        end = min(at + step, rows)
        first, last = (rows - end, rows - at) if orientation in _FROM_THE_END else (at, end)
        beside, above = (first, 0, last, image.height), (0, first, image.width, last)
        band = image.crop(beside if is_on_its_side(orientation) else above)
        transpose = _TRANSPOSES.get(orientation)
        yield band if transpose is None else band.transpose(transpose)
