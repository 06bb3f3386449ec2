"""A study or series of two patients: what of it stands elsewhere than where it is decided."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.desk.release import release
from appliance.errors import LeftFromTests, NoRoute
from appliance.model import Claim, DeliveryState, Evidence, ItemState, Origin
from tests.builders.identifying import DOWN, SETTINGS, Room, of
from tests.builders.identities import BUDI, SITI

if TYPE_CHECKING:
    from appliance.model import Item
    from tests.builders.box import Box

STUDY = "1.2.3"
OF_SITI = {"PatientID": "4711", "PatientName": "RAHAYU^SITI"}
OF_BUDI = {"PatientID": "4712", "PatientName": "SANTOSO^BUDI"}


@pytest.fixture
def room(box: Box) -> Room:
    return Room(box)


def comes(room: Room, said: Evidence, name: str, source: str = "trusted") -> Item:
    """An image of the one study, as far as it goes by itself."""
    item = room.comes(said, name=name, source=source, study=STUDY)
    room.goes()
    return item


def has_no_way(room: Room) -> None:
    """The next identified image is stopped there."""
    item = room.box.claim(ItemState.IDENTIFIED)
    room.box.journal.items.stop(item, NoRoute(why="none is set up yet"))


def patient_of(room: Room, item: Item) -> str:
    identity = room.box.journal.items.get(item.id).identity
    return identity.values["PatientID"] if identity else ""


def released(room: Room, item: Item, said: dict[str, str]) -> bool:
    """Whether it goes on apart from its study."""
    release(room.box.journal, SETTINGS, item.id, said, who="Sari")
    identity = room.box.journal.items.get(item.id).identity
    assert identity is not None
    return identity.apart


# --- what is decided, and held


def test_what_had_no_way_does_not_go_when_there_is_one(room: Room) -> None:
    first = comes(room, of(SITI), "1.dcm")
    has_no_way(room)
    comes(room, of(BUDI), "2.dcm")
    assert room.stands(first) == ("held", "mixed-patients")
    assert "patient 4712, SANTOSO^BUDI" in room.told(first)[-1]
    assert patient_of(room, first) == ""
    room.box.journal.items.free_routeless()
    assert room.stands(first) == ("held", "mixed-patients")


def test_what_was_put_on_hold_is_read_again_and_not_sent(room: Room) -> None:
    first = comes(room, of(SITI), "1.dcm")
    queue.hold(room.box.journal, first.id, who="Sari")
    comes(room, of(BUDI), "2.dcm")
    assert room.stands(first) == ("held", "mixed-patients")
    assert queue.retry(room.box.journal, first.id, who="Sari") == "It is read again."


def test_it_is_said_once_though_study_and_series_are_both_of_two(room: Room) -> None:
    both = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.3.1"}
    first = comes(room, of({**SITI, **both}), "1.dcm")
    has_no_way(room)
    comes(room, of({**BUDI, **both}), "2.dcm")
    assert len([said for said in room.told(first) if "of different patients" in said]) == 1


def test_what_a_person_vouches_for_stays_decided(room: Room) -> None:
    first = comes(room, of(SITI), "1.dcm", source="unserved")
    assert not released(room, first, OF_SITI)
    has_no_way(room)
    comes(room, of(BUDI), "2.dcm")
    assert room.stands(first) == ("held", "no-route")
    assert patient_of(room, first) == "4711"


def test_what_was_made_while_testing_stays_that(room: Room) -> None:
    """Read again, it would count as of a real patient."""
    first = comes(room, of(SITI), "1.dcm")
    room.box.journal.items.stop(room.box.claim(ItemState.IDENTIFIED), LeftFromTests())
    comes(room, of(BUDI), "2.dcm")
    assert room.stands(first) == ("held", "made-while-testing")
    assert patient_of(room, first) == "4711"


@pytest.mark.parametrize("source", ["trusted", "unserved"])
def test_what_goes_on_once_there_is_a_way_keeps_its_study_to_itself(
    room: Room, source: str
) -> None:
    """By the device's word or a person's: the second would follow it under the same study."""
    nobody = room.comes(of({}), name="2.dcm", source="unserved", study=STUDY)
    first = comes(room, of(SITI), "1.dcm", source=source)
    if source == "unserved":
        assert not released(room, first, OF_SITI)
    has_no_way(room)
    assert released(room, nobody, OF_BUDI)


# --- a name that a person put right


@pytest.fixture
def corrected(room: Room) -> Item:
    """The first of a study, whose patient the device misspelt: it stays in that study."""
    item = comes(room, of({**SITI, "PatientName": "RAHAYU^STI"}), "1.dcm", source="unserved")
    assert not released(room, item, OF_SITI)
    return item


@pytest.mark.usefixtures("corrected")
@pytest.mark.parametrize(
    "other",
    [
        BUDI,
        {"PatientName": "SANTOSO^BUDI"},
        {**BUDI, "PatientID": "4711"},
        {"PatientID": "4712"},
    ],
)
def test_another_patient_does_not_follow_it(room: Room, other: dict[str, str]) -> None:
    """Told by number or by name, whichever there is."""
    assert room.stands(comes(room, of(other), "2.dcm")) == ("held", "mixed-patients")


@pytest.mark.usefixtures("corrected")
@pytest.mark.parametrize(
    "name", ["RAHAYU^STI", "RAHAYU^SITI", ""], ids=["as before", "put right", "none"]
)
def test_its_own_patient_does_though_still_misspelt(room: Room, name: str) -> None:
    item = comes(room, of({**SITI, "PatientName": name}), "2.dcm")
    assert room.stands(item) == ("identified", "")


@pytest.mark.usefixtures("corrected")
def test_whom_a_person_names_beside_it_gets_a_study_of_its_own(room: Room) -> None:
    nobody = comes(room, of({}), "2.dcm", source="unserved")
    misspelt = comes(room, of({**SITI, "PatientName": "RAHAYU^STI"}), "3.dcm", source="unserved")
    assert not released(room, misspelt, OF_SITI)
    assert released(room, nobody, OF_BUDI)


# --- as it goes by itself


def test_a_study_of_two_patients_is_held_as_far_as_it_was_not_sent(room: Room) -> None:
    sent = room.comes(of(SITI), name="1.dcm", source="trusted", study="1.2.3")
    room.goes()
    room.box.route()
    room.box.send()
    routed = room.comes(of(SITI), name="2.dcm", source="trusted", study="1.2.3")
    room.goes()
    room.box.route()
    known = room.comes(of(SITI), name="3.dcm", source="trusted", study="1.2.3")
    room.goes()
    other = room.comes(of(BUDI), name="4.dcm", source="trusted", study="1.2.3")
    elsewhere = room.comes(of(BUDI), name="5.dcm", source="trusted", study="1.2.4")
    room.goes()
    assert room.stands(other) == room.stands(known) == ("held", "mixed-patients")
    states = [
        room.box.journal.ledger.deliveries_of(item.id)[0]["state"] for item in (sent, routed)
    ]
    assert states == [DeliveryState.SENT, DeliveryState.HELD]
    assert room.stands(elsewhere) == ("identified", "")
    later = room.comes(of(SITI), name="6.dcm", source="trusted", study="1.2.3")
    room.goes()
    assert room.stands(later) == ("held", "mixed-patients")
    row = room.box.journal.ledger.item_row(later.id)
    assert "patient 4711, RAHAYU^SITI" in row["sentence"]
    assert "patient 4712, SANTOSO^BUDI" in row["sentence"]


@pytest.mark.parametrize("way", ["defer", "put_back", "abandon", "dies"])
def test_what_is_being_sent_meanwhile_does_not_go_again_by_itself(room: Room, way: str) -> None:
    first = room.comes(of(SITI), name="1.dcm", source="trusted", study="1.2.3")
    room.goes()
    room.box.route()
    lane = room.box.again("lane")
    delivery = lane.take_up()
    room.comes(of(BUDI), name="2.dcm", source="trusted", study="1.2.3")
    room.goes()
    match way:
        case "defer":
            lane.journal.deliveries.defer(delivery, DOWN, room.box.clock.utc(), forgive=True)
        case "put_back":
            lane.journal.deliveries.put_back(delivery)
        case "abandon":
            lane.journal.deliveries.abandon()
        case _:
            pass
    lane.close()
    room.box.journal.custody.free_the_dead()
    (after,) = room.box.journal.ledger.deliveries_of(first.id)
    assert (after["state"], after["code"]) == (DeliveryState.HELD, "mixed-patients")
    assert queue.retry(room.box.journal, first.id, who="Sari")
    lane = room.box.again("lane")
    lane.journal.deliveries.put_back(lane.take_up())
    (after,) = room.box.journal.ledger.deliveries_of(first.id)
    assert after["state"] == DeliveryState.PREPARED
    lane.close()


def test_what_is_taken_meanwhile_is_sent(room: Room) -> None:
    first = room.comes(of(SITI), name="1.dcm", source="trusted", study="1.2.3")
    room.goes()
    room.box.route()
    delivery = room.box.take_up()
    room.comes(of(BUDI), name="2.dcm", source="trusted", study="1.2.3")
    room.goes()
    room.box.journal.deliveries.sent(delivery, None, room.box.clock.utc())
    (after,) = room.box.journal.ledger.deliveries_of(first.id)
    assert (after["state"], after["code"]) == (DeliveryState.SENT, "")


def test_another_spelling_in_one_study_is_no_other_patient(room: Room) -> None:
    room.comes(of(SITI), name="1.dcm", source="trusted", study="1.2.3")
    again = room.comes(
        of({**SITI, "PatientName": "rahayu siti"}), name="2.dcm", source="trusted", study="1.2.3"
    )
    room.goes()
    assert room.stands(again) == ("identified", "")


def test_once_the_wrong_one_is_set_aside_the_others_go_on(room: Room) -> None:
    right = room.comes(of(SITI), name="1.dcm", source="trusted", study="1.2.3")
    wrong = room.comes(of(BUDI), name="2.dcm", source="trusted", study="1.2.3")
    room.goes()
    assert room.stands(right) == room.stands(wrong) == ("held", "mixed-patients")
    queue.discard(room.box.journal, wrong.id, reason="a test", who="Sari")
    queue.retry(room.box.journal, right.id, who="Sari")
    claimed = room.box.claim(ItemState.ARRIVED)
    body = replace(room.box.body(claimed), attributes={"StudyInstanceUID": "1.2.3"})
    room.box.journal.items.converted(claimed, [body], of(SITI))
    room.goes()
    assert room.stands(right) == ("identified", "")


def test_kin_are_those_of_a_sidecars_study_too(room: Room) -> None:
    uid = Claim(Origin.SIDECAR, "StudyInstanceUID", "1.2.3")
    for number, person in enumerate((SITI, BUDI)):
        room.comes(Evidence((*of(person).claims, uid)), name=f"{number}.tif", source="trusted")
    room.goes()
    counts = room.box.journal.ledger.item_counts()
    assert json.dumps(counts) == '{"held": 2}'
