"""Owns what a data set must say (type 1) and does not: told by the rest of it, or by the profile.

Nothing is invented: what nobody says is held.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.convert import target
from appliance.convert.pixels import told
from appliance.errors import NoSopClass, UnknownDepth
from appliance.part10 import is_uid
from appliance.settings.repairs import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.convert.repair import Repairs
    from appliance.convert.source import Source
    from appliance.elements import FileHead

SOP_CLASS_UID, MODALITY = 0x00080016, 0x00080060
SAMPLES, PHOTOMETRIC, FRAMES = 0x00280002, 0x00280004, 0x00280008
ROWS, COLUMNS, ALLOCATED = 0x00280010, 0x00280011, 0x00280100
STORED, HIGH_BIT = 0x00280101, 0x00280102

TAGS = frozenset({SOP_CLASS_UID, MODALITY, SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS}) | {
    ALLOCATED,
    STORED,
    HIGH_BIT,
}
"""What must be known of a data set to tell what it lacks."""

_ONE_SAMPLE = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_COLOUR_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Said:
    """What a data set says at its top, by tag, and how many bytes of native pixels it has."""

    values: Mapping[int, bytes]
    head: FileHead
    has_pixels: bool
    native_bytes: int = 0  # 0 where they are compressed
    is_float: bool = False  # pixels that have no bits stored (PS3.3 C.7.6.24)

    def text(self, tag: int) -> str:
        """A text, or "" where there is none."""
        return self.values.get(tag, b"").decode("latin-1").strip("\0 ")

    def number(self, tag: int) -> int:
        """An unsigned short, or -1 where there is none."""
        value = self.values.get(tag, b"")[:2]
        return int(struct.unpack(self.head.coding.order + "H", value)[0]) if value[1:] else -1

    def short(self, number: int) -> bytes:
        """An unsigned short as this data set writes it."""
        return struct.pack(self.head.coding.order + "H", number)


def additions(source: Source, repairs: Repairs, said: Said) -> Iterator[tuple[int, str, bytes]]:
    """Tag, VR and value of what must be added. Raises Held where that is not known."""
    if said.has_pixels and not said.is_float and said.number(ROWS) > 0:
        yield from _of_pixels(source, repairs, said)
    if not said.text(MODALITY) and (modality := source.profile.modality):
        repairs.add(Rule.MODALITY, modality)
        yield MODALITY, "CS", modality.encode()
    if not is_uid(said.text(SOP_CLASS_UID)):
        uid, why = _sop_class(source, said)
        repairs.add(Rule.SOP_CLASS, f"{why} {uid}")
        yield SOP_CLASS_UID, "UI", uid.encode()


def _of_pixels(source: Source, repairs: Repairs, said: Said) -> Iterator[tuple[int, str, bytes]]:
    photometric = said.text(PHOTOMETRIC)
    if not photometric:
        photometric = told(source, colour=_is_colour(said))
        repairs.add(Rule.IMAGE_PIXEL, f"PhotometricInterpretation {photometric}")
        yield PHOTOMETRIC, "CS", photometric.encode()
    if said.number(SAMPLES) < 0:
        samples = 1 if photometric in _ONE_SAMPLE else _COLOUR_SAMPLES
        repairs.add(Rule.IMAGE_PIXEL, f"SamplesPerPixel {samples}")
        yield SAMPLES, "US", said.short(samples)
    stored, high = said.number(STORED), said.number(HIGH_BIT)
    if stored <= 0:
        # PS3.5 8.1.1: the high bit is the last of those stored.
        stored = high + 1 if high > 0 else _stored_by_profile(source)
        repairs.add(Rule.IMAGE_PIXEL, f"BitsStored {stored}")
        yield STORED, "US", said.short(stored)
    if high < 0:
        repairs.add(Rule.IMAGE_PIXEL, f"HighBit {stored - 1}")
        yield HIGH_BIT, "US", said.short(stored - 1)


def _is_colour(said: Said) -> bool:
    """By SamplesPerPixel; where that is missing too, by the length of the pixels."""
    if (samples := said.number(SAMPLES)) > 0:
        return samples > 1
    frames = said.text(FRAMES)
    count = said.number(ROWS) * said.number(COLUMNS) * (int(frames) if frames.isdigit() else 1)
    return said.native_bytes * 8 >= _COLOUR_SAMPLES * count * max(said.number(ALLOCATED), 8)


def _stored_by_profile(source: Source) -> int:
    if not source.profile.bits_stored:
        raise UnknownDepth(name=source.name)
    return source.profile.bits_stored


def _sop_class(source: Source, said: Said) -> tuple[str, str]:
    """What kind of object it is, and who says so."""
    if is_uid(said.head.sop_class_uid):
        return said.head.sop_class_uid, "its file head says"
    profile, modality = source.profile, said.text(MODALITY)
    if not said.has_pixels:
        raise NoSopClass(name=source.name)
    if profile.sop_class not in {"auto", "PDF"} or profile.modality:
        return _target(source, said), "the profile says"
    uid = _target(replace(source, profile=replace(profile, modality=modality)), said)
    if target.modality(uid) != modality:
        raise NoSopClass(name=source.name)
    return uid, f"its modality {modality} makes it"


def _target(source: Source, said: Said) -> str:
    frames, bits = said.text(FRAMES), max(said.number(ALLOCATED), 8)
    count = int(frames) if frames.isdigit() else 1
    colour = _is_colour(said)
    if count > 1 and not target.takes_frames(source.profile, colour=colour, bits=bits):
        raise NoSopClass(name=source.name)
    uid, _ = target.sop_class(source.profile, colour=colour, bits=bits, frames=count)
    return uid
