"""Converted to identified: what is proved, what waits for its order, what waits for a person."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.model import FOUND, Evidence
from appliance.settings.schema import Environment
from tests.builders.identifying import DOWN, MORNING, SETTINGS, Room, of
from tests.builders.identities import BUDI, SITI, evidence, order, says
from tests.builders.scenarios import FILM, OF_SITI

if TYPE_CHECKING:
    from tests.builders.box import Box


@pytest.fixture
def room(box: Box) -> Room:
    return Room(box)


def test_what_is_proved_takes_over_its_order_and_says_by_what(room: Room) -> None:
    item = room.comes()
    room.goes()
    identity = room.box.journal.items.get(item.id).identity
    assert identity is not None
    assert identity.proof == "worklist"
    assert identity.values["StudyInstanceUID"] == "1.2.826.0.1.1"
    assert identity.order == {
        "RequestAttributesSequence": [
            {"RequestedProcedureID": "RP1", "ScheduledProcedureStepID": "SPS1"}
        ]
    }
    assert room.told(item)[-2].startswith(
        "Patient ID and name and birth date agree with one patient of the worklist ris: 4711, "
    )


def test_what_was_found_waits_for_a_person_whatever_its_header_says(room: Room) -> None:
    item = room.comes(source=FOUND)
    room.goes()
    assert room.stands(item) == ("held", "found-again")


def test_it_asks_for_the_days_around_the_exam(room: Room) -> None:
    room.comes()
    room.goes()
    assert room.ris.asked == [("cr", date(2024, 3, 13), date(2024, 3, 14))]


# --- late orders


def test_nobody_is_bothered_while_the_order_may_still_come(room: Room) -> None:
    room.ris.orders = []
    item = room.comes()
    room.goes()
    assert room.stands(item) == ("converted", "waits-for-order")
    assert room.stage.rest_s() == 60
    row = room.box.journal.ledger.item_row(item.id)
    assert row["sentence"] == (
        "No order of the worklist fits 4711, RAHAYU^SITI, born 1980-02-05: nobody of that name "
        "and number is on it for 2024-03-14. It is asked for again by itself until 2024-03-14 "
        "12:30; nobody need do anything before."
    )


def test_a_late_order_is_found_without_anybody(room: Room) -> None:
    room.ris.orders = []
    item = room.comes()
    room.goes()
    room.ris.orders = [order()]
    room.box.clock.passes(seconds=59)
    room.goes()
    assert room.stands(item) == ("converted", "waits-for-order")
    room.box.clock.passes(seconds=1)
    room.goes()
    assert room.stands(item) == ("identified", "")


def test_then_a_person_is_asked_and_history_is_not_filled_meanwhile(room: Room) -> None:
    room.ris.orders = []
    item = room.comes()
    for _ in range(120):
        room.goes()
        room.box.clock.passes(minutes=1)
    assert room.stands(item) == ("converted", "waits-for-order")
    room.goes()
    assert room.stands(item) == ("held", "worklist-none")
    assert len([told for told in room.told(item) if "again by itself" in told]) == 1
    assert len(room.ris.asked) == 122  # every minute, and for the person's choice


def test_it_waits_while_the_clock_was_set_back_but_not_for_ever(room: Room) -> None:
    room.ris.orders = []
    item = room.comes()
    room.goes()
    room.ris.orders = [order()]
    room.box.clock.is_set(datetime(2024, 3, 12, 3, 30, tzinfo=UTC))
    room.goes()
    assert room.stands(item) == ("identified", "")


def test_what_came_by_a_clock_that_was_ahead_does_not_wait_until_then(room: Room) -> None:
    room.ris.orders = []
    room.box.clock.is_set(datetime(2031, 1, 1, tzinfo=UTC))
    item = room.comes()
    room.box.clock.is_set(MORNING)
    room.goes()
    assert room.stands(item) == ("held", "worklist-none")


def test_what_waits_from_a_source_that_was_renamed_is_not_trusted(room: Room) -> None:
    """A source without a profile is; one that is no more is not."""
    room.ris.orders = []
    item = room.comes()
    room.goes()
    sources = tuple(replace(each, name=f"new {each.name}") for each in SETTINGS.sources)
    room.box.clock.passes(minutes=1)
    while room.stage.turn(replace(SETTINGS, sources=sources, worklists=())):
        pass
    assert room.stands(item) == ("held", "identity-unproven")


def test_a_person_may_have_it_asked_for_at_once(room: Room) -> None:
    room.ris.orders = []
    item = room.comes()
    room.goes()
    room.ris.orders = [order()]
    said = queue.retry(room.box.journal, item.id, who="Sari")
    assert said == "The worklist is asked again within a minute."
    room.goes()
    assert room.stands(item) == ("identified", "")


def test_others_go_on_meanwhile(room: Room) -> None:
    late = room.comes(of(BUDI), name="late.dcm")
    room.goes()
    other = room.comes(name="other.dcm")
    room.goes()
    assert room.stands(late) == ("converted", "waits-for-order")
    assert room.stands(other) == ("identified", "")


def test_where_nothing_waits_there_is_nothing_to_wake_up_for(room: Room) -> None:
    room.comes()
    room.goes()
    assert room.stage.rest_s() == math.inf


# --- a worklist that is down


def test_while_it_is_down_it_is_waited_for_and_then_held_with_a_code_of_its_own(
    room: Room,
) -> None:
    room.ris.down = DOWN
    item = room.comes()
    room.goes()
    assert room.stands(item) == ("converted", "waits-for-order")
    room.box.clock.passes(hours=2)
    room.goes()
    assert room.stands(item) == ("held", "worklist-down")


def test_what_it_told_before_counts_and_its_age_is_kept(room: Room) -> None:
    room.comes(name="first.dcm")
    room.goes()
    room.ris.down = DOWN
    room.box.clock.passes(minutes=12)
    item = room.comes(name="second.dcm")
    room.goes()
    assert room.stands(item) == ("identified", "")
    assert any("what it told 12 min ago was used" in told for told in room.told(item))


def test_what_it_told_in_part_only_proves_nothing(room: Room, box: Box) -> None:
    """Another order, or another patient of that name, may be on the day that is not known."""
    day = date(2024, 3, 14)
    box.journal.orders.learn("ris", [order()], day, day)
    room.ris.down = DOWN
    item = room.comes()
    room.goes()
    assert room.stands(item) == ("converted", "waits-for-order")
    room.ris.down = None
    box.clock.passes(minutes=1)
    room.goes()
    assert room.stands(item) == ("identified", "")


def test_a_source_that_no_worklist_serves_sends_nothing(room: Room) -> None:
    item = room.comes(source="unserved")
    room.goes()
    assert room.stands(item) == ("held", "no-worklist")


# --- contradictions do not wait


def test_a_contradiction_is_held_at_once(room: Room) -> None:
    item = room.comes(of({**SITI, "PatientName": "SANTOSO^BUDI"}))
    room.goes()
    assert room.stands(item) == ("held", "identity-conflict")


@pytest.mark.parametrize("offset", ["", "+1400", "-1200"])
@pytest.mark.parametrize("day", ["00010101", "18940101", "99991231"])
def test_a_date_that_no_exam_can_have_is_none(room: Room, day: str, offset: str) -> None:
    """Devices write such where they know none; the stage neither falls over it nor sends it."""
    dated = evidence(says(**{**OF_SITI, "StudyDate": day, "TimezoneOffsetFromUTC": offset}))
    item = room.comes(dated, name="a.dcm")
    trusted = room.comes(dated, name="b.dcm", source="trusted")
    room.goes()
    identity = room.box.journal.items.get(item.id).identity
    assert identity is not None
    assert identity.values["StudyDate"] == "20240314"
    assert room.stands(trusted) == ("held", "no-date")


def test_a_device_clock_that_is_ahead_is_told_of_in_trust_too(room: Room) -> None:
    item = room.comes(of({**SITI, "StudyTime": "111500"}), source="trusted")
    room.goes()
    assert room.stands(item) == ("identified", "")
    assert any("the clock of the device or of this box is wrong" in t for t in room.told(item))


def test_what_was_held_has_a_choice_though_nothing_was_to_be_proved(room: Room) -> None:
    room.comes(Evidence(), source="trusted")
    room.goes()
    assert [source for source, _, _ in room.ris.asked] == ["trusted"]


# --- the same image again


def test_the_same_image_by_another_way_is_the_same_though_its_order_says_more(room: Room) -> None:
    first = room.comes(pixels="p", name="stick.dcm")
    room.goes()
    again = room.comes(pixels="p", name="share.dcm")
    room.goes()
    assert room.stands(first) == ("identified", "")
    assert room.stands(again) == ("ignored", "duplicate")


def test_another_spelling_is_the_same_patient(room: Room) -> None:
    room.comes(pixels="p", name="stick.dcm")
    room.goes()
    again = room.comes(of({**SITI, "PatientName": "rahayu^siti^^"}), pixels="p", name="b.dcm")
    room.goes()
    assert room.stands(again) == ("ignored", "duplicate")


def test_the_same_image_under_another_name_is_no_duplicate(room: Room) -> None:
    """Also where neither has a number."""
    room.comes(evidence(says(**FILM, PatientName="RAHAYU^SITI")), pixels="p", name="a.dcm")
    room.goes()
    again = room.comes(evidence(says(**FILM, PatientName="SANTOSO^BUDI")), pixels="p", name="b.d")
    room.goes()
    assert room.stands(again) == ("held", "identity-conflict")


def test_a_copy_that_says_more_takes_the_place_of_a_held_one(room: Room) -> None:
    first = room.comes(evidence(says(**FILM, PatientName="RAHAYU^SITI")), pixels="p", name="a.d")
    room.goes()
    assert room.stands(first) == ("held", "identity-unproven")
    better = room.comes(pixels="p", name="b.dcm")
    room.goes()
    assert room.stands(first) == ("ignored", "superseded")
    assert room.stands(better) == ("identified", "")


def test_the_right_number_for_what_was_sent_under_a_wrong_one_waits(room: Room) -> None:
    room.comes(of(BUDI), pixels="p", name="a.dcm", source="trusted")
    room.goes()
    again = room.comes(pixels="p", name="b.dcm")
    room.goes()
    assert room.stands(again) == ("held", "identity-conflict")


# --- tests and real patients ---------------------------------------------------------------------


def test_whom_a_worklist_for_tests_names_is_invented(room: Room) -> None:
    item = room.comes()
    room.ris.orders = [order(RequestedProcedurePriority="STAT")]
    tests = replace(SETTINGS.worklists[0], environment=Environment.TEST)
    assert room.stage.turn(replace(SETTINGS, worklists=(tests,)))
    identity = room.box.journal.items.get(item.id).identity
    assert identity is not None
    assert (identity.invented, identity.priority) == (True, "STAT")


def test_an_image_that_was_tested_with_is_no_duplicate_of_a_real_one(room: Room) -> None:
    room.ris.orders = [order()]
    tests = replace(SETTINGS.worklists[0], environment=Environment.TEST)
    testing = replace(SETTINGS, worklists=(tests,))
    for name in ("first.dcm", "again.dcm"):
        room.comes(name=name, pixels="the same")
        assert room.stage.turn(testing)
    real = room.comes(name="real.dcm", pixels="the same")
    room.goes()
    assert room.stands(room.box.journal.items.get(2)) == ("ignored", "duplicate")
    assert room.stands(real) == ("identified", "")
    twice = room.comes(name="twice.dcm", pixels="the same")
    room.goes()
    assert room.stands(twice) == ("ignored", "duplicate")


def test_whom_another_names_is_not(room: Room) -> None:
    item = room.comes()
    room.goes()
    identity = room.box.journal.items.get(item.id).identity
    assert identity is not None
    assert (identity.invented, identity.priority) == (False, "")
