"""Owns an instance in another transfer syntax: the same object, its UIDs kept. Pure but for it.

The head is read back and written again, pixels are slices of what convert has made of them, or
stay where they are. Lossless or not, a change of the transfer syntax makes no new instance; what
lost something once says so for ever (PS3.3 C.7.6.1.1.5).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydicom.datadict import tag_for_keyword

from appliance import elements
from appliance.elements import EXPLICIT_LE, Coding
from appliance.errors import CannotRecode
from appliance.model import BodyKind, size_of
from appliance.peek import Garbled, Misfit
from appliance.revise import header_of
from appliance.route.content import framed, joined
from appliance.route.encode import encoded
from appliance.route.respell import respelt
from appliance.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.elements import Element
    from appliance.model import Body, Instance, Piece

_MAX_HEAD_BYTES = 64 << 20
_PIXEL_REPRESENTATION, _ICON = 0x00280103, 0x00880200
_PIXEL_DATA = 0x7FE00010
_OF_FRAGMENTS = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})
"""Offset tables and lengths that stand beside encapsulated pixels only (PS3.3 C.7.6.3.1.8)."""

_MAY_CHANGE = frozenset(
    {
        "BitsAllocated",
        "LossyImageCompression",
        "LossyImageCompressionMethod",
        "LossyImageCompressionRatio",
        "PhotometricInterpretation",
        "PlanarConfiguration",
    }
)
"""What the making of pixels may change; nothing else that convert says of them is listened to."""


def recoded(
    instance: Instance, body: Body | None, transfer_syntax_uid: str, destination: str
) -> Instance:
    """The object as it is sent in that syntax; `body` is what convert made, None if nothing.

    Raises CannotRecode; OSErrors of its files fly.
    """
    try:
        return _recoded(instance, body, transfer_syntax_uid)
    except Misfit as error:
        raise CannotRecode(destination=destination, why=error.detail) from error


def _recoded(instance: Instance, body: Body | None, syntax: str) -> Instance:
    before, pieces = instance.transfer_syntax_uid, instance.pieces
    if body and body.kind is BodyKind.DATASET:  # what was deflated
        before, pieces, body = body.transfer_syntax_uid, body.slices, None
    cut = _cut(Stretch(pieces), elements.coding_of(before))
    head = _head(cut, before, syntax, body)
    after = elements.coding_of(syntax)
    content = _content(cut, body, after)
    tail = _spelt(cut, cut.tail, after, signed=False)
    whole = joined([_in_order(head), *content, _in_order(tail)])
    return replace(
        instance, transfer_syntax_uid=syntax, pieces=whole, digest=_digest(instance, whole, syntax)
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """A data set in three: what is before the pixels, these, and what is behind them."""

    stretch: Stretch
    coding: Coding
    head: bytes
    pixels: Element | None
    tail: bytes


def _cut(stretch: Stretch, coding: Coding) -> _Cut:
    peek, pixels, end = stretch.peek(), None, 0
    for each in elements.walk(peek, 0, coding):
        pixels = pixels or (each if each.tag in elements.PIXEL_DATA else None)
        end = each.end
    start, stop = (pixels.start, pixels.end) if pixels else (end, end)
    if max(start, end - stop) > _MAX_HEAD_BYTES:
        raise Garbled(detail="its header is too long")
    head, tail = stretch.read(0, start), stretch.read(stop, end - stop)
    return _Cut(stretch, coding, head, pixels, tail)


def _head(cut: _Cut, before: str, after: str, body: Body | None) -> dict[int, bytes]:
    signed = _is_signed(cut)
    found = _spelt(cut, cut.head, elements.coding_of(after), signed=signed)
    if before not in elements.NATIVE and after in elements.NATIVE:
        _must_have_no_packed_icon(cut, found.get(_ICON, b""))
        found = {tag: text for tag, text in found.items() if tag not in _OF_FRAGMENTS}
    for keyword, value in (body.attributes if body else {}).items():
        if keyword in _MAY_CHANGE and (tag := tag_for_keyword(keyword)):
            found[tag] = encoded({keyword: value}, elements.coding_of(after))
    return found


def _is_signed(cut: _Cut) -> bool:
    for each in elements.walk(Stretch([cut.head]).peek(), 0, cut.coding):
        if each.tag == _PIXEL_REPRESENTATION:
            return any(cut.head[each.value : each.end])
    return False


def _spelt(cut: _Cut, content: bytes, after: Coding, *, signed: bool) -> dict[int, bytes]:
    """Elements by their tags; to the byte as they were where nothing must change in them."""
    if cut.coding != after:
        return respelt(content, cut.coding, after, signed=signed)
    peek = Stretch([content]).peek()
    found = elements.walk(peek, 0, after)
    return {each.tag: content[each.start : each.end] for each in found if each.tag & 0xFFFF}


def _must_have_no_packed_icon(cut: _Cut, icon: bytes) -> None:
    """An icon may be compressed as the image is (PS3.5 A.4); no native syntax allows that."""
    respelt(icon, cut.coding, cut.coding, signed=False)


def _content(cut: _Cut, body: Body | None, after: Coding) -> list[Piece]:
    if body is not None:
        return _new(body, after)
    if cut.pixels is None:
        return []
    if elements.is_undefined(cut.stretch.peek(), cut.pixels, cut.coding):
        raise Garbled(detail="its pixels are compressed still")
    where = cut.pixels.value, cut.pixels.end
    vr = cut.pixels.vr or "OW"
    header = header_of(cut.pixels.tag, vr, where[1] - where[0], after)
    return [header, *cut.stretch.part(*where)]


def _new(body: Body, after: Coding) -> list[Piece]:
    if after == elements.coding_of(EXPLICIT_LE):
        return framed(body)
    size = sum(map(size_of, body.slices))
    header = header_of(_PIXEL_DATA, "OW", size + size % 2, after)
    return [header, *body.slices, b"\0" * (size % 2)]


def _in_order(found: Mapping[int, bytes]) -> bytes:
    return b"".join(found[tag] for tag in sorted(found))


def _digest(instance: Instance, pieces: tuple[Piece, ...], syntax: str) -> str:
    """Stands for the content in this encoding: what it was made of, and all that was written."""
    written = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    return hashlib.sha256(f"{instance.digest} {syntax} ".encode() + written).hexdigest()
