"""Confirmation: what a PACS promises, denies, forgets to say, or says twice, and to whom."""

from __future__ import annotations

import select
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from appliance.dicom.association import Link, Target
from appliance.dicom.commitment import COMMITMENT, CONTEXTS, Object, request
from appliance.dicom.echo import echo
from appliance.dicom.listener import door
from appliance.errors import DiskFull
from appliance.forward.confirm import ASK_AFTER_S, DENIED_AFTER_S, TRIAL_S
from appliance.journal.abilities import Way
from appliance.model import Instance
from appliance.settings.schema import Confirm, Peer
from tests.builders.receiving import receiving, until
from tests.builders.scene import Scene
from tests.peers.committing import Committing
from tests.peers.dcmqrscp import dcmqrscp
from tests.peers.orthanc import free_port, orthanc
from tests.peers.scripted import peer
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.forward.lane import Lane

pytestmark = pytest.mark.network

ONLY: dict[str, Any] = {"confirm": Confirm.COMMITMENT}
DESTINATION = """
[box]
listen_port = PORT

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "{ae_title}"
confirm = "{confirm}"
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    # The listener of some of these tests goes by the machine's clock.
    made.box.clock.is_set(datetime.now(UTC))
    yield made
    made.box.close()


def heard(lane: Lane, happened: Callable[[], bool]) -> None:
    """Go on as its thread would, woken by what the PACS says over the association, if any."""
    for _ in range(20):
        rest_s, fd = lane.turn(), lane.fileno()
        if happened():
            return
        if rest_s:
            assert fd is not None
            assert select.select([fd], [], [], rest_s)[0]
    raise AssertionError


def proof(scene: Scene, item_id: int) -> tuple[str, str]:
    (row,) = scene.box.journal.ledger.deliveries_of(item_id)
    return row["state"], row["confirmed_by"] or row["code"]


def done(scene: Scene) -> int:
    return scene.box.journal.ledger.item_counts().get("done", 0)


def commits(scene: Scene, target: Target) -> bool:
    """Whether it was learnt that the destination does."""
    known = scene.box.journal.abilities.known("pacs", {Way.COMMITMENT: str(target)})
    return bool(known.works.get(Way.COMMITMENT))


def passes(scene: Scene, lane: Lane, seconds: float) -> None:
    """Time goes by, and the lane has its turns."""
    scene.box.clock.passes(seconds=seconds)
    scene.turn(lane, 2)


# Over the association of the question


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


# What "auto" learns


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


# By a new association to our listener


@contextmanager
def listening(scene: Scene, port: int, ae_title: str = "SCRIPTED", **more: Any) -> Iterator[int]:
    """The receive service of the same box; its port."""
    text = DESTINATION.format(port=port, ae_title=ae_title, **{"confirm": "commitment", **more})
    with receiving(scene.box.paths.root, text=text) as box:
        yield box.port


def test_orthanc_reports_to_our_listener(scene: Scene, tmp_path: Path) -> None:
    items = [scene.image(f"P{number}") for number in range(5)]
    pacs_port, our_port = free_port(), free_port()
    ours = {"JEMBATAN": ["JEMBATAN", "127.0.0.1", our_port]}
    with orthanc(tmp_path / "pacs", (pacs_port, 0), more={"DicomModalities": ours}) as pacs:
        text = DESTINATION.format(port=pacs.dicom_port, ae_title=pacs.ae_title, confirm="auto")
        text = text.replace("PORT", str(our_port))
        with (
            receiving(scene.box.paths.root, text=text, port=our_port),
            scene.lane(pacs.target, **ONLY) as lane,
        ):
            scene.turn(lane)
            until(lambda: lane.turn() >= 0 and done(scene) == len(items))
            # Confirmed, and then deleted by an administrator: it never comes back.
            for stored in pacs.instances().values():
                pacs.delete("instances", stored.id)
            for _ in range(5):
                passes(scene, lane, 24 * 3600)
            assert pacs.count() == 0
    assert {proof(scene, item) for item in items} == {("confirmed", "commitment")}


class Killed(BaseException):
    """The process is gone in the midst of it."""


@pytest.mark.parametrize(
    ("where", "questions"),
    [
        ("appliance.dicom.commitment.request", 1),  # written down, and never asked
        ("appliance.journal.pledges.Pledges.wait", 1),  # asked, and that was not noted
        ("appliance.forward.pledging.Pledging.rest_s", 1),  # asked, and it was
    ],
    ids=["before the question", "before it is noted", "before the report"],
)
def test_a_report_outlives_the_sender(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, where: str, questions: int
) -> None:
    """deliver is killed, and what the PACS says meanwhile reaches the listener."""

    def dies(*_: object) -> None:
        raise Killed

    item = scene.image()
    pacs = Committing(reports="never")
    with peer(pacs) as there, listening(scene, there.port) as port:
        deliver = scene.box.again("deliver")
        with (
            scene.lane(there.target, deliver.journal, **ONLY) as lane,
            monkeypatch.context() as patch,
        ):
            patch.setattr(where, dies)
            with pytest.raises(Killed):
                scene.turn(lane, 2)
        deliver.close()
        for asked in pacs.asked:
            assert pacs.calls(port, asked) == [0x0000]
        scene.box.journal.custody.free_the_dead()
        pacs.reports = "before"
        with scene.lane(there.target, **ONLY) as lane:
            scene.turn(lane, 2)
    assert proof(scene, item) == ("confirmed", "commitment")
    assert (len(pacs.asked), len(pacs.stored)) == (questions, 1)


def test_a_report_that_comes_twice_is_one_and_one_on_nothing_is_none(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    with (
        peer(pacs) as there,
        listening(scene, there.port) as port,
        scene.lane(there.target, **ONLY) as lane,
    ):
        scene.turn(lane)
        (asked,) = pacs.asked
        assert pacs.calls(port, asked._replace(transaction="2.25.9")) == [0x0110]
        assert scene.state(item) == ("sent", "awaits-report")
        assert pacs.calls(port, asked, times=2) == [0x0000, 0x0000]
        scene.turn(lane)
        # It was confirmed, and somebody deleted it there.
        pacs.reason = lambda _: 0x0112
        assert pacs.calls(port, asked) == [0x0000]
        passes(scene, lane, 24 * 3600)
    assert proof(scene, item) == ("confirmed", "commitment")
    assert len(pacs.stored) == 1


@pytest.mark.parametrize(
    "stranger", [{"calling": "OTHER"}, {"called": "OTHER"}], ids=["calling", "called"]
)
def test_nobody_else_may_report(scene: Scene, stranger: dict[str, Any]) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    with (
        peer(pacs) as there,
        listening(scene, there.port) as port,
        scene.lane(there.target, **ONLY) as lane,
    ):
        scene.turn(lane)
        assert pacs.calls(port, pacs.asked[0], **stranger) == []
        scene.turn(lane)
    assert scene.state(item) == ("sent", "awaits-report")


def test_one_destination_cannot_speak_for_another(scene: Scene) -> None:
    scene.image()
    pacs = Committing(reports="never")
    other = '\n[[destination]]\nname = "b"\nhost = "127.0.0.1"\nport = 1\nae_title = "B"\n'
    with peer(pacs) as there:
        text = DESTINATION.format(port=there.port, ae_title="SCRIPTED", confirm="commitment")
        with (
            receiving(scene.box.paths.root, text=text + other) as box,
            scene.lane(there.target, **ONLY) as lane,
        ):
            scene.turn(lane)
            assert pacs.calls(box.port, pacs.asked[0], calling="B") == [0x0110]
            assert pacs.calls(box.port, pacs.asked[0]) == [0x0000]


def test_a_modality_that_is_a_pacs_too_may_do_both(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    source = (
        '\n[[source]]\nname = "cr"\nkind = "receiver"\n'
        'allow = [{ ae_title = "SCRIPTED", host = "127.0.0.1" }, '
        '{ ae_title = "CR1", host = "127.0.0.1" }]\n'
    )
    with peer(pacs) as there:
        text = DESTINATION.format(port=there.port, ae_title="SCRIPTED", confirm="auto")
        with (
            receiving(scene.box.paths.root, text=text + source) as box,
            scene.lane(there.target, **ONLY) as lane,
        ):
            scene.turn(lane)
            assert pacs.calls(box.port, pacs.asked[0]) == [0x0000]
            scene.turn(lane)
    assert proof(scene, item) == ("confirmed", "commitment")


def test_who_may_report_may_nothing_else(scene: Scene) -> None:
    image = Instance(1, COMMITMENT, "1.2.3", "", "", "1.2.840.10008.1.2", "", (b"",))
    offers = [*CONTEXTS, ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2")]
    with listening(scene, 1) as port:
        target = Target("127.0.0.1", port, "JEMBATAN", "SCRIPTED")
        with Link.open(target, offers) as link:
            assert not link.accepts(*offers[1])
            assert link.store(image).status == 0x0124
            assert request(link, "2.25.1", [Object("1.2", "1.2.3")]).status == 0x0124
        assert echo(target, scene.box.clock) == 0
    assert scene.box.journal.ledger.item_counts() == {}


def test_a_report_that_cannot_be_written_down_is_not_answered_as_if_it_were(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise DiskFull(where="the card")

    item = scene.image()
    pacs = Committing(reports="never")
    with (
        peer(pacs) as there,
        listening(scene, there.port) as port,
        scene.lane(there.target, **ONLY) as lane,
    ):
        scene.turn(lane)
        with monkeypatch.context() as patch:
            patch.setattr("appliance.journal.pledges.Pledges.tell", no_room)
            assert pacs.calls(port, pacs.asked[0]) == [0x0110]
        assert pacs.calls(port, pacs.asked[0]) == [0x0000]
        scene.turn(lane)
    assert proof(scene, item) == ("confirmed", "commitment")


def test_a_port_that_is_taken_is_said_where_no_source_says_it(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(door(0).listening) as taken:
        number = taken.getsockname()[1]
        text = DESTINATION.format(port=1, ae_title="A", confirm="auto")
        text = text.replace("PORT", str(number))
        with receiving(scene.box.paths.root, text=text, port=number):
            until(lambda: "no PACS can report by calling here" in caplog.text)
