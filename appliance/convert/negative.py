"""Owns finding what a picture is drawn from: an object's header, and where its pixels lie."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from appliance import elements
from appliance.convert.frames import Shape
from appliance.elements import DEFLATED_LE, EXPLICIT_LE
from appliance.model import BodyKind
from appliance.peek import Garbled
from appliance.stretch import Stretch

if TYPE_CHECKING:
    from appliance.model import Body

_SAID = frozenset(
    {"Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"}
    | {"BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"}
    | {"NumberOfFrames", "WindowCenter", "WindowWidth"}
)
_MOST_HEADER_BYTES = 16 << 20
_MOST_INFLATED_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class Negative:
    """An object as a picture is drawn from it.

    `header` is all that it says before its pixels, which lie in `stretch` from `start` to `end`:
    native ones, fragments, or (`is_bare`) one compressed stream.
    """

    header: Dataset
    stretch: Stretch
    start: int
    end: int
    transfer_syntax_uid: str
    is_bare: bool = False
    is_float: bool = False
    swaps_words: bool = False

    @property
    def shape(self) -> Shape:
        """Of one frame. Raises Garbled where the header does not say it."""
        found = Shape(
            self.whole("Rows"),
            self.whole("Columns"),
            self.whole("SamplesPerPixel") or 1,
            self.whole("BitsAllocated"),
            bool(self.whole("PixelRepresentation")),
            str(self.header.get("PhotometricInterpretation", "")),
        )
        if not (found.rows and found.columns):
            raise Garbled(detail="its header does not say how its pixels lie")
        return found

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.whole("NumberOfFrames") or 1

    def whole(self, keyword: str) -> int:
        """A number of the header; 0 where it says none, or nonsense."""
        try:
            return max(int(str(self.header.get(keyword))), 0)
        except ValueError:
            return 0


def negative_of(body: Body) -> Negative:
    """Raises Misfit where it has no pixels, or nobody can tell where; pydicom's errors fly."""
    if body.kind is not BodyKind.DATASET:
        return _made(body)
    stretch, syntax = Stretch(body.slices), body.transfer_syntax_uid
    if syntax == DEFLATED_LE:
        stretch, syntax = _inflated(stretch), EXPLICIT_LE
    return _came(stretch, syntax)


def _made(body: Body) -> Negative:
    """Of what convert has found in a picture that is no DICOM: a stream, or native pixels."""
    header = Dataset()
    for keyword in _SAID & body.attributes.keys():
        setattr(header, keyword, body.attributes[keyword])
    stretch = Stretch(body.slices)
    is_bare = body.kind is BodyKind.STREAM
    return Negative(header, stretch, 0, stretch.size, body.transfer_syntax_uid, is_bare)


def _came(stretch: Stretch, syntax: str) -> Negative:
    coding = elements.coding_of(syntax)
    for each in elements.walk(stretch.peek(), 0, coding):
        if each.tag not in elements.PIXEL_DATA:
            continue
        if each.start > _MOST_HEADER_BYTES:
            raise Garbled(detail="its header is too long")
        file = stretch.file(0, each.start)
        header = read_dataset(file, not coding.explicit, coding.order == "<")
        is_float = each.tag in elements.FLOAT_PIXEL_DATA
        swaps = coding.order == ">" and each.vr == "OW"
        start, end = each.value, each.end
        return Negative(header, stretch, start, end, syntax, False, is_float, swaps)
    raise Garbled(detail="it has no pixels")


def _inflated(stretch: Stretch) -> Stretch:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = stretch.read(0, _MOST_INFLATED_BYTES)
    content = unpacker.decompress(packed, _MOST_INFLATED_BYTES)
    if not unpacker.eof:
        raise Garbled(detail="its compressed data set is too long, or does not end")
    return Stretch([content])
