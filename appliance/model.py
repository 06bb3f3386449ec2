"""Owns the nouns of the product: frozen records and states, no behaviour beyond arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path  # noqa: TC003 - Piece is evaluated
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ItemState(StrEnum):
    """Where one accepted file stands; the allowed moves are rows of the journal's item_move."""

    ARRIVED = "arrived"
    CONVERTED = "converted"
    IDENTIFIED = "identified"
    ROUTED = "routed"
    DONE = "done"
    HELD = "held"
    QUARANTINED = "quarantined"
    IGNORED = "ignored"


class DeliveryState(StrEnum):
    """Where one item stands at one destination; moves are rows of the journal's delivery_move."""

    WAITING = "waiting"
    PREPARED = "prepared"
    ACTIVE = "active"
    SENT = "sent"
    CONFIRMED = "confirmed"
    DEFERRED = "deferred"
    HELD = "held"


class Priority(IntEnum):
    """How soon a delivery goes: all of the one before any of the next."""

    STAT = 0
    HIGH = 1
    ROUTINE = 2


class ConfirmedBy(StrEnum):
    """How the destination's possession of an item was proved."""

    FIND = "find"
    COMMITMENT = "commitment"
    RESPONSE = "response"


class Origin(StrEnum):
    """Where a claim about an image was read."""

    HEADER = "header"
    EXIF = "exif"
    FILENAME = "filename"
    SIDECAR = "sidecar"
    WORKLIST = "worklist"
    MTIME = "mtime"
    ARRIVAL = "arrival"


class BodyKind(StrEnum):
    """What a body's slices hold."""

    DATASET = "dataset"  # a whole DICOM data set, group 0002 cut off, to be sent as it is
    PIXELS = "pixels"  # native pixel data, Explicit VR Little Endian order, rows top down
    STREAM = "stream"  # one compressed stream, to be encapsulated as one fragment
    DOCUMENT = "document"  # one PDF file


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes `offset` to `offset + length` of the file at `path`."""

    path: Path
    offset: int
    length: int


Piece = bytes | Slice
"""One stretch of an object's encoding: bytes in memory (small) or a slice of a file."""


def size_of(piece: Piece) -> int:
    """Length of a piece in bytes."""
    return piece.length if isinstance(piece, Slice) else len(piece)


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing somebody said about an image: `origin` says that DICOM `keyword` is `value`."""

    origin: Origin
    keyword: str
    value: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What was wrong with a file and was put right, by which of the named rules."""

    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything found out about an image that is not its pixels; proves nothing by itself."""

    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()

    def get(self, keyword: str, *origins: Origin) -> str:
        """The first non-empty value claimed for `keyword` by the origins in order; else ""."""
        for origin in origins:
            for claim in self.claims:
                if claim.origin is origin and claim.keyword == keyword and claim.value:
                    return claim.value
        return ""


@dataclass(frozen=True, slots=True)
class Body:
    """The pixels (or whole data set) of one object, as slices of spool files, never a copy twice.

    `attributes` holds DICOM keywords with JSON values (str, int, float, list): for PIXELS and
    STREAM the Image Pixel module and what else the format itself proves, for DOCUMENT what must be
    said of it; for DATASET the header's
    own routing attributes (SOPClassUID, SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID,
    Modality ...). `digest` is the SHA-256 in hex that stands for the content (group 0002 aside).
    """

    number: int  # 1-based within the item
    kind: BodyKind
    transfer_syntax_uid: str
    digest: str
    slices: tuple[Slice, ...]
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose image it is and of which exam: DICOM keywords to values, decided by identify.

    `order` is what the image says of the request it answers: keywords of sequences, each with
    items of keywords to a text or to further items; empty where nobody ordered it. `apart`: the
    study that it came in is of another patient, so that none of the UIDs it came with may stay.
    `priority` is the order's RequestedProcedurePriority. `invented`: worklists for tests served
    its source, so that it must never reach a destination for real patients.
    """

    values: Mapping[str, str]
    proof: str  # "trust", "worklist" or "person"
    order: Mapping[str, object] = field(default_factory=dict)
    apart: bool = False
    priority: str = ""
    invented: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One worklist item as a server told it: one scheduled step for one patient (PS3.4 K.6)."""

    worklist: str  # name of the [[worklist]]
    key: str  # short, and the same as long as it is the same step
    values: Mapping[str, str]  # DICOM keyword to text, the step's own beside the rest
    codes: Mapping[str, tuple[Mapping[str, str], ...]]  # sequences of codes, by keyword
    seen_at: str  # when (a stamp) the server last told it


@dataclass(frozen=True, slots=True)
class Instance:
    """One composed SOP Instance: the pieces of its data set, group 0002 aside, ready to go."""

    number: int
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    digest: str
    pieces: tuple[Piece, ...]

    @property
    def size_bytes(self) -> int:
        """Length of the encoded data set."""
        return sum(size_of(piece) for piece in self.pieces)


FOUND = "(found)"
"""The source of what lay on the card without a row: no settings can have one of that name."""

DISCARDED = "discarded"
"""The code of what a person gave up for good."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file that a source found, still where the modality put it.

    `name` is its path below the source, with forward slashes. `fingerprint` changes when the file
    does (inode, size, mtime, ctime), so that an unchanged file is not read twice.
    """

    source: str
    name: str
    path: Path
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Item:
    """One accepted file and all that is known about it so far."""

    id: int
    sha256: str
    size_bytes: int
    source: str
    name: str
    sidecars: Mapping[str, str]  # name -> SHA-256
    modified_at: str
    arrived_at: str  # dates nothing where `unsure`
    state: ItemState
    tries: int
    evidence: Evidence
    identity: Identity | None
    unsure: bool = False  # it came while the box's clock was not known to be right


@dataclass(frozen=True, slots=True)
class Delivery:
    """One item on its way to one destination."""

    id: int
    item_id: int
    destination: str
    state: DeliveryState
    tries: int
    source: str
    priority: Priority
    instances: tuple[Instance, ...]
