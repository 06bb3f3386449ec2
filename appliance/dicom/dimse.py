"""Owns the small data sets of DIMSE: command sets (PS3.7 E.1) and query keys, Implicit VR LE."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Mapping

AFFECTED_SOP_CLASS_UID = 0x00000002
REQUESTED_SOP_CLASS_UID = 0x00000003
COMMAND_FIELD = 0x00000100
MESSAGE_ID = 0x00000110
MESSAGE_ID_RESPONDED_TO = 0x00000120
PRIORITY = 0x00000700
COMMAND_DATA_SET_TYPE = 0x00000800
STATUS = 0x00000900
ERROR_COMMENT = 0x00000902
AFFECTED_SOP_INSTANCE_UID = 0x00001000
REQUESTED_SOP_INSTANCE_UID = 0x00001001
EVENT_TYPE_ID = 0x00001002
ACTION_TYPE_ID = 0x00001008

_GROUP_LENGTH = 0x00000000
_HEADER = struct.Struct("<HHI")
_ITEM = (0xFFFE, 0xE000)
_US_BYTES = 2
_MAX_COMMENT = 64
_NO_DATA_SET = 0x0101
_DATA_SET = 0x0001
_IS_RESPONSE = 0x8000

SUCCESS = 0x0000
UNRECOGNISED_OPERATION = 0x0211
PENDING = frozenset({0xFF00, 0xFF01})


class Command(IntEnum):
    """Command Fields of the requests that are made or answered here (PS3.7 E.1-1)."""

    C_STORE = 0x0001
    C_FIND = 0x0020
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_ACTION = 0x0130
    C_CANCEL = 0x0FFF


class Priority(IntEnum):
    """How urgent the peer should think it is (PS3.7 9.1.1.1)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


@dataclass(frozen=True, slots=True)
class Request:
    """What every request says of itself."""

    command: Command
    sop_class_uid: str
    message_id: int
    sop_instance_uid: str = ""
    priority: Priority | None = None
    event_type: int | None = None
    action_type: int | None = None

    def encoded(self) -> bytes:
        """The command set."""
        has_data = self.command is not Command.C_ECHO
        asks_for = self.action_type is not None  # PS3.7 10.3.4: requested, not affected
        elements = {
            (REQUESTED_SOP_CLASS_UID if asks_for else AFFECTED_SOP_CLASS_UID): uid(
                self.sop_class_uid
            ),
            COMMAND_FIELD: _us(self.command),
            MESSAGE_ID: _us(self.message_id),
        }
        if self.priority is not None:
            elements[PRIORITY] = _us(self.priority)
        elements[COMMAND_DATA_SET_TYPE] = _us(_DATA_SET if has_data else _NO_DATA_SET)
        if self.sop_instance_uid:
            tag = REQUESTED_SOP_INSTANCE_UID if asks_for else AFFECTED_SOP_INSTANCE_UID
            elements[tag] = uid(self.sop_instance_uid)
        if self.event_type is not None:
            elements[EVENT_TYPE_ID] = _us(self.event_type)
        if self.action_type is not None:
            elements[ACTION_TYPE_ID] = _us(self.action_type)
        return _command_set(elements)


@dataclass(frozen=True, slots=True)
class Response:
    """What a response's command set says."""

    responds_to: int | None  # None: it is a request
    status: int
    comment: str
    has_data: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What a command set says that a peer sent, be it a request or a response."""

    command: int  # the Command Field as it came
    message_id: int  # of a response: the one it responds to
    sop_class_uid: str
    sop_instance_uid: str
    action_type: int | None
    status: int
    has_data: bool
    event_type: int | None = None

    @property
    def is_response(self) -> bool:
        """Whether it answers something."""
        return bool(self.command & _IS_RESPONSE)

    def answer(self, status: int, comment: str = "") -> bytes:
        """The command set of the response to this request."""
        elements = {
            AFFECTED_SOP_CLASS_UID: uid(self.sop_class_uid),
            COMMAND_FIELD: _us(self.command | _IS_RESPONSE),
            MESSAGE_ID_RESPONDED_TO: _us(self.message_id),
            COMMAND_DATA_SET_TYPE: _us(_NO_DATA_SET),
            STATUS: _us(status),
        }
        if comment:
            text = comment.encode("ascii", "replace")[:_MAX_COMMENT]
            elements[ERROR_COMMENT] = text + b" " * (len(text) % 2)
        if self.sop_instance_uid:
            elements[AFFECTED_SOP_INSTANCE_UID] = uid(self.sop_instance_uid)
        if self.event_type is not None:
            elements[EVENT_TYPE_ID] = _us(self.event_type)
        if self.action_type is not None:
            elements[ACTION_TYPE_ID] = _us(self.action_type)
        return _command_set(elements)


def heard(command_set: bytes) -> Heard:
    """Read a command set. Raises Garbled."""
    elements = decoded(command_set)
    command = _number(elements, COMMAND_FIELD)
    is_response = bool(command & _IS_RESPONSE)
    about = MESSAGE_ID_RESPONDED_TO if is_response or command == Command.C_CANCEL else MESSAGE_ID
    return Heard(
        command=command,
        message_id=_number(elements, about),
        sop_class_uid=_either(elements, AFFECTED_SOP_CLASS_UID, REQUESTED_SOP_CLASS_UID),
        sop_instance_uid=_either(elements, AFFECTED_SOP_INSTANCE_UID, REQUESTED_SOP_INSTANCE_UID),
        action_type=_number(elements, ACTION_TYPE_ID) if ACTION_TYPE_ID in elements else None,
        event_type=_number(elements, EVENT_TYPE_ID) if EVENT_TYPE_ID in elements else None,
        status=_number(elements, STATUS) if is_response else SUCCESS,
        has_data=_number(elements, COMMAND_DATA_SET_TYPE) != _NO_DATA_SET,
    )


def response(command_set: bytes) -> Response:
    """Read a command set. Raises Garbled."""
    elements = decoded(command_set)
    is_response = _number(elements, COMMAND_FIELD) & _IS_RESPONSE
    return Response(
        responds_to=_number(elements, MESSAGE_ID_RESPONDED_TO) if is_response else None,
        status=_number(elements, STATUS) if is_response else SUCCESS,
        comment=_shown(elements.get(ERROR_COMMENT, b"")),
        has_data=_number(elements, COMMAND_DATA_SET_TYPE) != _NO_DATA_SET,
    )


def cancel(message_id: int) -> bytes:
    """The command set that asks a peer to answer that request no further (PS3.7 9.3.2.3)."""
    return _command_set(
        {
            COMMAND_FIELD: _us(Command.C_CANCEL),
            MESSAGE_ID_RESPONDED_TO: _us(message_id),
            COMMAND_DATA_SET_TYPE: _us(_NO_DATA_SET),
        }
    )


def item(elements: Mapping[int, bytes]) -> bytes:
    """One item of a sequence: the value of the sequence is its items (PS3.5 7.5)."""
    content = encoded(elements)
    return _HEADER.pack(*_ITEM, len(content)) + content


def uid(value: str) -> bytes:
    """A UID padded to even length (PS3.5 9.1)."""
    content = value.encode()
    return content + b"\0" * (len(content) % 2)


def encoded(elements: Mapping[int, bytes]) -> bytes:
    """Elements in ascending order, whose values have even length, in Implicit VR LE."""
    return b"".join(
        _HEADER.pack(tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, value in elements.items()
    )


def decoded(data_set: bytes) -> dict[int, bytes]:
    """The elements of a flat Implicit VR LE data set. Raises Garbled."""
    elements: dict[int, bytes] = {}
    position = 0
    while position < len(data_set):
        start = position + _HEADER.size
        if start > len(data_set):
            raise Garbled(detail="an element that is cut off")
        group, element, length = _HEADER.unpack_from(data_set, position)
        position = start + length
        if position > len(data_set):
            raise Garbled(detail="an element that is cut off")
        elements[group << 16 | element] = data_set[start:position]
    return elements


def _command_set(elements: Mapping[int, bytes]) -> bytes:
    rest = encoded(elements)
    return encoded({_GROUP_LENGTH: struct.pack("<I", len(rest))}) + rest


def _either(elements: Mapping[int, bytes], *tags: int) -> str:
    """The UID that one of two elements holds: an N-service asks for what a C-service affects."""
    found = next((elements[tag] for tag in tags if tag in elements), b"")
    return found.decode("latin-1").strip("\0 ")


def _shown(text: bytes) -> str:
    """As it may stand in a log: what a peer says may be anything."""
    comment = text.decode("latin-1").strip("\0 ")
    return "".join(each if each.isprintable() else "?" for each in comment)


def _us(number: int) -> bytes:
    return struct.pack("<H", number)


def _number(elements: Mapping[int, bytes], tag: int) -> int:
    value = elements.get(tag, b"")
    if len(value) != _US_BYTES:
        raise Garbled(detail=f"no usable ({tag >> 16:04x},{tag & 0xFFFF:04x})")
    return int.from_bytes(value, "little")
