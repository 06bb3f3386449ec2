"""Owns reading DICOM: a data set as it came, or its head put right; what it says is evidence."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance import elements
from appliance.convert import acr_nema, header, missing, pixels
from appliance.convert.correct import UNICODE, Corrections
from appliance.convert.missing import Said
from appliance.convert.repair import Repairs
from appliance.convert.source import Found, decoding
from appliance.elements import DEFLATED_LE, EXPLICIT_LE
from appliance.errors import MediaDirectory, UnsupportedFormat
from appliance.letters import CHARSET
from appliance.model import BodyKind, Slice, size_of
from appliance.part10 import MEDIA_DIRECTORY, is_uid
from appliance.peek import EndsEarly, Format, Garbled, opened, within
from appliance.revise import Reviser, header_of, made, pieces_of
from appliance.settings.repairs import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from appliance.convert.source import Source
    from appliance.elements import Element, FileHead
    from appliance.peek import Peek
    from appliance.revise import Part

_SOP_INSTANCE_UID, _STUDY_UID, _SERIES_UID = 0x00080018, 0x0020000D, 0x0020000E
_DERIVABLE = {
    _STUDY_UID: "StudyInstanceUID",
    _SERIES_UID: "SeriesInstanceUID",
    _SOP_INSTANCE_UID: "SOPInstanceUID",
}
_WANTED = header.TAGS | missing.TAGS | acr_nema.TAGS | {*_DERIVABLE}
_NATIVE = {
    elements.IMPLICIT_LE: "Implicit VR Little Endian",
    EXPLICIT_LE: "Explicit VR Little Endian",
    elements.EXPLICIT_BE: "Explicit VR Big Endian",
}
_ROOT = "1.2.840.10008."  # of UIDs that are no maker's
_MAX_VALUE_BYTES = 1 << 14
_MAX_INFLATED_BYTES = 16 << 20
_MAX_UNPACKED_BYTES = 1 << 31
_CHUNK_BYTES = 1 << 18


def read(source: Source) -> tuple[Found, ...]:
    """One SOP Instance, by what its data set says; group 0002 is often wrong and never sent.

    What is not as DICOM has it is put right by named rules, else every byte stays. Raises
    Quarantined, Held, Ignored (a DICOMDIR).
    """
    with decoding(source, Format.DICOM), opened(source.path) as peek:
        head = elements.file_head(peek)
        if head.sop_class_uid == MEDIA_DIRECTORY:
            raise MediaDirectory(name=source.name)
        if head.transfer_syntax_uid == DEFLATED_LE:
            return (_deflated(source, peek, head),)
        cut = _cut(source.path, peek, head)
        if acr_nema.is_one(cut.said):
            where = Slice(cut.path, cut.pixels.value if cut.pixels else 0, cut.said.native_bytes)
            return (acr_nema.read(source, cut.said, where, Repairs(source)),)
        return (_found(source, cut, _looked_through(source, cut, Repairs(source))),)


def digest(found: Found) -> str:
    """SHA-256 of the data set, group 0002 aside: what makes two files the same object."""
    hashed = hashlib.sha256()
    for chunk in (chunk for piece in found.slices for chunk in pixels.chunks(piece)):
        hashed.update(chunk)
    return hashed.hexdigest()


# --- where things lie --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cut:
    """A data set: its head up to `at`, and from there on to `end` its pixels and what is behind.

    What follows the last element, padding of block transfers, belongs to nobody.
    """

    path: Path
    peek: Peek
    said: Said
    at: int
    end: int
    pixels: Element | None

    @property
    def head(self) -> FileHead:
        """How the data set is written."""
        return self.said.head


def _cut(path: Path, peek: Peek, head: FileHead, *, is_whole: bool = True) -> _Cut:
    """Find the pixels; of what is not `is_whole` the last element may be missing."""
    values: dict[int, bytes] = {}
    found: Element | None = None
    end = head.data_set
    for each in _walk(peek, head, is_whole=is_whole):
        end = each.end
        if each.tag in elements.PIXEL_DATA:
            found = found or each
        elif each.tag in _WANTED and each.end - each.value <= _MAX_VALUE_BYTES:
            values[each.tag] = peek.at(each.value, each.end - each.value)
    native = found is not None and not elements.is_encapsulated(peek, found, head)
    native_bytes = found.end - found.value if found and native else 0
    has_pixels = found is not None or (not is_whole and missing.ROWS in values)
    is_float = found is not None and found.tag in elements.FLOAT_PIXEL_DATA
    said = Said(values, head, has_pixels, native_bytes, is_float)
    return _Cut(path, peek, said, found.start if found else end, end, found)


def _walk(peek: Peek, head: FileHead, *, is_whole: bool) -> Iterator[Element]:
    try:
        yield from elements.walk(peek, head.data_set, head.coding)
    except EndsEarly:
        if is_whole:
            raise


# --- what is wrong with it ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Result:
    """The elements of the head as they will be, and what they say."""

    parts: list[Part]
    values: Mapping[int, bytes]
    uids: Mapping[str, str]
    transfer_syntax_uid: str
    is_new: bool
    repairs: Repairs


def _looked_through(source: Source, cut: _Cut, repairs: Repairs) -> _Result:
    transfer_syntax_uid = _written_as(source, cut, repairs)
    parts, said = _corrected(source, cut, repairs)
    coding = cut.head.coding
    told = replace(cut.said, values={**cut.said.values, **said})
    added = {tag: (vr, value) for tag, vr, value in missing.additions(source, repairs, told)}
    if said.get(CHARSET) == UNICODE.encode() and CHARSET not in cut.said.values:
        added[CHARSET] = ("CS", said[CHARSET])
    parts = [part for part in parts if part.tag not in added]
    parts += [made(tag, vr, value, coding) for tag, (vr, value) in added.items()]
    if cut.said.native_bytes % 2:
        repairs.add(Rule.ODD_LENGTH, "PixelData")
    values = {**told.values, **{tag: value for tag, (_, value) in added.items()}}
    uids = _uids(replace(told, values=values), repairs)
    is_new = any(part.is_new for part in parts) or bool(cut.said.native_bytes % 2)
    ordered = sorted(parts, key=lambda part: part.tag)
    return _Result(ordered, values, uids, transfer_syntax_uid, is_new, repairs)


def _must_not_be_secret(source: Source, stated: str) -> None:
    """Only its maker knows how pixels lie in a transfer syntax of its own: some turn the bytes of
    each value round, though all else is as DICOM has it. Raises UnsupportedFormat.
    """
    if is_uid(stated) and not stated.startswith(_ROOT):
        detail = f"its pixels are written in a way of its maker's own (transfer syntax {stated})"
        raise UnsupportedFormat(name=source.name, detail=detail)


def _written_as(source: Source, cut: _Cut, repairs: Repairs) -> str:
    """The transfer syntax that is true, whatever the file head says or does not say."""
    head, true = cut.head, cut.head.transfer_syntax_uid
    if cut.said.native_bytes and true not in _NATIVE:
        true = EXPLICIT_LE  # PS3.5 A.4: compressed pixels are in fragments, these are not
    if true not in _NATIVE and head.stated != true:
        raise Garbled(detail="its data set is Implicit VR Big Endian, which is no DICOM")
    if not head.has_meta:
        repairs.add(Rule.META_HEADER, _NATIVE[true])
    elif not head.has_preamble:
        repairs.add(Rule.PREAMBLE)
    if head.has_meta and head.stated != true:
        _must_not_be_secret(source, head.stated)
        repairs.add(Rule.TRANSFER_SYNTAX, f"it says {head.stated or 'nothing'}")
        repairs.add(Rule.TRANSFER_SYNTAX, f"the data set is {_NATIVE[true]}")
    return true


def _corrected(
    source: Source, cut: _Cut, repairs: Repairs
) -> tuple[list[Part], Mapping[int, bytes]]:
    """Text values put right; a second time, in one character set, where theirs is untrue."""

    def gone_through(*, recode: bool) -> tuple[list[Part], Corrections]:
        changes = Corrections(source, repairs, _WANTED, recode=recode)
        reviser = Reviser(cut.path, cut.peek, cut.head.coding, changes, thorough=recode)
        return reviser.parts(cut.head.data_set, cut.at), changes

    parts, changes = gone_through(recode=False)
    if changes.is_foreign:
        parts, changes = gone_through(recode=True)
    return parts, changes.said


def _uids(said: Said, repairs: Repairs) -> dict[str, str]:
    """Those that may stay; "" for those of an image that must be derived. Raises Garbled."""
    found = {"SOPClassUID": said.text(missing.SOP_CLASS_UID)}
    for tag, keyword in _DERIVABLE.items():
        uid = said.text(tag)
        if not is_uid(uid) and not said.has_pixels:
            raise Garbled(
                detail=f"its {keyword} is {uid!r}" if uid else f"its {keyword} is missing"
            )
        if not is_uid(uid):
            repairs.add(Rule.MISSING_UID, keyword)
        elif tag == _SERIES_UID and uid == found.get("StudyInstanceUID"):
            # The image's own UID stays even so: its modality may ask by it whether it is safe.
            repairs.add(Rule.SHARED_UID)
        else:
            found[keyword] = uid
    return dict.fromkeys(_DERIVABLE.values(), "") | found


# --- what becomes of it ------------------------------------------------------------------------


def _found(source: Source, cut: _Cut, result: _Result) -> Found:
    start = cut.head.data_set
    if result.is_new:
        slices = _anew(source, cut, result.parts)
    else:
        slices = (
            Slice(cut.path, start, cut.at - start),
            Slice(cut.path, cut.at, cut.end - cut.at),
        )
    return _described(source, tuple(each for each in slices if each.length), result)


def _described(source: Source, slices: tuple[Slice, ...], result: _Result) -> Found:
    claims, notes = header.evidence(source, result.values)
    modality = result.values.get(missing.MODALITY, b"").decode("latin-1").strip("\0 ")
    return Found(
        BodyKind.DATASET,
        result.transfer_syntax_uid,
        slices,
        {**result.uids, "Modality": modality},
        tuple(claims),
        tuple(notes),
        result.repairs.all(),
    )


def _anew(source: Source, cut: _Cut, parts: list[Part]) -> tuple[Slice, ...]:
    """A new head, and the pixels as they lie; those of odd length between their own new ends."""
    head, before, after = pieces_of(parts), b"", b""
    if cut.pixels and cut.said.native_bytes % 2:
        before = header_of(
            cut.pixels.tag, cut.pixels.vr, cut.said.native_bytes + 1, cut.head.coding
        )
        after = b"\0"

    def produce(write: Callable[[bytes], object]) -> None:
        for piece in (*head, before, after):
            for chunk in pixels.chunks(piece) if isinstance(piece, Slice) else (piece,):
                write(chunk)

    path, size = source.make_body(produce), sum(map(size_of, head))
    rest = cut.pixels.value if cut.pixels and before else cut.at
    behind = cut.pixels.end if cut.pixels and before else cut.end
    return (
        Slice(path, 0, size),
        Slice(path, size, len(before)),
        Slice(cut.path, rest, behind - rest),
        Slice(path, size + len(before), len(after)),
        Slice(cut.path, behind, cut.end - behind),
    )


# --- compressed as a whole ---------------------------------------------------------------------


def _deflated(source: Source, peek: Peek, head: FileHead) -> Found:
    """As it came where nothing is wrong with it, else unpacked.

    The first megabytes are enough to tell, and bound what it may unpack to in memory.
    """
    plain = replace(head, transfer_syntax_uid=EXPLICIT_LE, stated=EXPLICIT_LE, data_set=0)
    packed = peek.at(head.data_set, min(peek.size - head.data_set, _MAX_INFLATED_BYTES))
    begin = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _MAX_INFLATED_BYTES)
    looked = _looked_through(
        source, _cut(source.path, within(begin), plain, is_whole=False), Repairs(source)
    )
    if not looked.is_new and all(looked.uids.values()):
        whole = Slice(source.path, head.data_set, peek.size - head.data_set)
        return replace(_described(source, (whole,), looked), transfer_syntax_uid=DEFLATED_LE)
    repairs = Repairs(source)
    repairs.add(Rule.DEFLATED)
    path = source.make_body(lambda write: unpack(peek, head.data_set, write))
    with opened(path) as unpacked:
        cut = _cut(path, unpacked, plain)
        return _found(source, cut, _looked_through(source, cut, repairs))


def unpack(peek: Peek, start: int, write: Callable[[bytes], object]) -> None:
    """Write what is deflated from `start` on. Raises Misfit; zlib's own errors fly."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    position, size, packed = start, 0, b""
    while not unpacker.eof and size <= _MAX_UNPACKED_BYTES:
        packed = unpacker.unconsumed_tail
        if not packed:
            packed = peek.at(position, min(_CHUNK_BYTES, peek.size - position))
            position += len(packed)
        if not packed:
            raise EndsEarly(detail="its compressed data set does not end")
        chunk = unpacker.decompress(packed, _CHUNK_BYTES)
        size += len(chunk)
        write(chunk)
    if not unpacker.eof:
        raise Garbled(detail=f"it unpacks to more than {_MAX_UNPACKED_BYTES} bytes")
