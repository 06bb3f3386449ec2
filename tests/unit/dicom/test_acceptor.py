"""What is answered to whom calls; read back by pynetdicom."""

from __future__ import annotations

import pytest
from pynetdicom import pdu as theirs
from pynetdicom import sop_class
from pynetdicom.pdu_primitives import A_ASSOCIATE, SCP_SCU_RoleSelectionNegotiation

from appliance.dicom import acceptor, pdu
from appliance.dicom.acceptor import (
    Taste,
    agreed,
    is_standard_syntax,
    is_storage,
    results,
    roles,
)
from appliance.dicom.commitment import COMMITMENT
from appliance.dicom.pdu import Context, Offer, Rejection, Roles
from appliance.peek import Garbled

CR = "1.2.840.10008.5.1.4.1.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
ECHO = "1.2.840.10008.1.1"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, JPEG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"
ALL = Taste(is_storage, is_standard_syntax)


def proposed(*offers: tuple[str, str]) -> pdu.Proposal:
    request = pdu.associate_rq("JEMBATAN", "CR1", [Context(*each) for each in offers])
    return pdu.proposal(request[6:])


def test_a_request_is_read_as_it_was_written() -> None:
    found = proposed((CR, EXPLICIT), (CR, JPEG))
    assert (found.called, found.calling, found.speaks_dicom) == ("JEMBATAN", "CR1", True)
    assert found.offers == (Offer(1, CR, (EXPLICIT,)), Offer(3, CR, (JPEG,)))
    assert found.max_pdu_bytes == 16384


def test_a_request_of_pynetdicom_is_read() -> None:
    ours = theirs.A_ASSOCIATE_RQ()
    ours.decode(pdu.associate_rq("A" * 16, "B", [Context(CR, EXPLICIT)], served=[CR]))
    primitive = ours.to_primitive()
    assert isinstance(primitive, A_ASSOCIATE)
    (role,) = [
        each
        for each in primitive.user_information
        if isinstance(each, SCP_SCU_RoleSelectionNegotiation)
    ]
    assert (role.sop_class_uid, role.scu_role, role.scp_role) == (CR, False, True)
    again = theirs.A_ASSOCIATE_RQ()
    again.from_primitive(primitive)
    found = pdu.proposal(again.encode()[6:])
    assert (found.called, found.calling) == ("A" * 16, "B")
    assert found.offers == (Offer(1, CR, (EXPLICIT,)),)


def test_pynetdicom_reads_our_acceptance() -> None:
    proposal = proposed((CR, EXPLICIT), (FIND, EXPLICIT), (ECHO, IMPLICIT))
    said = results(proposal.offers, ALL)
    answer = theirs.A_ASSOCIATE_AC()
    answer.decode(pdu.associate_ac(proposal, said, 131072))
    primitive = answer.to_primitive()
    assert isinstance(primitive, A_ASSOCIATE)
    assert primitive.maximum_length_received == 131072
    assert [
        (each.context_id, each.result)
        for each in primitive.presentation_context_definition_results_list
    ] == [(1, 0), (3, 3), (5, 0)]
    assert agreed(proposal.offers, said) == {1: Context(CR, EXPLICIT), 5: Context(ECHO, IMPLICIT)}


@pytest.mark.parametrize(
    "rejection",
    [acceptor.NOT_DICOM, acceptor.CALLING_UNKNOWN, acceptor.CALLED_UNKNOWN, acceptor.TOO_MANY],
)
def test_pynetdicom_reads_our_rejection(rejection: Rejection) -> None:
    answer = theirs.A_ASSOCIATE_RJ()
    answer.decode(pdu.associate_rj(rejection))
    assert (answer.result, answer.source, answer.reason_diagnostic) == tuple(rejection)
    assert answer.reason_str


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([EXPLICIT, IMPLICIT], EXPLICIT),
        ([IMPLICIT, EXPLICIT], IMPLICIT),
        ([JPEG, EXPLICIT], JPEG),
        ([BIG, EXPLICIT], EXPLICIT),
        ([DEFLATED, BIG, IMPLICIT], IMPLICIT),
        ([BIG], BIG),
        ([DEFLATED], DEFLATED),
        (["1.2.840.10008.1.2.4.94", JPEG], JPEG),
    ],
)
def test_the_order_of_the_sender_counts_but_for_what_few_take(
    offered: list[str], chosen: str
) -> None:
    (result,) = results((Offer(1, CR, tuple(offered)),), ALL)
    assert (result.reason, result.transfer_syntax) == (0, chosen)


@pytest.mark.parametrize("offered", [[], ["1.2.840.10008.1.2.4.94"], ["1.2.840.113619.5.2"]])
def test_what_cannot_be_kept_whole_is_refused(offered: list[str]) -> None:
    (result,) = results((Offer(1, CR, tuple(offered)),), ALL)
    assert result.reason == 4


def test_a_private_syntax_is_taken_where_the_settings_name_it() -> None:
    taste = Taste(is_storage, {"1.2.276.0.50.1"}.__contains__)
    (result,) = results((Offer(1, CR, ("1.2.276.0.50.1", EXPLICIT)),), taste)
    assert result.transfer_syntax == "1.2.276.0.50.1"


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.113619.5.2",  # pixels in another order than everything else
        "1.2.840.10008.1.2.4.94",  # pixels behind a URL
        "1.2.840.10008.1.2.4.\xff",
        "",
    ],
)
def test_what_cannot_be_read_here_no_setting_makes_usable(syntax: str) -> None:
    taste = Taste(is_storage, lambda _: True)
    (result,) = results((Offer(1, CR, (syntax,)),), taste)
    assert result.reason == 4


@pytest.mark.parametrize("sop_class", ["1.2\n3", "\xff" * 60_000, "1" * 65])
def test_what_is_no_uid_names_no_kind_of_object(sop_class: str) -> None:
    said = results((Offer(1, sop_class, (EXPLICIT,)),), ALL)
    assert said[0].reason == 3
    assert pdu.associate_ac(proposed(), said, 131072)


def test_everything_that_pynetdicom_calls_storage_is_storage() -> None:
    known = sop_class._STORAGE_CLASSES.values()  # noqa: SLF001 - the list is nowhere else
    assert [uid for uid in known if not is_storage(uid)] == []


@pytest.mark.parametrize(
    "uid",
    [
        FIND,
        "1.2.840.10008.5.1.4.31",
        "1.2.840.10008.5.1.4.1.1.200.4",  # a query of protocols
        "1.2.840.10008.5.1.4.1.1.201.2",  # one of an inventory
        "1.2.840.10008.1.9",
    ],
)
def test_services_are_not(uid: str) -> None:
    assert not is_storage(uid)


@pytest.mark.parametrize("length", [0, 40, 68, 100, 150])
def test_a_request_that_is_cut_off_is_garbled(length: int) -> None:
    body = pdu.associate_rq("JEMBATAN", "CR1", [Context(CR, EXPLICIT)])[6:]
    if length == 68:
        assert pdu.proposal(body[:length]).offers == ()
    else:
        with pytest.raises(Garbled):
            pdu.proposal(body[:length])


@pytest.mark.parametrize(
    ("proposed", "asks", "reports", "said"),
    [
        ((False, True), False, True, (False, True)),  # a PACS that reports
        ((False, True), True, False, (False, False)),  # a modality is no PACS
        ((True, False), True, False, (True, False)),
        ((True, True), True, True, (True, True)),
        ((True, False), False, True, (False, False)),
    ],
)
def test_nobody_gets_a_role_that_was_not_proposed_or_is_not_allowed(
    proposed: tuple[bool, bool],
    asks: bool,
    reports: bool,
    said: tuple[bool, bool],
) -> None:
    taste = Taste(is_storage, is_standard_syntax, asks=asks, reports=reports)
    offered = (Roles(COMMITMENT, *proposed), Roles(CR, scu=True, scp=False))
    assert roles(offered, taste) == [Roles(COMMITMENT, *said)]


def test_pynetdicom_reads_the_roles_we_answer() -> None:
    proposal = pdu.proposal(
        pdu.associate_rq("A", "B", [Context(COMMITMENT, IMPLICIT)], served=[COMMITMENT])[6:]
    )
    assert proposal.roles == (Roles(COMMITMENT, scu=False, scp=True),)
    said = results(proposal.offers, Taste(is_storage, is_standard_syntax, reports=True))
    answer = theirs.A_ASSOCIATE_AC()
    answer.decode(pdu.associate_ac(proposal, said, 16384, proposal.roles))
    primitive = answer.to_primitive()
    assert isinstance(primitive, A_ASSOCIATE)
    (role,) = [
        each
        for each in primitive.user_information
        if isinstance(each, SCP_SCU_RoleSelectionNegotiation)
    ]
    assert (role.sop_class_uid, role.scu_role, role.scp_role) == (COMMITMENT, False, True)


def test_roles_that_are_cut_off_are_garbled() -> None:
    body = pdu.associate_rq("A", "B", [Context(COMMITMENT, IMPLICIT)], served=[COMMITMENT])[6:]
    at = body.index(b"\x54\0")
    cut = body[: at + 6] + b"\xff" + body[at + 7 :]
    with pytest.raises(Garbled):
        pdu.proposal(cut[: at + 4] + b"\xff\xff" + cut[at + 6 :])
