"""Our command sets held against pynetdicom's."""

from __future__ import annotations

from io import BytesIO

import pytest
from pynetdicom.dimse_messages import (
    C_ECHO_RQ,
    C_FIND_RSP,
    C_STORE_RQ,
    C_STORE_RSP,
    N_ACTION_RQ,
    N_EVENT_REPORT_RSP,
    DIMSEMessage,
)
from pynetdicom.dimse_primitives import C_FIND, C_STORE
from pynetdicom.dsutils import decode

from appliance.dicom import dimse
from appliance.dicom.dimse import Command, Priority, Request
from appliance.peek import Garbled

CR = "1.2.840.10008.5.1.4.1.1.1"


def theirs(message: DIMSEMessage) -> bytes:
    """The command set of a pynetdicom message."""
    parts = [
        data
        for p_data in message.encode_msg(1, 0)
        for _, data in p_data.presentation_data_value_list
    ]
    return bytes(parts[0][1:])


def read_by_pynetdicom(content: bytes, message: DIMSEMessage) -> object:
    message.command_set = decode(BytesIO(content), is_implicit_vr=True, is_little_endian=True)
    return message.message_to_primitive()


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.34"])
def test_pynetdicom_reads_our_store_request(uid: str) -> None:
    request = Request(Command.C_STORE, CR, 65535, uid, Priority.HIGH)
    content = request.encoded()
    found = read_by_pynetdicom(content, C_STORE_RQ())
    assert isinstance(found, C_STORE)
    assert found.AffectedSOPClassUID == CR
    assert found.AffectedSOPInstanceUID == uid
    assert found.MessageID == 65535
    assert found.Priority == 1
    assert dimse.decoded(content)[0] == (len(content) - 12).to_bytes(4, "little")


def test_pynetdicom_reads_our_echo_request() -> None:
    found = read_by_pynetdicom(
        Request(Command.C_ECHO, "1.2.840.10008.1.1", 1).encoded(), C_ECHO_RQ()
    )
    assert found.MessageID == 1  # type: ignore[attr-defined]


def test_an_echo_announces_no_data_set_and_others_do() -> None:
    echo = dimse.decoded(Request(Command.C_ECHO, CR, 1).encoded())
    store = dimse.decoded(Request(Command.C_STORE, CR, 1, "1.2").encoded())
    assert echo[dimse.COMMAND_DATA_SET_TYPE] == b"\1\1"
    assert store[dimse.COMMAND_DATA_SET_TYPE] != b"\1\1"


def test_a_comment_may_be_shown_anywhere() -> None:
    said = dimse.heard(dimse.Request(dimse.Command.C_STORE, "1.2", 1, "1.2.3").encoded())
    command_set = said.answer(0xA700, "no\r\nroom \x1b[2J")
    assert dimse.response(command_set).comment == "no??room ?[2J"


@pytest.mark.parametrize("comment", ["", "no room", "no rooms"])
def test_we_read_pynetdicoms_store_response(comment: str) -> None:
    primitive = C_STORE()
    primitive.MessageIDBeingRespondedTo = 7
    primitive.AffectedSOPClassUID = CR
    primitive.AffectedSOPInstanceUID = "1.2.3"
    primitive.Status = 0xA700
    if comment:
        primitive.ErrorComment = comment  # type: ignore[assignment]
    message = C_STORE_RSP()
    message.primitive_to_message(primitive)
    found = dimse.response(theirs(message))
    assert (found.responds_to, found.status, found.comment) == (7, 0xA700, comment)
    assert not found.has_data


def test_we_read_pynetdicoms_pending_find_response() -> None:
    primitive = C_FIND()
    primitive.MessageIDBeingRespondedTo = 9
    primitive.AffectedSOPClassUID = CR
    primitive.Status = 0xFF00
    primitive.Identifier = BytesIO(b"1234")
    message = C_FIND_RSP()
    message.primitive_to_message(primitive)
    found = dimse.response(theirs(message))
    assert (found.responds_to, found.status, found.has_data) == (9, 0xFF00, True)


def test_a_request_from_the_peer_responds_to_nothing() -> None:
    found = dimse.response(Request(Command.C_ECHO, CR, 3).encoded())
    assert found.responds_to is None


def test_a_response_cut_anywhere_is_garbled() -> None:
    message = C_STORE_RSP()
    primitive = C_STORE()
    primitive.MessageIDBeingRespondedTo = 7
    primitive.Status = 0
    message.primitive_to_message(primitive)
    whole = theirs(message)
    for length in range(len(whole)):
        with pytest.raises(Garbled):
            dimse.response(whole[:length])


def test_pynetdicom_reads_our_request_for_an_action() -> None:
    request = Request(Command.N_ACTION, "1.2.840.10008.1.20.1", 3, "1.2.3", action_type=1)
    found = read_by_pynetdicom(request.encoded(), N_ACTION_RQ())
    assert found.RequestedSOPClassUID == "1.2.840.10008.1.20.1"  # type: ignore[attr-defined]
    assert found.RequestedSOPInstanceUID == "1.2.3"  # type: ignore[attr-defined]
    assert (found.ActionTypeID, found.MessageID) == (1, 3)  # type: ignore[attr-defined]


def test_pynetdicom_reads_our_answer_to_a_report() -> None:
    request = Request(Command.N_EVENT_REPORT, CR, 4, "1.2.3", event_type=2)
    heard = dimse.heard(request.encoded())
    assert (heard.event_type, heard.action_type) == (2, None)
    found = read_by_pynetdicom(heard.answer(0x0110), N_EVENT_REPORT_RSP())
    assert (found.EventTypeID, found.Status) == (2, 0x0110)  # type: ignore[attr-defined]
    assert found.MessageIDBeingRespondedTo == 4  # type: ignore[attr-defined]
