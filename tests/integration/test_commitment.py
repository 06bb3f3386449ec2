"""Confirmation: what a PACS promises, denies, forgets to say, or says twice, when it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.forward.confirm import DENIED_AFTER_S
from appliance.journal.abilities import Way
from appliance.settings.schema import Peer
from tests.builders.promised import ONLY, done, heard, passes, proof
from tests.peers.committing import Committing
from tests.peers.dcmqrscp import dcmqrscp
from tests.peers.scripted import peer
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.scene import Scene

pytestmark = pytest.mark.network


@pytest.mark.parametrize("reports", ["after", "before"])
def test_a_report_over_the_same_association_is_the_proof(scene: Scene, reports: str) -> None:
    items = [scene.image(f"P{number}") for number in range(3)]
    pacs = Committing(reports=reports)
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane)
        heard(lane, lambda: done(scene) == 3)
    assert [proof(scene, item) for item in items] == [("confirmed", "commitment")] * 3
    (asked,) = pacs.asked
    assert len(asked.uids) == 3
    assert pacs.answered == [0x0000]
    assert scene.box.journal.ledger.item_counts() == {"done": 3}


def test_an_association_with_nothing_more_to_say_is_ended(scene: Scene) -> None:
    scene.image()
    pacs = Committing(reports="never")
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        assert lane.turn() == 0
        assert 0 < lane.turn() <= 5
        assert lane.fileno() is not None
        passes(scene, lane, 6)
        assert lane.fileno() is None


def test_nobody_rests_while_there_is_more_to_ask_about(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.forward.prover._BATCH", 2)
    for number in range(5):
        scene.image(f"P{number}")
    pacs = Committing(reports="never")
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        assert [lane.turn() > 0 for _ in range(3)] == [False, False, True]
        assert [len(asked.uids) for asked in pacs.asked] == [2, 2, 1]


def test_another_address_may_be_asked_for_commitment(scene: Scene, tmp_path: Path) -> None:
    item = scene.image()
    with storescp(tmp_path / "scp") as scp, peer(Committing()) as there:
        asks = Peer("127.0.0.1", there.port, "SCRIPTED")
        with scene.lane(scp.target, commitment=asks, **ONLY) as lane:
            scene.turn(lane)
            heard(lane, lambda: done(scene) == 1)
    assert proof(scene, item) == ("confirmed", "commitment")


# What it may say


def test_a_pacs_that_loses_images_gets_them_again_twice_and_then_a_person_must_look(
    scene: Scene,
) -> None:
    item, other = scene.image("P1"), scene.image("P2")
    (row,) = scene.box.journal.ledger.deliveries_of(item)
    (lost,) = scene.box.journal.ledger.instances_of(row["id"])
    pacs = Committing(
        reports="before", reason=lambda uid: 0x0112 * (uid == lost["sop_instance_uid"])
    )
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        for _ in range(3 * (len(DENIED_AFTER_S) + 1)):
            passes(scene, lane, 3600)
        again = [data for data in pacs.stored if lost["sop_instance_uid"].encode() in data]
        assert len(again) == 3
        assert len(set(again)) == 1
        assert scene.state(item) == ("held", "denied")
        assert proof(scene, other) == ("confirmed", "commitment")
        assert len({asked.transaction for asked in pacs.asked}) == len(pacs.asked)
    (waiting,) = scene.box.journal.ledger.attention()
    assert "says now that it does not have it" in waiting["sentence"]
    assert "another Study UID" in waiting["hint"]
    assert "exception queue" in waiting["hint"]


@pytest.mark.parametrize(
    ("reason", "state", "words"),
    [
        (0x0119, ("held", "commitment-refused"), "another kind of image under this UID"),
        (0x0122, ("held", "commitment-refused"), "not for images of this kind"),
        (0x0110, ("sent", "not-committed"), "failed while it looked"),
        (0x0213, ("sent", "not-committed"), "no room or time"),
        (0x0131, ("sent", "not-committed"), "mistook the question"),
        (0x0112, ("sent", "not-there-yet"), "does not show it yet"),
        (0x1234, ("sent", "not-committed"), "unknown to DICOM (failure reason 1234)"),
    ],
    ids=lambda value: f"{value:04X}" if isinstance(value, int) else "",
)
def test_each_failure_reason_has_its_own_consequence(
    scene: Scene, reason: int, state: tuple[str, str], words: str
) -> None:
    item = scene.image()
    pacs = Committing(reports="before", reason=lambda _: reason)
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane, 2)
        (row,) = scene.box.journal.ledger.deliveries_of(item)
        assert (row["state"], row["code"]) == state
        assert words in row["sentence"]
        if state[0] == "sent":
            pacs.reason = lambda _: 0
            passes(scene, lane, 60)
            passes(scene, lane, 0)
            assert proof(scene, item) == ("confirmed", "commitment")
            assert len(pacs.stored) == 1


@pytest.mark.parametrize("reason", [0x0110, 0x0122, 0x0213])
def test_under_auto_what_commitment_cannot_say_is_found(scene: Scene, reason: int) -> None:
    first, item = scene.image(), scene.image("P2")
    pacs = Committing(reports="before", finds=True, shows=lambda _: True)
    with peer(pacs) as there, scene.lane(there.target) as lane:
        scene.turn(lane, 2)
        assert proof(scene, first) == ("confirmed", "find")
        pacs.reason = lambda _: reason
        item = scene.image("P3")
        scene.turn(lane, 3)
    assert proof(scene, item) == ("confirmed", "find")
    assert len(pacs.asked) == 2


def test_a_question_that_is_mistaken_for_another_is_asked_under_a_new_number(
    scene: Scene,
) -> None:
    item = scene.image()
    pacs = Committing(action_statuses=[0x0131, 0x0131])
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane)
        heard(lane, lambda: done(scene) == 1)
    assert proof(scene, item) == ("confirmed", "commitment")
    assert len({asked.transaction for asked in pacs.asked}) == 3


def test_a_pacs_that_mistakes_every_question_is_asked_later(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(action_statuses=[0x0131] * 3)
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane)
        assert scene.state(item) == ("sent", "commitment-failed")
        assert len(pacs.asked) == 3


def test_a_question_that_breaks_an_association_used_before_is_asked_over_another(
    scene: Scene,
) -> None:
    first = scene.image("P1")
    pacs = Committing(hangs_up_at=2)
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        heard(lane, lambda: done(scene) == 1)
        item = scene.image("P2")
        heard(lane, lambda: done(scene) == 2)
    assert proof(scene, first) == proof(scene, item) == ("confirmed", "commitment")
    assert len({asked.transaction for asked in pacs.asked}) == 3


def test_a_question_that_breaks_its_own_association_may_still_be_answered(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(hangs_up_at=1)
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane, 2)
        assert scene.state(item) == ("sent", "awaits-report")
        assert len(pacs.asked) == 1


def test_auto_takes_the_word_of_a_pacs_that_never_manages_to_answer(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(commits=False, finds=True, find_status=0xA700)
    with peer(pacs) as there, scene.lane(there.target) as lane:
        scene.turn(lane)
        assert scene.state(item) == ("sent", "find-failed")
        for _ in range(5):
            passes(scene, lane, 7200)
    assert proof(scene, item) == ("confirmed", "response")


@pytest.mark.parametrize(
    ("status", "code"), [(0x0110, "commitment-failed"), (0x0122, "commitment-unsupported")]
)
def test_a_question_that_is_refused_is_asked_later(scene: Scene, status: int, code: str) -> None:
    item = scene.image()
    pacs = Committing(action_statuses=[status])
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane)
        assert scene.state(item) == ("sent", code)
        scene.box.clock.passes(minutes=1)
        scene.turn(lane)
        heard(lane, lambda: done(scene) == 1)
    assert proof(scene, item) == ("confirmed", "commitment")


# What it may not say


def test_a_pacs_that_never_reports_is_asked_anew_and_again_anew(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane, 2)
        assert scene.state(item) == ("sent", "awaits-report")
        for seconds, asked in ((599, 1), (2, 2), (3599, 2), (2, 3)):
            passes(scene, lane, seconds)
            assert len(pacs.asked) == asked
        assert len({asked.transaction for asked in pacs.asked}) == 3
        assert scene.state(item) == ("sent", "awaits-report")
        assert len(pacs.stored) == 1
        known = scene.box.journal.abilities.known("pacs")
        assert "never reports" in known.why[Way.COMMITMENT]
        assert "this box's address and port" in known.why[Way.COMMITMENT]


def test_a_report_on_an_earlier_question_counts_too(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane)
        passes(scene, lane, 601)
        first, _ = pacs.asked
        pledges = scene.box.journal.pledges
        assert pledges.tell(first.transaction, {"pacs"}, dict.fromkeys(first.uids, 0))
        scene.turn(lane)
    assert proof(scene, item) == ("confirmed", "commitment")


def test_a_report_that_leaves_an_image_out_says_nothing_of_it(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane)
        (asked,) = pacs.asked
        assert scene.box.journal.pledges.tell(asked.transaction, {"pacs"}, {"1.2.3": 0})
        scene.turn(lane, 3)
        assert scene.state(item) == ("sent", "awaits-report")
        assert len(pacs.asked) == 1


def test_what_is_reported_while_the_destination_takes_nothing_more_counts(scene: Scene) -> None:
    """A full PACS may still promise what it has."""
    item = scene.image()
    pacs = Committing(reports="never")
    with peer(pacs) as there, scene.lane(there.target, **ONLY) as lane:
        scene.turn(lane)
        pacs.store_status = 0xA700
        for number in range(3):
            scene.image(f"F{number}")
        scene.turn(lane, 3)
        (asked,) = pacs.asked
        scene.box.journal.pledges.tell(asked.transaction, {"pacs"}, dict.fromkeys(asked.uids, 0))
        assert lane.turn() > 0
    assert proof(scene, item) == ("confirmed", "commitment")


def test_where_commitment_is_insisted_on_nothing_else_will_do(
    scene: Scene, tmp_path: Path
) -> None:
    item = scene.image()
    with dcmqrscp(tmp_path / "archive") as archive, scene.lane(archive.target, **ONLY) as lane:
        scene.turn(lane, 2)
    assert scene.state(item) == ("sent", "commitment-unsupported")
