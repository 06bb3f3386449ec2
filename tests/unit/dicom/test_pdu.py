"""Our upper layer held against pynetdicom's: what we write it reads, what it writes we read."""

from __future__ import annotations

import pytest
from pynetdicom import build_context
from pynetdicom import pdu as theirs
from pynetdicom.pdu_primitives import A_ASSOCIATE, MaximumLengthNotification

from appliance.dicom import pdu
from appliance.dicom.pdu import Context, Fragment, Kind
from appliance.part10 import IMPLEMENTATION_CLASS_UID
from appliance.peek import Garbled

CR, SC = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"


def their_request(contexts: list[Context]) -> A_ASSOCIATE:
    request = theirs.A_ASSOCIATE_RQ()
    request.decode(pdu.associate_rq("PACS ONE", "JEMBATAN", contexts))
    primitive = request.to_primitive()
    assert isinstance(primitive, A_ASSOCIATE)
    return primitive


def their_acceptance(results: list[tuple[int, int, str]], max_pdu: int | None) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title = "JEMBATAN"
    primitive.called_ae_title = "PACS ONE"
    primitive.result = 0
    primitive.result_source = 1
    answers = []
    for number, result, syntax in results:
        context = build_context(CR, syntax)
        context.context_id = number
        context.result = result
        answers.append(context)
    primitive.presentation_context_definition_results_list = answers
    if max_pdu is not None:
        limit = MaximumLengthNotification()
        limit.maximum_length_received = max_pdu
        primitive.user_information = [limit]
    answer = theirs.A_ASSOCIATE_AC()
    answer.from_primitive(primitive)
    content: bytes = answer.encode()
    return content[6:]


def test_pynetdicom_reads_our_request() -> None:
    found = their_request([Context(CR, EXPLICIT), Context(SC, IMPLICIT)])
    assert found.called_ae_title == "PACS ONE"
    assert found.calling_ae_title == "JEMBATAN"
    assert found.application_context_name == "1.2.840.10008.3.1.1.1"
    assert found.maximum_length_received == 16384
    assert found.implementation_class_uid == IMPLEMENTATION_CLASS_UID
    offers = [
        (context.context_id, context.abstract_syntax, context.transfer_syntax)
        for context in found.presentation_context_definition_list
    ]
    assert offers == [(1, CR, [EXPLICIT]), (3, SC, [IMPLICIT])]


def test_pynetdicom_reads_a_request_with_all_128_contexts() -> None:
    contexts = [Context(f"1.2.840.10008.5.1.4.1.1.{n}", EXPLICIT) for n in range(128)]
    offers = their_request(contexts).presentation_context_definition_list
    assert [context.context_id for context in offers] == list(range(1, 257, 2))


def test_names_fit_their_fields() -> None:
    assert len(pdu.IMPLEMENTATION_VERSION_NAME) <= 16
    assert len(IMPLEMENTATION_CLASS_UID) <= 64


@pytest.mark.parametrize("max_pdu", [0, 16384, 0xFFFFFFFF])
def test_we_read_what_pynetdicom_accepts(max_pdu: int) -> None:
    found = pdu.acceptance(their_acceptance([(1, 0, EXPLICIT), (3, 4, IMPLICIT)], max_pdu))
    assert found.results == {1: (0, EXPLICIT), 3: (4, IMPLICIT)}
    assert found.max_pdu_bytes == max_pdu


def test_an_acceptance_without_user_information_has_no_limit() -> None:
    found = pdu.acceptance(their_acceptance([(1, 0, EXPLICIT)], None))
    assert found.max_pdu_bytes == 0


def test_a_refused_context_may_leave_its_syntax_out() -> None:
    body = bytes(68) + b"\x21\0\0\x04" + bytes((5, 0, 3, 0))
    assert pdu.acceptance(body).results == {5: (3, "")}


def test_an_acceptance_cut_anywhere_is_garbled_or_less() -> None:
    whole = their_acceptance([(1, 0, EXPLICIT), (3, 0, IMPLICIT)], 16384)
    for length in range(len(whole)):
        try:
            found = pdu.acceptance(whole[:length])
        except Garbled:
            continue
        assert found.results.items() <= {1: (0, EXPLICIT), 3: (0, IMPLICIT)}.items()


def test_we_read_pynetdicoms_rejection() -> None:
    rejection = theirs.A_ASSOCIATE_RJ()
    rejection.result, rejection.source, rejection.reason_diagnostic = 1, 1, 7
    assert pdu.rejection(rejection.encode()[6:]) == (1, 1, 7)
    with pytest.raises(Garbled):
        pdu.rejection(b"\0\1")


@pytest.mark.parametrize(
    ("ours", "kind"),
    [
        (pdu.RELEASE_RQ, theirs.A_RELEASE_RQ),
        (pdu.RELEASE_RP, theirs.A_RELEASE_RP),
        (pdu.ABORT, theirs.A_ABORT_RQ),
    ],
)
def test_the_short_ones_are_pynetdicoms(ours: bytes, kind: type[theirs.PDU]) -> None:
    decoded = kind()
    decoded.decode(ours)
    assert decoded.encode() == ours


@pytest.mark.parametrize("is_command", [True, False])
@pytest.mark.parametrize("is_last", [True, False])
def test_fragments_come_back_as_they_went(*, is_command: bool, is_last: bool) -> None:
    header = pdu.fragment_header(5, 4, is_command=is_command, is_last=is_last)
    data = theirs.P_DATA_TF()
    data.decode(header + b"abcd")
    (value,) = data.presentation_data_value_items
    assert value.context_id == 5
    assert value.data == bytes((is_command + 2 * is_last,)) + b"abcd"
    assert list(pdu.fragments((header + b"abcd")[6:])) == [Fragment(is_command, is_last, b"abcd")]


@pytest.mark.parametrize("body", [b"\0", b"\0\0\0\1\1", b"\0\0\0\7\1\3abcd"])
def test_a_fragment_that_is_cut_off_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        list(pdu.fragments(body))


def test_pdus_are_cut_off_the_stream_one_by_one() -> None:
    inbox = bytearray(pdu.RELEASE_RP + pdu.ABORT[:7])
    assert pdu.take(inbox) == (Kind.RELEASE_RP, bytes(4))
    assert pdu.take(inbox) is None
    inbox += pdu.ABORT[7:]
    assert pdu.take(inbox) == (Kind.ABORT, bytes(4))
    assert pdu.take(inbox) is None


@pytest.mark.parametrize(
    "stream", [b"HTTP/1.1 400", b"\x15\x03\x03\0\2\2", b"\4\0\xff\xff\xff\xff"]
)
def test_what_is_no_pdu_is_garbled(stream: bytes) -> None:
    with pytest.raises(Garbled):
        pdu.take(bytearray(stream))
