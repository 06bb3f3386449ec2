"""A study or series of two patients: what of it stands elsewhere than where it is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.desk.release import release
from appliance.errors import LeftFromTests, NoRoute
from appliance.model import ItemState
from tests.builders.identities import BUDI, SITI
from tests.unit.identify.test_stage import SETTINGS, Room, of

if TYPE_CHECKING:
    from appliance.model import Evidence, Item
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
