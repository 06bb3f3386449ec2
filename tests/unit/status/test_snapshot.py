from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.errors import BadSettings, NobodyAnswers, SourceMissing, WorklistFailed
from appliance.journal.abilities import Way
from appliance.model import DeliveryState, ItemState, Order
from appliance.settings.load import parse
from appliance.settings.schema import Confirm, Settings
from appliance.status.pattern import LampState
from appliance.status.snapshot import Progress, Snapshot, take
from tests.builders.box import NOT_ANSWERING, Box
from tests.fakes.clock import FakeClock

SETTINGS = parse("""
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[destination]]
name = "pacs"
host = "10.0.0.1"
port = 104
ae_title = "PACS"
""")
LINKS = parse("""
[[source]]
name = "cr"
kind = "stick"

[[source]]
name = "us"
kind = "share"
mount = "//10.0.0.7/export"
""")
ORDERED = parse("""
[[worklist]]
name = "ris"
host = "10.0.0.2"
port = 104
ae_title = "RIS"
""")
BAD = BadSettings(faults="jembatan.toml: box.port: is not a known key")


def now(box: Box, settings: Settings = SETTINGS, *problems: BadSettings) -> Snapshot:
    return take(box.journal, settings, problems, box.clock)


def place(box: Box, kind: str, state: str) -> None:
    name = "cr" if kind == "source" else "pacs"
    problem = None if state in {"up", "watching"} else NOT_ANSWERING
    box.journal.custody.set_place(kind, name, state, problem, ok=problem is None)


def test_a_box_that_never_ran_is_idle() -> None:
    snapshot = take(None, Settings(), (), FakeClock())
    assert snapshot.lamps is LampState.IDLE
    document = snapshot.document()
    assert (document["items"], document["held"], document["oldest_waiting_s"]) == ({}, [], None)


def test_a_new_box_knows_its_settings_and_nothing_else() -> None:
    snapshot = take(None, SETTINGS, (), FakeClock())
    assert [(s.name, s.state, s.last_arrival_s) for s in snapshot.sources] == [("cr", "new", None)]
    assert [(d.name, d.state, d.waiting) for d in snapshot.destinations] == [("pacs", "new", 0)]
    assert snapshot.lamps is LampState.IDLE


def test_what_waits_for_its_order_is_on_its_way_and_needs_nobody(box: Box) -> None:
    box.item(ItemState.CONVERTED)
    until = box.clock.utc() + timedelta(minutes=1)
    box.journal.items.put_off(box.claim(ItemState.CONVERTED), NOT_ANSWERING, until)
    snapshot = now(box)
    assert (snapshot.waiting_for_order, snapshot.on_the_way, snapshot.held) == (1, 1, ())


def test_the_document_is_the_contract_s(box: Box) -> None:
    box.delivery(DeliveryState.HELD, "unsent.tif")
    place(box, "destination", "down")
    document = now(box).document()
    assert list(document) == [
        "items", "deliveries", "held", "waiting_for_order", "oldest_waiting_s", "sources",
        "destinations", "worklists", "lamps", "settings_problems", "notices",
            "certificates", "clock", "version",
    ]  # fmt: skip
    assert json.loads(json.dumps(document)) == document
    assert document["held"] == [
        {
            "id": 1,
            "code": "nobody-answers",
            "sentence": NOT_ANSWERING.sentence,
            "hint": NOT_ANSWERING.hint,
            "source": "cr",
            "name": "unsent.tif",
            "destination": "pacs",
            "state": "held",
            "arrived_at": "2026-03-14T09:26:53.000+00:00",
        }
    ]
    assert document["destinations"] == [
        {
            "name": "pacs",
            "state": "down",
            "waiting": 0,
            "sentence": NOT_ANSWERING.sentence,
            "hint": NOT_ANSWERING.hint,
            "confirmed_by": "",
            "proof": "Confirmed by asking it for each image (C-FIND); whether it offers storage "
            "commitment is found out with the next one.",
        }
    ]
    assert document["sources"] == [
        {
            "name": "cr",
            "kind": "folder",
            "state": "new",
            "state_s": 0.0,
            "sentence": "Nothing has looked there yet.",
            "hint": "",
            "progress": None,
            "last_arrival_s": 0.0,
            "silence": None,
        }
    ]


def test_it_is_said_how_a_destination_proves_what_it_has_and_why_not_better(box: Box) -> None:
    def proof() -> tuple[str, str]:
        (destination,) = now(box).destinations
        return destination.confirmed_by, destination.proof

    learn = box.journal.abilities.learn
    learn("pacs", Way.COMMITMENT, "it", works=True)
    assert proof()[0] == "commitment"
    assert "promises to keep" in proof()[1]
    learn("pacs", Way.COMMITMENT, "it", works=False, why="It never reports.")
    assert proof() == (
        "find", "Confirmed by asking it for each image (C-FIND). It never reports.",
    )  # fmt: skip
    learn("pacs", Way.FIND, "it", works=False, why="It cannot be asked.")
    assert proof() == (
        "response",
        "Its answer to each image is the only proof. It never reports. It cannot be asked.",
    )
    (pacs,) = SETTINGS.destinations
    insisting = replace(SETTINGS, destinations=(replace(pacs, confirm=Confirm.COMMITMENT),))
    (destination,) = now(box, insisting).destinations
    assert destination.proof == "Nothing it takes is confirmed. It never reports."
    box.clock.passes(hours=25)
    assert proof()[0] == ""


def test_everything_is_counted(box: Box) -> None:
    box.one_of_each()
    document = now(box).document()
    assert document["items"] == {state.value: 1 for state in ItemState}
    assert document["deliveries"] == {"confirmed": 1, "prepared": 1}


def test_ages_are_told_by_the_clock_and_never_negative(box: Box) -> None:
    box.accept()
    box.clock.passes(minutes=5)
    assert now(box).oldest_waiting_s == now(box).sources[0].last_arrival_s == 300
    box.clock.is_set(box.clock.utc() - timedelta(days=400))
    assert now(box).oldest_waiting_s == 0


# --- the lamps: the most pressing of what is true ----------------------------------------------


def test_idle_is_when_everything_was_delivered(box: Box) -> None:
    box.item(ItemState.DONE)
    box.item(ItemState.IGNORED)
    place(box, "source", "watching")
    place(box, "destination", "up")
    assert now(box).lamps is LampState.IDLE


@pytest.mark.parametrize(
    "state", [ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED, ItemState.ROUTED]
)
def test_working_is_when_something_is_on_its_way(box: Box, state: ItemState) -> None:
    box.item(state)
    assert now(box).lamps is LampState.WORKING


@pytest.mark.parametrize("state", ["prepared", "active", "sent", "deferred"])
def test_working_is_also_when_something_is_not_proved_yet(box: Box, state: str) -> None:
    box.delivery(DeliveryState(state))
    assert now(box).lamps is LampState.WORKING


@pytest.mark.parametrize("state", [ItemState.HELD, ItemState.QUARANTINED])
def test_a_person_is_needed_where_an_image_waits_for_one(box: Box, state: ItemState) -> None:
    box.item(state)
    box.item(ItemState.ARRIVED)
    assert now(box).lamps is LampState.NEEDS_A_PERSON


def test_a_person_is_needed_where_a_delivery_is_held(box: Box) -> None:
    box.delivery(DeliveryState.HELD)
    assert now(box).lamps is LampState.NEEDS_A_PERSON


def test_a_person_is_needed_where_settings_were_refused(box: Box) -> None:
    snapshot = now(box, SETTINGS, BAD)
    assert snapshot.lamps is LampState.NEEDS_A_PERSON
    assert snapshot.document()["settings_problems"] == [
        {"code": "bad-settings", "sentence": BAD.sentence, "hint": BAD.hint}
    ]


@pytest.mark.parametrize("state", ["missing", "denied", "full", "pulled", "unplugged", "unheard"])
def test_a_person_is_needed_where_a_source_cannot_be_watched(box: Box, state: str) -> None:
    place(box, "source", state)
    assert now(box).lamps is LampState.NEEDS_A_PERSON
    assert not now(box).sources[0].is_up


@pytest.mark.parametrize("state", ["watching", "listening", "empty", "safe"])
def test_nobody_is_needed_where_a_source_waits_for_the_next_image(box: Box, state: str) -> None:
    place(box, "source", state)
    assert now(box).lamps is LampState.IDLE
    assert now(box).sources[0].is_up


def test_a_share_that_is_out_of_reach_needs_a_person_once_it_stays_so(box: Box) -> None:
    """A modality that is being started again, or carried to the ward, comes back by itself."""
    box.journal.custody.set_place("source", "us", "offline", NOT_ANSWERING)
    assert now(box, LINKS).lamps is LampState.IDLE
    assert not now(box, LINKS).sources[1].is_up
    box.clock.passes(minutes=10)
    assert now(box, LINKS).lamps is LampState.NEEDS_A_PERSON


def test_a_stick_that_is_read_outdoes_everything_until_it_may_be_pulled(box: Box) -> None:
    box.item(ItemState.HELD)
    place(box, "destination", "down")
    box.delivery(DeliveryState.DEFERRED)
    place(box, "source", "reading")
    assert now(box, LINKS).lamps is LampState.DO_NOT_PULL
    place(box, "source", "safe")
    assert now(box, LINKS).lamps is LampState.CANNOT_DELIVER


def test_what_is_not_a_stick_may_be_read_without_alarm(box: Box) -> None:
    place(box, "source", "reading")
    assert now(box).lamps is LampState.IDLE


@pytest.mark.parametrize("state", ["down", "stopped", "full"])
def test_it_cannot_deliver_where_something_waits_for_a_destination_in_trouble(
    box: Box, state: str
) -> None:
    place(box, "destination", state)
    assert now(box).lamps is LampState.IDLE
    box.delivery(DeliveryState.DEFERRED)
    box.item(ItemState.HELD)
    assert now(box).lamps is LampState.CANNOT_DELIVER
    assert now(box).destinations[0].sentence == NOT_ANSWERING.sentence


@pytest.mark.parametrize("state", ["up", "busy"])
def test_a_destination_that_is_merely_busy_is_no_trouble(box: Box, state: str) -> None:
    place(box, "destination", state)
    box.delivery(DeliveryState.DEFERRED)
    assert now(box).lamps is LampState.WORKING


def test_what_waits_for_a_destination_that_was_removed_is_not_forgotten(box: Box) -> None:
    box.item(ItemState.DONE)
    assert now(box, Settings()).destinations == ()
    box.delivery(DeliveryState.DEFERRED)
    snapshot = now(box, Settings())
    assert [(d.name, d.state, d.waiting) for d in snapshot.destinations] == [
        ("pacs", "removed", 1)
    ]
    assert snapshot.lamps is LampState.CANNOT_DELIVER


# --- how places are doing ----------------------------------------------------------------------


def test_a_place_that_is_well_says_so(box: Box) -> None:
    place(box, "source", "watching")
    place(box, "destination", "up")
    snapshot = now(box)
    assert snapshot.sources[0].sentence == "What appears there is taken."
    assert snapshot.destinations[0].sentence == "It takes what is sent to it."


@pytest.mark.parametrize("state", ["listening", "empty", "reading", "safe"])
def test_a_source_without_a_sentence_has_that_of_its_state(box: Box, state: str) -> None:
    box.journal.custody.set_place("source", "cr", state)
    assert now(box).sources[0].sentence.endswith(".")
    assert now(box).sources[0].sentence != "Nothing has looked there yet."


def test_a_place_in_trouble_says_what_to_do(box: Box) -> None:
    trouble = SourceMissing(path="/srv/cr")
    box.journal.custody.set_place("source", "cr", "missing", trouble)
    source = now(box).sources[0]
    assert (source.state, source.sentence, source.hint) == (
        "missing", trouble.sentence, trouble.hint,
    )  # fmt: skip


def test_how_far_a_stick_is_read_is_known(box: Box) -> None:
    reading = NobodyAnswers(path="stick", why="it is read", done=3, total=10)
    box.journal.custody.set_place("source", "cr", "reading", reading)
    assert now(box).sources[0].progress == Progress(done=3, total=10)
    assert '"progress": {"done": 3, "total": 10}' in json.dumps(now(box).document())
    assert now(box, LINKS).notices == ()


def test_only_places_of_the_settings_are_shown(box: Box) -> None:
    gone = NobodyAnswers(path="old", why="it was sold")
    box.journal.custody.set_place("destination", "old", "down", gone)
    assert [d.name for d in now(box).destinations] == ["pacs"]


# --- worklists --------------------------------------------------------------------------------


def test_a_worklist_that_was_never_asked() -> None:
    (ris,) = take(None, ORDERED, (), FakeClock()).worklists
    assert (ris.name, ris.state, ris.orders, ris.told_s) == ("ris", "new", 0, None)
    assert (ris.sentence, ris.tells) == ("It has not been asked yet.", True)


def test_a_worklist_that_tells_and_then_fails(box: Box) -> None:
    today = box.clock.utc().date()
    start = {"ScheduledProcedureStepStartDate": today.strftime("%Y%m%d")}
    orders = [Order("ris", key, start, {}, "") for key in ("a", "b")]
    box.journal.orders.learn("ris", orders, today, today)
    box.journal.custody.set_place("worklist", "ris", "ok", ok=True)
    box.clock.passes(minutes=5)
    (ris,) = now(box, ORDERED).worklists
    assert (ris.state, ris.sentence, ris.tells) == (
        "ok", "It tells which exams are ordered.", True,
    )  # fmt: skip
    assert (ris.orders, ris.told_s) == (2, 300)
    why = WorklistFailed(peer="RIS", why="status C001")
    box.journal.custody.set_place("worklist", "ris", "failed", why)
    box.clock.passes(minutes=5)
    snapshot = now(box, ORDERED)
    assert snapshot.document()["worklists"] == [
        {
            "name": "ris",
            "state": "failed",
            "sentence": why.sentence,
            "hint": why.hint,
            "orders": 2,
            "told_s": 600.0,
        }
    ]
    assert not snapshot.worklists[0].tells
