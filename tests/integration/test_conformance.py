"""The conformance statement against the wire: what is proposed and accepted is what it says."""

from __future__ import annotations

import subprocess
from datetime import date
from typing import TYPE_CHECKING

import pytest
from pydicom._uid_dict import UID_dictionary  # the list is nowhere else
from pynetdicom import AE, build_context, build_role

from appliance.desk.conformance import policies, statuses
from appliance.desk.conformance.contexts import Role, accepted, proposed
from appliance.desk.doctor.subject import Known, Limits, Subject
from appliance.desk.doctor.visit import examine
from appliance.dicom import commitment, worklist
from appliance.dicom.commitment import COMMITMENT
from appliance.dicom.echo import VERIFICATION, echo
from appliance.dicom.find import STUDY_ROOT_FIND
from appliance.dicom.registry import registered, storage_sop_classes, transfer_syntaxes
from appliance.dicom.worklist import MODALITY_WORKLIST_FIND
from appliance.elements import IMPLICIT_LE
from appliance.forward.encoding import RLE_LOSSLESS
from appliance.settings import sop_classes as sop
from appliance.settings.schema import Confirm, Destination, Environment, Settings
from appliance.settings.transfer_syntaxes import JPEG_BASELINE
from tests.builders import part10
from tests.builders.receiving import CR1, SETTINGS, modality, receiving, store, until
from tests.peers.witness import AE_TITLE, witness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pynetdicom.association import Association

    from tests.builders.receiving import Receiving
    from tests.builders.scene import Scene
    from tests.peers.witness import Proposal, Witness

pytestmark = pytest.mark.network

SERVICES = (VERIFICATION, COMMITMENT, STUDY_ROOT_FIND, MODALITY_WORKLIST_FIND)
PACS = """
[[destination]]
name = "pacs"
host = "127.0.0.1"
port = 104
ae_title = "PACS"
"""


# --- As the one who calls ------------------------------------------------------------------------


@pytest.fixture
def peer() -> Iterator[Witness]:
    with witness((sop.CR_IMAGE, sop.SC_IMAGE, *SERVICES), transfer_syntaxes()) as running:
        yield running


def test_what_is_proposed_is_what_the_statement_says(
    scene: Scene, peer: Witness, tmp_path: Path
) -> None:
    lane_and_prover(scene, peer)
    doctor(scene, peer)
    echo(peer.target, scene.box.clock)
    worklist.ask(peer.target, worklist.Query(date(2026, 3, 14), date(2026, 3, 14)))
    reporter(peer, tmp_path / "receive")
    for each in peer.proposals:
        assert each.contexts
        assert list(unsaid(each)) == []
        agrees_with_the_policies(each)
    said = {(pair, role_of(each, pair[0])) for each in peer.proposals for pair in each.pairs()}
    for contexts in proposed():
        assert any(contexts.include(*pair) and role is contexts.role for pair, role in said)
    wanted = {JPEG_BASELINE, RLE_LOSSLESS, IMPLICIT_LE}
    assert wanted <= {syntax for (_, syntax), _ in said}


def lane_and_prover(scene: Scene, peer: Witness) -> None:
    for confirm, compress in ((Confirm.COMMITMENT, ""), (Confirm.FIND, ""), (Confirm.FIND, "rle")):
        scene.image()
        with scene.lane(peer.target, confirm=confirm, compress=compress) as lane:
            scene.turn(lane, 3)


def doctor(scene: Scene, peer: Witness) -> None:
    destination = Destination(
        "pacs", "127.0.0.1", peer.port, AE_TITLE, environment=Environment.TEST
    )
    kinds = Known(((sop.CR_IMAGE, JPEG_BASELINE),))
    limits = Limits(report_s=0.1, time_s=0.1)
    examine(Subject(destination, Settings(), kinds), scene.box.clock, limits)


def reporter(peer: Witness, root: Path) -> None:
    """A modality asks about what it never sent, and leaves; it is called to be told so."""
    allow = CR1.replace(" }", f", port = {peer.port} }}")
    before = len(peer.proposals)
    with receiving(root, allow=allow) as box:
        with modality(box, (COMMITMENT, IMPLICIT_LE)) as link:
            asked = commitment.Object(sop.CR_IMAGE, "1.2.3")
            assert commitment.request(link, "1.2.9", [asked]).status == 0
        until(lambda: len(peer.proposals) > before)


def role_of(proposal: Proposal, sop_class: str) -> Role:
    """The user, where no roles are proposed (PS3.7 D.3.3.4)."""
    scu, scp = proposal.roles.get(sop_class, (True, False))
    assert scu is not scp
    return Role.SCU if scu else Role.SCP


def unsaid(proposal: Proposal) -> Iterator[tuple[str, str]]:
    """What the statement does not say."""
    for pair in proposal.pairs():
        role = role_of(proposal, pair[0])
        if not any(each.include(*pair) and each.role is role for each in proposed()):
            yield pair


def values() -> dict[str, str]:
    """The general policies by name."""
    return {row[0]: row[1] for row in policies.general().rows}


def agrees_with_the_policies(proposal: Proposal) -> None:
    said = values()
    assert proposal.implementation == (
        said["Implementation class UID"],
        said["Implementation version name"],
    )
    assert str(proposal.max_length) == said["Maximum length announced by who calls (bytes)"]
    assert proposal.others == 0
    assert all(len(syntaxes) == 1 for _, syntaxes in proposal.contexts)
    kinds = {kind for kind, _ in proposal.contexts}
    assert {(kind, IMPLICIT_LE) for kind in kinds} <= set(proposal.pairs())


# --- As the one who is called --------------------------------------------------------------------


def associate(box: Receiving, pairs: Iterable[tuple[str, str]], calling: str) -> Association:
    contexts = [build_context(kind, syntax) for kind, syntax in pairs]
    role = build_role(COMMITMENT, scu_role=True, scp_role=True)
    assoc = AE(calling).associate(
        "127.0.0.1", box.port, contexts, ae_title="JEMBATAN", ext_neg=[role]
    )
    assert assoc.acceptor.primitive
    return assoc


def taken(
    box: Receiving, pairs: Iterable[tuple[str, str]], calling: str = "CR1"
) -> set[tuple[str, str]]:
    """Which of them are accepted, each offered in a context of its own."""
    found: set[tuple[str, str]] = set()
    wanted = list(pairs)
    for at in range(0, len(wanted), 128):
        assoc = associate(box, wanted[at : at + 128], calling)
        for each in assoc.accepted_contexts:
            found.add((str(each.abstract_syntax), str(each.transfer_syntax[0])))
        assoc.release()
    return found


def everything() -> list[tuple[str, str]]:
    """All SOP classes there are in the commonest syntaxes, and a few in all syntaxes."""
    names = UID_dictionary.items()
    kinds = [uid for uid, entry in names if entry[1] in {"SOP Class", "Meta SOP Class"}]
    syntaxes = [uid for uid, entry in names if entry[1] == "Transfer Syntax"]
    assert len(kinds) > 300
    pairs = [(kind, IMPLICIT_LE) for kind in kinds if UID_dictionary[kind][0]]
    some = (sop.CR_IMAGE, sop.ENCAPSULATED_PDF, VERIFICATION, COMMITMENT)
    return [*pairs, *((kind, each) for kind in some for each in syntaxes if each != IMPLICIT_LE)]


def test_what_is_accepted_is_what_the_statement_says(tmp_path: Path) -> None:
    pairs = everything()
    wanted = {pair for pair in pairs if any(each.include(*pair) for each in accepted())}
    assert len(wanted) > len(storage_sop_classes())
    with receiving(tmp_path) as box:
        assert taken(box, pairs) == wanted


def test_objects_are_answered_with_statuses_of_the_statement(tmp_path: Path) -> None:
    said = {int(row[0], 16) for row in statuses.to_store().rows}
    whole = part10.data_set("1.2.3")
    with receiving(tmp_path) as box, modality(box) as link:
        answers = [
            store(link, "1.2.3", whole).status,
            store(link, "1.2.4", whole).status,
            store(link, "1.2.5", whole[: len(whole) // 2]).status,
            store(link, "no UID", whole).status,
        ]
    assert answers == [0x0000, 0xA900, 0xC000, 0xC000]
    assert set(answers) <= said


def test_callers_are_turned_away_as_the_statement_says(tmp_path: Path) -> None:
    said = {row[0] for row in policies.turned_away().rows}
    by_the_user = "Result: Rejected Permanent, Source: Service User"
    with receiving(tmp_path) as box:
        for calling, called, numbers, reason in (
            ("CR1", "OTHER", "1, 1, 7", "Called AE Title Not Recognized"),
            ("CR9", "JEMBATAN", "1, 1, 3", "Calling AE Title Not Recognized"),
        ):
            words = ("echoscu", "-v", "-aet", calling, "-aec", called, "127.0.0.1", str(box.port))
            told = subprocess.run(words, capture_output=True, text=True, check=False)
            assert by_the_user in told.stdout + told.stderr
            assert f"Reason: {reason}" in told.stdout + told.stderr
            assert numbers in said


def test_who_is_called_says_who_it_is_and_which_roles_it_grants(tmp_path: Path) -> None:
    said = values()
    roles = {}
    text = SETTINGS.format(port="PORT", box="", source="", allow=CR1) + PACS
    with receiving(tmp_path, text=text) as box:
        for calling in ("CR1", "PACS"):
            assoc = associate(box, [(COMMITMENT, IMPLICIT_LE)], calling)
            peer = assoc.acceptor
            granted = peer.role_selection[COMMITMENT]  # type: ignore[index]
            roles[calling] = (granted.scu_role, granted.scp_role)
            assert str(peer.implementation_class_uid) == said["Implementation class UID"]
            assert str(peer.implementation_version_name) == said["Implementation version name"]
            announced = said["Maximum length announced by who is called (bytes)"]
            assert str(peer.maximum_length) == announced
            assoc.release()
        plain = [(COMMITMENT, IMPLICIT_LE), (VERIFICATION, IMPLICIT_LE)]
        kinds = [(uid, IMPLICIT_LE) for uid in list(registered())[:50]]
        assert taken(box, [*plain, *kinds], "PACS") == set(plain)
    assert roles == {"CR1": (True, False), "PACS": (False, True)}
