"""When an exam was, by whose clock, and how near that is to what was planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from appliance.errors import ClockDisagrees, ModalityUntold, NoDate, WorklistNone
from appliance.identify import moments
from appliance.identify.moments import Moment, is_near, moment
from appliance.identify.proof import prove
from appliance.model import Origin
from appliance.settings.schema import Profile
from tests.builders.identities import (
    ARRIVED,
    JAKARTA,
    SITI,
    WORKLIST,
    case,
    evidence,
    order,
    says,
)
from tests.builders.scenarios import OF_SITI

DAY = date(2024, 3, 14)
NAMED = says(**SITI)


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("101112", datetime(2024, 3, 14, 10, 11, 12)),  # noqa: DTZ001 - the clock on the wall
        ("1011", datetime(2024, 3, 14, 10, 11)),  # noqa: DTZ001
        ("10", datetime(2024, 3, 14, 10)),  # noqa: DTZ001
        ("101112.5", datetime(2024, 3, 14, 10, 11, 12)),  # noqa: DTZ001
        ("235960", datetime(2024, 3, 14, 23, 59, 59)),  # noqa: DTZ001 - a leap second
        ("", None),
        ("2460", None),
        ("ten", None),
    ],
)
def test_a_time_is_read_or_nothing_is_known_but_the_day(time: str, at: datetime | None) -> None:
    assert moment("20240314", time) == Moment(DAY, at)


@pytest.mark.parametrize("day", ["", "20240230", "2024", "14.03.2024"])
def test_what_is_no_day_is_nothing(day: str) -> None:
    assert moment(day, "1011") is None


def test_an_offset_in_the_header_moves_the_exam_to_where_the_box_stands() -> None:
    said = evidence(says(StudyDate="20240313", StudyTime="2315", TimezoneOffsetFromUTC="+0000"))
    found = moments.exam(said, WORKLIST, ARRIVED)
    assert str(found) == "2024-03-14 06:15"
    west = evidence(says(StudyDate="20240313", StudyTime="2315", TimezoneOffsetFromUTC="-0130"))
    assert str(moments.exam(west, WORKLIST, ARRIVED)) == "2024-03-14 07:45"


def test_hours_count_where_both_have_a_time_and_days_where_not() -> None:
    late, early = moment("20240314", "2330"), moment("20240315", "0030")
    day = moment("20240314", "")
    assert late
    assert early
    assert day
    assert is_near(late, early, 1)
    assert not is_near(late, early, 0.9)
    assert is_near(late, day, 0)
    assert not is_near(early, day, 24)


# --- a device clock that cannot be right


def test_an_exam_after_its_image_came_is_not_believed() -> None:
    told = {**OF_SITI, "StudyTime": "113100"}  # it came at 10:30
    with pytest.raises(ClockDisagrees) as caught:
        prove(case(says(**told)), [order()])
    assert caught.value.sentence == (
        "The exam is dated 2024-03-14 11:31, but its image came before that, at 2024-03-14 "
        "10:30: a clock is wrong."
    )


def test_some_minutes_ahead_are_only_remarked() -> None:
    told = {**OF_SITI, "StudyTime": "113000"}
    assert prove(case(says(**told)), [order()]).identity.proof == "worklist"
    assert "the clock of the device or of this box is wrong" in moments.doubt(
        evidence(says(**told)), WORKLIST, ARRIVED
    )
    assert moments.doubt(evidence(says(**OF_SITI)), WORKLIST, ARRIVED) == ""
    five = {**OF_SITI, "StudyTime": "103500"}
    assert moments.doubt(evidence(says(**five)), WORKLIST, ARRIVED) == ""


def test_a_day_ahead_is_not_believed_either() -> None:
    told = {k: v for k, v in OF_SITI.items() if k != "StudyTime"} | {"StudyDate": "20240315"}
    with pytest.raises(ClockDisagrees):
        prove(case(says(**told)), [order(ScheduledProcedureStepStartDate="20240315")])
    today = told | {"StudyDate": "20240314"}
    assert prove(case(says(**today)), [order()])


# --- no date told


def test_an_order_may_date_an_exam_that_came_about_then() -> None:
    identity = prove(case(NAMED), [order()]).identity
    assert (identity.values["StudyDate"], identity.values["StudyTime"]) == ("20240314", "100000")


def test_not_one_that_came_at_another_time() -> None:
    with pytest.raises(WorklistNone):
        prove(case(NAMED, arrived_at=ARRIVED + timedelta(hours=12)), [order()])


def test_not_where_the_profile_does_not_say_so() -> None:
    profile = replace(WORKLIST, date=("header", "exif"))
    with pytest.raises(NoDate):
        prove(case(NAMED, profile=profile), [order()])


def test_what_a_device_tells_goes_before_the_order() -> None:
    exif = says(Origin.EXIF, StudyDate="20240313", StudyTime="235900")
    identity = prove(case(NAMED, exif), [order()]).identity
    assert (identity.values["StudyDate"], identity.values["StudyTime"]) == ("20240313", "235900")


def test_the_files_own_time_is_asked_only_where_the_profile_names_it() -> None:
    mtime = says(Origin.MTIME, StudyDate="20230101", StudyTime="120000")
    assert prove(case(NAMED, mtime), [order()]).identity.values["StudyDate"] == "20240314"
    profile = replace(WORKLIST, date=("mtime",))
    with pytest.raises(WorklistNone):
        prove(case(NAMED, mtime, profile=profile), [order()])


# --- what made it


@pytest.mark.parametrize(
    "profile",
    [Profile(sop_class="CR"), Profile(modality="CR"), Profile(sop_class="DX")],
    ids=["class", "modality", "DX"],
)
def test_the_profile_may_say_what_made_it(profile: Profile) -> None:
    assert prove(case(NAMED, profile=profile), [order()])


def test_where_nobody_says_what_made_it_nothing_is_sent() -> None:
    with pytest.raises(ModalityUntold):
        prove(case(NAMED, profile=Profile()), [order()])


def test_the_window_is_that_of_the_orders_own_worklist() -> None:
    near = case(says(**OF_SITI), window_h=0.2)
    with pytest.raises(WorklistNone):
        prove(near, [order()])
    wide = replace(near, window_h={"ris": 0.2, "second": 1})
    assert prove(wide, [order(worklist="second")])


def test_days_to_ask_about_are_those_the_window_reaches() -> None:
    film = says(StudyDate="20240314", StudyTime="101500")
    assert case(film).days == (date(2024, 3, 13), DAY)
    assert case(film, window_h=1).days == (DAY, DAY)
    assert case(film, window_h=72).days == (date(2024, 3, 11), date(2024, 3, 17))
    assert case(says(StudyDate="20240314")).days == (DAY, DAY)
    night = ARRIVED.replace(hour=23)
    assert case(arrived_at=night).days == (DAY, date(2024, 3, 15))
    assert night.tzinfo is JAKARTA
