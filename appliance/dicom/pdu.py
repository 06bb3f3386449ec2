"""Owns the bytes of the DICOM upper layer protocol (PS3.8 9.3): what is asked, what is answered.

The protocol has not changed since 1993, and this side of it is small. Written out here it needs no
threads, no numpy and a tenth of the start-up time of pynetdicom, which the tests hold it against.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from appliance import __version__
from appliance.part10 import IMPLEMENTATION_CLASS_UID
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

IMPLEMENTATION_VERSION_NAME = f"JEMBATAN_{__version__}"[:16]

MAX_CONTEXTS = 128
MAX_PDU_BYTES = 1 << 17  # of one PDU's body, in either direction, whatever the peer would take
OWN_MAX_LENGTH = 1 << 14  # what is announced by who asks: only responses come this way

_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
_HEADER = struct.Struct(">BxI")
_ITEM = struct.Struct(">BxH")
_FRAGMENT = struct.Struct(">BxIIBB")
_ASSOCIATE_FIXED_BYTES = 68
_AE_TITLE_BYTES = 16
_OFFER_FIXED_BYTES = 4
_REJECTION_BYTES = 4
_ROLES_BYTES = 2
_FLAGGED_BYTES = 2  # context ID and flags count in a fragment's length
FRAGMENT_OVERHEAD_BYTES = 6  # of a PDU's body: length, context ID and flags of its one value


class Kind(IntEnum):
    """PDU types (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


_KINDS = {kind.value: kind for kind in Kind}


class Item(IntEnum):
    """Types of the items an association is agreed with (PS3.8 9.3.2 and 9.3.3, D.1, PS3.7 D.3)."""

    APPLICATION_CONTEXT = 0x10
    CONTEXT_OFFER = 0x20
    CONTEXT_RESULT = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAX_LENGTH = 0x51
    IMPLEMENTATION_CLASS_UID = 0x52
    ROLES = 0x54
    IMPLEMENTATION_VERSION_NAME = 0x55


class Pdu(NamedTuple):
    """One PDU as it came, its 6 bytes of header aside."""

    kind: Kind
    body: bytes


class Context(NamedTuple):
    """What one presentation context offers: one SOP class in one transfer syntax."""

    sop_class_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What an A-ASSOCIATE-AC says: per context ID its result and syntax; the peer's limit."""

    results: dict[int, tuple[int, str]]
    max_pdu_bytes: int  # 0: no limit


class Offer(NamedTuple):
    """A presentation context as it was proposed: syntaxes in the proposer's order."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


class Roles(NamedTuple):
    """What the caller may be for a SOP class: user, provider, or both (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


class Result(NamedTuple):
    """What is said to an offer (PS3.8 9.3.3.2); the syntax counts where it is 0, acceptance."""

    context_id: int
    reason: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an A-ASSOCIATE-RQ says."""

    called: str
    calling: str
    speaks_dicom: bool  # version 1 and the DICOM application context
    offers: tuple[Offer, ...]
    max_pdu_bytes: int  # 0: no limit
    titles: bytes = field(repr=False)  # to be given back as they came
    roles: tuple[Roles, ...] = ()


class Rejection(NamedTuple):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

    result: int
    source: int
    reason: int


class Fragment(NamedTuple):
    """One presentation data value (PS3.8 E.2)."""

    is_command: bool
    is_last: bool
    data: bytes


def _pdu(kind: Kind, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body)) + body


RELEASE_RQ = _pdu(Kind.RELEASE_RQ, bytes(4))
RELEASE_RP = _pdu(Kind.RELEASE_RP, bytes(4))
ABORT = _pdu(Kind.ABORT, bytes(4))  # source 0: the service user
PROVIDER_ABORT = _pdu(Kind.ABORT, bytes((0, 0, 2, 0)))  # source 2: the protocol itself


def take(inbox: bytearray) -> Pdu | None:
    """Cut the first whole PDU off what was received; None while it is not whole.

    Raises Garbled for what is no PDU, or one longer than anybody needs to send here.
    """
    if len(inbox) < _HEADER.size:
        return None
    number, length = _HEADER.unpack_from(inbox)
    kind = _KINDS.get(number)
    if kind is None or length > MAX_PDU_BYTES:
        raise Garbled(detail=f"a PDU of type {number} and {length} bytes")
    end = _HEADER.size + length
    if len(inbox) < end:
        return None
    body = bytes(inbox[_HEADER.size : end])
    del inbox[:end]
    return Pdu(kind, body)


def context_id(index: int) -> int:
    """Context IDs are odd (PS3.8 9.3.2.2)."""
    return 2 * index + 1


def associate_rq(
    called: str, calling: str, contexts: Sequence[Context], served: Sequence[str] = ()
) -> bytes:
    """An A-ASSOCIATE-RQ that offers the contexts, IDs in their order.

    Of the SOP classes `served` the caller is the provider (PS3.7 D.3.3.4).
    """
    offers = (_offer(context_id(index), context) for index, context in enumerate(contexts))
    titles = struct.pack(">Hxx16s16s32x", 1, called.encode().ljust(16), calling.encode().ljust(16))
    items = (_item(Item.APPLICATION_CONTEXT, _APPLICATION_CONTEXT), *offers)
    roles = (_roles(Roles(each, scu=False, scp=True)) for each in served)
    user = _user_information(OWN_MAX_LENGTH, *roles)
    return _pdu(Kind.ASSOCIATE_RQ, titles + b"".join((*items, user)))


def associate_ac(
    proposal: Proposal, results: Sequence[Result], max_length: int, roles: Sequence[Roles] = ()
) -> bytes:
    """An A-ASSOCIATE-AC that answers every offer of a proposal, and such roles as it names."""
    head = struct.pack(">H2x", 1) + proposal.titles
    items = (_item(Item.APPLICATION_CONTEXT, _APPLICATION_CONTEXT), *map(_result, results))
    user = _user_information(max_length, *map(_roles, roles))
    return _pdu(Kind.ASSOCIATE_AC, head + b"".join((*items, user)))


def associate_rj(rejection: Rejection) -> bytes:
    """An A-ASSOCIATE-RJ."""
    return _pdu(Kind.ASSOCIATE_RJ, bytes((0, *rejection)))


def _user_information(max_length: int, *more: bytes) -> bytes:
    return _item(
        Item.USER_INFORMATION,
        _item(Item.MAX_LENGTH, struct.pack(">I", max_length)),
        _item(Item.IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_CLASS_UID.encode()),
        *more,
        _item(Item.IMPLEMENTATION_VERSION_NAME, IMPLEMENTATION_VERSION_NAME.encode()),
    )


def _roles(roles: Roles) -> bytes:
    uid = roles.sop_class_uid.encode()
    return _item(Item.ROLES, struct.pack(">H", len(uid)), uid, bytes((roles.scu, roles.scp)))


def _roles_of(content: bytes) -> Roles:
    length = int.from_bytes(content[:2], "big")
    scu_scp = content[2 + length :]
    if len(scu_scp) < _ROLES_BYTES:
        raise Garbled(detail="roles that are cut off")
    return Roles(_text(content[2 : 2 + length]), bool(scu_scp[0]), bool(scu_scp[1]))


def _result(result: Result) -> bytes:
    return _item(
        Item.CONTEXT_RESULT,
        bytes((result.context_id, 0, result.reason, 0)),
        _item(Item.TRANSFER_SYNTAX, result.transfer_syntax.encode()),
    )


def _offer(number: int, context: Context) -> bytes:
    return _item(
        Item.CONTEXT_OFFER,
        bytes((number, 0, 0, 0)),
        _item(Item.ABSTRACT_SYNTAX, context.sop_class_uid.encode()),
        _item(Item.TRANSFER_SYNTAX, context.transfer_syntax_uid.encode()),
    )


def _item(kind: int, *content: bytes) -> bytes:
    body = b"".join(content)
    return _ITEM.pack(kind, len(body)) + body


def acceptance(body: bytes) -> Acceptance:
    """Read an A-ASSOCIATE-AC. Raises Garbled."""
    results: dict[int, tuple[int, str]] = {}
    max_pdu_bytes = 0
    for kind, content in _items(body[_ASSOCIATE_FIXED_BYTES:]):
        if kind == Item.CONTEXT_RESULT:
            number, result = content[:4:2].ljust(2, b"\0")
            results[number] = (result, _syntax(content[4:]))
        elif kind == Item.USER_INFORMATION:
            max_pdu_bytes = int.from_bytes(_first(content, Item.MAX_LENGTH), "big")
    return Acceptance(results, max_pdu_bytes)


def _syntax(content: bytes) -> str:
    """The transfer syntax of a result; not significant, often absent, where it is a refusal."""
    return _text(_first(content, Item.TRANSFER_SYNTAX))


def _text(content: bytes) -> str:
    """A UID or an AE title; what pads it is not significant."""
    return content.decode("latin-1").strip("\0 ")


def proposal(body: bytes) -> Proposal:
    """Read an A-ASSOCIATE-RQ. Raises Garbled."""
    if len(body) < _ASSOCIATE_FIXED_BYTES:
        raise Garbled(detail="a request for an association that is cut off")
    titles = body[4:_ASSOCIATE_FIXED_BYTES]
    offers: list[Offer] = []
    context, user = b"", b""
    for kind, content in _items(body[_ASSOCIATE_FIXED_BYTES:]):
        if kind == Item.CONTEXT_OFFER:
            offers.append(_offered(content))
        elif kind == Item.APPLICATION_CONTEXT:
            context = content.rstrip(b"\0 ")
        elif kind == Item.USER_INFORMATION:
            user = content
    return Proposal(
        called=_text(titles[:_AE_TITLE_BYTES]),
        calling=_text(titles[_AE_TITLE_BYTES : 2 * _AE_TITLE_BYTES]),
        speaks_dicom=bool(body[1] & 1) and context == _APPLICATION_CONTEXT,
        offers=tuple(offers),
        max_pdu_bytes=int.from_bytes(_first(user, Item.MAX_LENGTH), "big"),
        titles=titles,
        roles=tuple(_roles_of(each) for kind, each in _items(user) if kind == Item.ROLES),
    )


def _offered(content: bytes) -> Offer:
    items = list(_items(content[_OFFER_FIXED_BYTES:]))
    abstract = next((_text(value) for kind, value in items if kind == Item.ABSTRACT_SYNTAX), "")
    syntaxes = tuple(_text(value) for kind, value in items if kind == Item.TRANSFER_SYNTAX)
    if not content or not abstract:
        raise Garbled(detail="an offer that says nothing")
    return Offer(content[0], abstract, syntaxes)


def _first(content: bytes, wanted: Item) -> bytes:
    return next((value for kind, value in _items(content) if kind == wanted), b"")


def _items(body: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(body):
        if position + _ITEM.size > len(body):
            raise Garbled(detail="an item that is cut off")
        kind, length = _ITEM.unpack_from(body, position)
        position += _ITEM.size + length
        if position > len(body):
            raise Garbled(detail="an item that is cut off")
        yield kind, body[position - length : position]


def fragment_header(number: int, length: int, *, is_command: bool, is_last: bool) -> bytes:
    """What precedes `length` bytes of a message in a P-DATA-TF of their own."""
    flags = is_command | is_last << 1
    whole = length + FRAGMENT_OVERHEAD_BYTES
    return _FRAGMENT.pack(Kind.P_DATA_TF, whole, length + _FLAGGED_BYTES, number, flags)


def fragments(body: bytes) -> Iterator[Fragment]:
    """The values in a P-DATA-TF. Raises Garbled."""
    position = 0
    while position < len(body):
        length = int.from_bytes(body[position : position + 4], "big")
        start, position = position + 4, position + 4 + length
        if length < _FLAGGED_BYTES or position > len(body):
            raise Garbled(detail="a fragment that is cut off")
        flags = body[start + 1]
        yield Fragment(bool(flags & 1), bool(flags & 2), body[start + 2 : position])


def rejection(body: bytes) -> Rejection:
    """What an A-ASSOCIATE-RJ says. Raises Garbled."""
    if len(body) != _REJECTION_BYTES:
        raise Garbled(detail="a rejection that is cut off")
    return Rejection(*body[1:])
