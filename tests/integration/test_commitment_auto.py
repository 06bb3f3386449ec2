"""What `confirm = "auto"` learns of a PACS, and where it looks for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from appliance.forward.confirm import ASK_AFTER_S, TRIAL_S
from appliance.journal.abilities import Way
from appliance.settings.schema import Peer
from tests.builders.promised import ONLY, commits, done, heard, passes, proof
from tests.peers.committing import Committing
from tests.peers.orthanc import free_port
from tests.peers.scripted import peer

if TYPE_CHECKING:
    from tests.builders.scene import Scene

pytestmark = pytest.mark.network


def test_auto_waits_for_nobody_while_it_finds_out_and_then_asks_for_commitment(
    scene: Scene,
) -> None:
    first = scene.image()
    pacs = Committing(finds=True, shows=lambda _: True)
    with peer(pacs) as there, scene.lane(there.target) as lane:
        scene.turn(lane)
        assert proof(scene, first) == ("confirmed", "find")
        heard(lane, lambda: commits(scene, there.target))
        later = scene.image("P2")
        heard(lane, lambda: done(scene) == 2)
    assert proof(scene, later) == ("confirmed", "commitment")


def test_auto_forgets_a_pacs_that_never_reports_for_a_day(scene: Scene) -> None:
    pacs = Committing(reports="never", finds=True, shows=lambda _: True)
    with peer(pacs) as there:
        with scene.lane(there.target) as lane:
            scene.image()
            scene.turn(lane)
            passes(scene, lane, TRIAL_S + 1)
        with scene.lane(there.target) as lane:  # another process
            for hours, asked in ((0, 1), (23, 1), (2, 2)):
                item = scene.image(f"P{hours}")
                passes(scene, lane, hours * 3600)
                assert proof(scene, item) == ("confirmed", "find")
                assert len(pacs.asked) == asked


def test_what_was_learnt_of_one_address_says_nothing_of_another(scene: Scene) -> None:
    deaf, willing = Committing(commits=False), Committing(reports="before")
    with peer(deaf) as one, scene.lane(one.target) as lane:
        item = scene.image()
        scene.turn(lane)
        assert proof(scene, item) == ("confirmed", "response")
    with peer(willing) as other, scene.lane(other.target) as lane:
        item = scene.image("P2")
        scene.turn(lane, 2)
        assert proof(scene, item) == ("confirmed", "commitment")


def test_auto_takes_the_word_of_a_pacs_that_cannot_be_asked_only_after_it_could_report(
    scene: Scene,
) -> None:
    pacs = Committing(reports="never")
    with peer(pacs) as there, scene.lane(there.target) as lane:
        item = scene.image()
        scene.turn(lane, 2)
        assert scene.state(item) == ("sent", "awaits-report")
        passes(scene, lane, TRIAL_S + 1)
    assert proof(scene, item) == ("confirmed", "response")


def test_auto_goes_on_with_queries_where_reports_stop_coming(scene: Scene) -> None:
    pacs = Committing(reports="before", finds=True, shows=lambda _: True)
    with peer(pacs) as there, scene.lane(there.target) as lane:
        scene.image()
        scene.turn(lane, 2)
        pacs.reports = "never"
        item = scene.image("P2")
        scene.turn(lane, 2)
        assert scene.state(item) == ("sent", "awaits-report")
        passes(scene, lane, 601)
        assert proof(scene, item) == ("confirmed", "find")


def test_a_question_still_open_is_no_silence(scene: Scene) -> None:
    """What C-FIND does not show yet was asked about too, while commitment was being tried."""
    item = scene.image()
    pacs = Committing(reports="never", finds=True)
    with peer(pacs) as there, scene.lane(there.target) as lane:
        scene.turn(lane)
        assert scene.state(item) == ("sent", "not-there-yet")
        scene.box.journal.abilities.learn(
            "pacs", Way.COMMITMENT, str(there.target), works=True
        )  # by another image's report
        pacs.reports = "before"
        passes(scene, lane, 2)
        passes(scene, lane, 0)
    assert proof(scene, item) == ("confirmed", "commitment")


@pytest.mark.parametrize("known", [None, True], ids=["at first", "later"])
@pytest.mark.parametrize("status", [0x0110, 0x0122], ids=["this time", "at all"])
def test_auto_finds_where_it_cannot_ask(scene: Scene, status: int, known: bool | None) -> None:
    pacs = Committing(reports="before", finds=True, shows=lambda _: True, action_statuses=[status])
    with peer(pacs) as there, scene.lane(there.target) as lane:
        if known:
            peer_name = str(there.target)
            scene.box.journal.abilities.learn("pacs", Way.COMMITMENT, peer_name, works=True)
        item = scene.image()
        scene.turn(lane)
        assert proof(scene, item) == ("confirmed", "find")
        scene.box.clock.passes(minutes=11)
        scene.image("P2")
        scene.turn(lane, 2)
    assert len(pacs.asked) == (2 if status == 0x0110 else 1)


def test_commitment_asked_of_a_port_nobody_listens_on_costs_no_image_its_proof(
    scene: Scene,
) -> None:
    nowhere = Peer("127.0.0.1", free_port(), "SCM")
    pacs = Committing(finds=True, shows=lambda _: True)
    with peer(pacs) as there, scene.lane(there.target, commitment=nowhere) as lane:
        item = scene.image()
        scene.turn(lane)
        assert proof(scene, item) == ("confirmed", "find")
    with peer(pacs) as there, scene.lane(there.target, commitment=nowhere, **ONLY) as lane:
        item = scene.image("P2")
        scene.turn(lane)
        assert scene.state(item) == ("sent", "port-closed")


def test_what_is_stored_in_another_study_is_found_and_said(scene: Scene) -> None:
    """B000: it took the image, and gave it the Study Instance UID of an order (PS3.4 B.4.1.3)."""
    item = scene.image()
    pacs = Committing(
        store_status=0xB000,
        commits=False,
        finds=True,
        shows=lambda keys: not keys.StudyInstanceUID,
    )
    with peer(pacs) as there, scene.lane(there.target) as lane:
        scene.turn(lane)
    (row,) = scene.box.journal.ledger.deliveries_of(item)
    assert (row["state"], row["confirmed_by"]) == ("confirmed", "find")
    assert "changed something in it" in row["warning"]
    assert "in another study" in row["warning"]


def test_what_lies_in_another_study_without_a_word_of_that_is_somebody_elses(
    scene: Scene,
) -> None:
    """Some PACSs answer 0000 to a UID that they know, and keep what they had."""
    item = scene.image()
    pacs = Committing(commits=False, finds=True, shows=lambda keys: not keys.StudyInstanceUID)
    with peer(pacs) as there, scene.lane(there.target) as lane:
        scene.turn(lane)
    assert scene.state(item) == ("sent", "not-there-yet")


@pytest.mark.parametrize("settings", [{}, ONLY], ids=["auto", "commitment"])
@pytest.mark.parametrize("shows", [True, False], ids=["ours", "another"])
def test_a_uid_that_the_pacs_knows_is_looked_up_and_no_promise_is_enough(
    scene: Scene, settings: dict[str, Any], *, shows: bool
) -> None:
    pacs = Committing(reports="before", finds=True, shows=lambda _: shows, store_status=0x0111)
    with peer(pacs) as there, scene.lane(there.target, **settings) as lane:
        name = str(there.target)
        scene.box.journal.abilities.learn("pacs", Way.COMMITMENT, name, works=True)
        item = scene.image()
        for _ in range(len(ASK_AFTER_S) + 1):
            passes(scene, lane, 3 * 3600)
    assert proof(scene, item) == (("confirmed", "find") if shows else ("held", "uid-conflict"))
    assert len(pacs.stored) == 1


def test_a_uid_that_the_pacs_knows_is_held_where_nobody_can_look_it_up(scene: Scene) -> None:
    pacs = Committing(reports="before", store_status=0x0111)
    with peer(pacs) as there, scene.lane(there.target) as lane:
        for way, works in ((Way.COMMITMENT, True), (Way.FIND, False)):
            scene.box.journal.abilities.learn("pacs", way, str(there.target), works=works)
        item = scene.image()
        scene.turn(lane, 2)
    assert scene.state(item) == ("held", "already-there")
