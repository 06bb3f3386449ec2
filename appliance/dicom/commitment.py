"""Owns the data sets of storage commitment (PS3.4 J.3): what is asked, what is told."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from appliance import elements
from appliance.dicom.dimse import uid
from appliance.elements import coding_of
from appliance.peek import EndsEarly, Garbled, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.elements import Coding

PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
CLASS_CONFLICT = 0x0119

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


class Question(NamedTuple):
    """What an N-ACTION asks."""

    transaction_uid: str
    objects: tuple[Object, ...]


def question(document: bytes, transfer_syntax_uid: str) -> Question:
    """Read the data set of an N-ACTION. Raises Garbled."""
    coding = coding_of(transfer_syntax_uid)
    transaction, objects = "", list[Object]()
    try:
        for element in elements.walk(within(document), 0, coding):
            if element.tag == _TRANSACTION:
                transaction = _text(document[element.value : element.end])
            elif element.tag == _REFERENCED:
                spans = elements.items(within(document), element, coding)
                objects += (_object(document[start:end], coding) for start, end in spans)
    except EndsEarly as error:
        raise Garbled(detail=error.detail) from error
    if not transaction or not objects:
        raise Garbled(detail="a request for commitment that names nothing")
    return Question(transaction, tuple(objects))


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


def _object(data_set: bytes, coding: Coding) -> Object:
    found = {
        element.tag: _text(data_set[element.value : element.end])
        for element in elements.walk(within(data_set), 0, coding)
    }
    if _SOP_CLASS not in found or _SOP_INSTANCE not in found:
        raise Garbled(detail="a reference to nothing")
    return Object(found[_SOP_CLASS], found[_SOP_INSTANCE])


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
