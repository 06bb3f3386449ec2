"""Owns the data sets of storage commitment (PS3.4 J.3): what is asked, what is told."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from appliance import elements
from appliance.dicom.dimse import SUCCESS, Command, uid
from appliance.elements import IMPLICIT_LE, coding_of
from appliance.peek import EndsEarly, Garbled, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from appliance.dicom.association import Link
    from appliance.dicom.sender import Answer
    from appliance.elements import Coding, Element

COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
CONTEXTS = ((COMMITMENT, IMPLICIT_LE),)
"""What a link must be opened with to ask."""

REQUEST_COMMITMENT = 1  # the one action type
RESULTS = frozenset({1, 2})  # event types: all is safe; some is not

PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
CLASS_CONFLICT = 0x0119
CLASS_UNSUPPORTED = 0x0122
DUPLICATE_TRANSACTION = 0x0131
OUT_OF_RESOURCES = 0x0213
INVALID_ARGUMENT = 0x0115

_SOP_CLASS, _SOP_INSTANCE = 0x00081150, 0x00081155
_TRANSACTION, _FAILURE_REASON = 0x00081195, 0x00081197
_FAILED, _REFERENCED = 0x00081198, 0x00081199
_MAX_UID_BYTES = 64
_ITEM = b"\xfe\xff\x00\xe0"


class Object(NamedTuple):
    """An image that is referred to, and why it is not safe; 0 where it is."""

    sop_class_uid: str
    sop_instance_uid: str
    failure: int = 0


class Transaction(NamedTuple):
    """What an N-ACTION asks, or an N-EVENT-REPORT tells."""

    transaction_uid: str
    objects: tuple[Object, ...]


def request(link: Link, transaction_uid: str, objects: Sequence[Object]) -> Answer:
    """Ask the peer to commit itself to images; its answer says only that it will report.

    Raises ContextRefused.
    """
    content = _request(transaction_uid, objects, coding_of(IMPLICIT_LE))
    *_, answer = link.ask(
        Command.N_ACTION,
        COMMITMENT,
        content,
        sop_instance_uid=COMMITMENT_INSTANCE,
        action_type=REQUEST_COMMITMENT,
    )
    return answer


def question(document: bytes, transfer_syntax_uid: str) -> Transaction:
    """Read the data set of an N-ACTION. Raises Garbled."""
    asked = _transaction(document, coding_of(transfer_syntax_uid), (_REFERENCED,))
    if not asked.objects:
        raise Garbled(detail="a request for commitment that names nothing")
    return asked


def result(document: bytes, transfer_syntax_uid: str) -> Transaction:
    """Read the data set of an N-EVENT-REPORT, what is not safe last. Raises Garbled."""
    return _transaction(document, coding_of(transfer_syntax_uid), (_REFERENCED, _FAILED))


def noted(
    document: bytes, transfer_syntax_uid: str, tell: Callable[[str, Mapping[str, int]], bool]
) -> int:
    """Have an N-EVENT-REPORT noted; the status with which it is answered.

    `tell` takes the Transaction UID, and by SOP Instance UID why not (0 where it is safe); it says
    whether this was asked at all. Nothing in PS3.4 J.3.3 says how an unknown one is answered.
    """
    try:
        told = result(document, transfer_syntax_uid)
    except Garbled:
        return INVALID_ARGUMENT
    failures = {each.sop_instance_uid: each.failure for each in told.objects}
    return SUCCESS if tell(told.transaction_uid, failures) else PROCESSING_FAILURE


def report(
    transaction_uid: str, objects: Sequence[Object], transfer_syntax_uid: str
) -> tuple[int, bytes]:
    """Event type and data set of the N-EVENT-REPORT that answers (PS3.4 J.3.3)."""
    coding = coding_of(transfer_syntax_uid)
    safe = [each for each in objects if not each.failure]
    failed = [each for each in objects if each.failure]
    content = _element(_TRANSACTION, b"UI", uid(transaction_uid), coding)
    if failed:
        content += _element(_FAILED, b"SQ", b"".join(_items(failed, coding)), coding)
    if safe:
        content += _element(_REFERENCED, b"SQ", b"".join(_items(safe, coding)), coding)
    return (2 if failed else 1), content


def _request(transaction_uid: str, objects: Sequence[Object], coding: Coding) -> bytes:
    items = b"".join(_items([each._replace(failure=0) for each in objects], coding))
    return _element(_TRANSACTION, b"UI", uid(transaction_uid), coding) + _element(
        _REFERENCED, b"SQ", items, coding
    )


def _transaction(document: bytes, coding: Coding, sequences: Sequence[int]) -> Transaction:
    transaction, found = "", dict[int, list[Object]]()
    try:
        for element in elements.walk(within(document), 0, coding):
            if element.tag == _TRANSACTION:
                transaction = _text(document[element.value : element.end])
            elif element.tag in sequences:
                found[element.tag] = list(_referred(document, element, coding))
    except EndsEarly as error:
        raise Garbled(detail=error.detail) from error
    if not transaction:
        raise Garbled(detail="a transaction of storage commitment without its UID")
    return Transaction(
        transaction, tuple(each for tag in sequences for each in found.get(tag, ()))
    )


def _referred(document: bytes, sequence: Element, coding: Coding) -> Iterator[Object]:
    for start, end in elements.items(within(document), sequence, coding):
        found = _object(document[start:end], coding)
        if sequence.tag != _FAILED:
            yield found._replace(failure=0)
        else:  # one that fails without a reason is no less of a failure
            yield found._replace(failure=found.failure or PROCESSING_FAILURE)


def _object(data_set: bytes, coding: Coding) -> Object:
    found = {
        element.tag: data_set[element.value : element.end]
        for element in elements.walk(within(data_set), 0, coding)
    }
    if _SOP_CLASS not in found or _SOP_INSTANCE not in found:
        raise Garbled(detail="a reference to nothing")
    reason = int.from_bytes(
        found.get(_FAILURE_REASON, b"")[:2], "big" if coding.order == ">" else "little"
    )
    return Object(_text(found[_SOP_CLASS]), _text(found[_SOP_INSTANCE]), reason)


def _items(objects: Sequence[Object], coding: Coding) -> Iterator[bytes]:
    for each in objects:
        content = _element(_SOP_CLASS, b"UI", uid(each.sop_class_uid), coding)
        content += _element(_SOP_INSTANCE, b"UI", uid(each.sop_instance_uid), coding)
        if each.failure:
            reason = struct.pack("<H", each.failure)
            content += _element(_FAILURE_REASON, b"US", reason, coding)
        yield _ITEM + struct.pack("<L", len(content)) + content


def _element(tag: int, vr: bytes, value: bytes, coding: Coding) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not coding.explicit:
        return head + struct.pack("<L", len(value)) + value
    form = "<2sxxL" if vr == b"SQ" else "<2sH"
    return head + struct.pack(form, vr, len(value)) + value


def _text(content: bytes) -> str:
    return content[:_MAX_UID_BYTES].decode("latin-1").strip("\0 ")
