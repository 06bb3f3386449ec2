"""What worklists told is remembered as long as it may be of use, and no patient longer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.model import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.builders.box import Box

FRIDAY, SATURDAY, SUNDAY = date(2026, 3, 13), date(2026, 3, 14), date(2026, 3, 15)
"""The clock of the tests starts on Saturday at 09:26:53."""
THREE_DAYS = timedelta(days=3)


def order(box: Box, key: str, day: date = SATURDAY, worklist: str = "ris", **more: str) -> Order:
    values: Mapping[str, str] = {
        "PatientName": "Müller^Jörg",
        "ScheduledProcedureStepStartDate": day.strftime("%Y%m%d"),
        **more,
    }
    codes = {"RequestedProcedureCodeSequence": ({"CodeValue": "71045"}, {"CodeValue": "2"})}
    return Order(worklist, key, values, codes, stamp(box.clock.utc()))


def keys(box: Box, first: date = FRIDAY, last: date = SUNDAY, *worklists: str) -> list[str]:
    found = box.journal.orders.between(worklists or ("ris",), first, last)
    return [each.key for each in found]


def test_what_is_learned_is_told_again_as_it_was(box: Box) -> None:
    mine = order(box, "a")
    box.journal.orders.learn("ris", [mine], SATURDAY, SATURDAY)
    (found,) = box.journal.orders.between(["ris"], SATURDAY, SATURDAY)
    assert found == mine
    assert box.journal.orders.get("a") == mine
    assert box.journal.orders.get("b") is None


def test_only_the_days_asked_for_are_told(box: Box) -> None:
    days = [order(box, "fri", FRIDAY), order(box, "sat"), order(box, "sun", SUNDAY)]
    box.journal.orders.learn("ris", days, FRIDAY, SUNDAY)
    assert keys(box) == ["fri", "sat", "sun"]
    assert keys(box, FRIDAY, FRIDAY) == ["fri"]
    assert keys(box, SATURDAY, SUNDAY) == ["sat", "sun"]
    assert keys(box, date(2026, 3, 16), date(2026, 3, 20)) == []


def test_what_is_told_anew_takes_the_place_of_what_was_told(box: Box) -> None:
    """An order that is done or cancelled is no longer told."""
    orders = [order(box, "fri", FRIDAY), order(box, "sat"), order(box, "sun", SUNDAY)]
    box.journal.orders.learn("ris", orders, FRIDAY, SUNDAY)
    box.journal.orders.learn("ris", [order(box, "new")], SATURDAY, SUNDAY)
    assert keys(box) == ["fri", "new"]
    box.journal.orders.learn("ris", [], FRIDAY, SUNDAY)
    assert keys(box) == []


def test_what_is_told_again_unchanged_is_not_written_again(box: Box) -> None:
    """A card wears out; only the day's row changes."""
    orders = [order(box, f"{number}") for number in range(500)]
    box.journal.orders.learn("ris", orders, SATURDAY, SATURDAY)
    wal = box.paths.journal.with_name("journal.sqlite-wal")
    box.journal.custody.compact()
    box.clock.passes(seconds=30)
    box.journal.orders.learn("ris", orders, SATURDAY, SATURDAY)
    assert wal.stat().st_size < 20_000
    assert {o.seen_at for o in box.journal.orders.between(["ris"], SATURDAY, SATURDAY)} == {
        stamp(box.clock.utc())
    }
    orders[7] = order(box, "7", PatientName="Möller^Jörg")
    box.journal.orders.learn("ris", orders, SATURDAY, SATURDAY)
    changed = box.journal.orders.get("7")
    assert changed is not None
    assert changed.values["PatientName"] == "Möller^Jörg"


def test_an_order_that_is_put_off_is_no_longer_where_it_was(box: Box) -> None:
    box.journal.orders.learn("ris", [order(box, "a", FRIDAY)], FRIDAY, FRIDAY)
    box.journal.orders.learn("ris", [order(box, "a", SUNDAY)], SUNDAY, SUNDAY)
    assert keys(box, FRIDAY, FRIDAY) == []
    assert keys(box, SUNDAY, SUNDAY) == ["a"]


def test_orders_of_days_that_were_not_asked_for_are_not_kept(box: Box) -> None:
    """Some servers take no notice of the date, and tell of all patients they have."""
    orders = [order(box, "sat"), order(box, "old", date(2025, 1, 1)), order(box, "sun", SUNDAY)]
    box.journal.orders.learn("ris", orders, SATURDAY, SATURDAY)
    assert box.journal.orders.counts() == {"ris": 1}


def test_worklists_do_not_mix(box: Box) -> None:
    box.journal.orders.learn("ris", [order(box, "a")], SATURDAY, SATURDAY)
    box.journal.orders.learn("his", [order(box, "b", worklist="his")], SATURDAY, SATURDAY)
    box.journal.orders.learn("his", [], FRIDAY, FRIDAY)
    assert keys(box) == ["a"]
    assert keys(box, FRIDAY, SUNDAY, "ris", "his") == ["a", "b"]
    assert box.journal.orders.counts() == {"ris": 1, "his": 1}


# --- when it was told -------------------------------------------------------------------------


def test_it_is_known_when_the_stalest_of_some_days_was_told(box: Box) -> None:
    asked_at = box.journal.orders.asked_at
    assert asked_at("ris", SATURDAY, SATURDAY) == ""
    first = stamp(box.clock.utc())
    box.journal.orders.learn("ris", [], FRIDAY, SATURDAY)
    box.clock.passes(minutes=10)
    box.journal.orders.learn("ris", [], SATURDAY, SUNDAY)
    assert asked_at("ris", FRIDAY, SUNDAY) == first
    assert asked_at("ris", SATURDAY, SUNDAY) == stamp(box.clock.utc())
    assert asked_at("his", SATURDAY, SUNDAY) == ""


def test_a_day_that_was_never_told_makes_them_all_unknown(box: Box) -> None:
    box.journal.orders.learn("ris", [], FRIDAY, FRIDAY)
    box.journal.orders.learn("ris", [], SUNDAY, SUNDAY)
    assert box.journal.orders.asked_at("ris", FRIDAY, SUNDAY) == ""


# --- forgetting -------------------------------------------------------------------------------


def test_what_is_past_and_was_told_long_ago_is_forgotten(box: Box) -> None:
    box.journal.orders.learn("ris", [order(box, "a")], SATURDAY, SATURDAY)
    box.clock.passes(days=3)
    assert box.journal.orders.purge({"ris": THREE_DAYS}) == 0
    box.clock.passes(days=2)  # of which one is grace: the day before is over everywhere
    assert box.journal.orders.purge({"ris": THREE_DAYS}) == 1
    assert box.journal.orders.get("a") is None
    assert box.journal.orders.asked_at("ris", SATURDAY, SATURDAY) == ""


def test_what_is_still_to_come_or_was_told_just_now_is_remembered(box: Box) -> None:
    week = SATURDAY + timedelta(days=7)
    box.journal.orders.learn("ris", [order(box, "next", week)], week, week)
    box.clock.passes(days=6)
    box.journal.orders.learn("ris", [order(box, "late", FRIDAY)], FRIDAY, FRIDAY)
    assert box.journal.orders.purge({"ris": THREE_DAYS}) == 0


def test_a_worklist_that_is_gone_is_forgotten_whole(box: Box) -> None:
    box.journal.orders.learn("ris", [order(box, "a")], SATURDAY, SATURDAY)
    box.journal.orders.learn("his", [order(box, "b", worklist="his")], SATURDAY, SATURDAY)
    assert box.journal.orders.purge({"his": THREE_DAYS}) == 1
    assert keys(box, FRIDAY, SUNDAY, "ris", "his") == ["b"]
    assert box.journal.orders.asked_at("ris", SATURDAY, SATURDAY) == ""


def test_what_a_wrong_clock_told_of_the_future_does_not_stay_for_ever(box: Box) -> None:
    now = box.clock.utc()
    box.clock.is_set(now + timedelta(days=4000))
    box.journal.orders.learn("ris", [order(box, "a")], SATURDAY, SATURDAY)
    box.clock.is_set(now)
    assert box.journal.orders.purge({"ris": THREE_DAYS}) == 1
    assert box.journal.orders.asked_at("ris", SATURDAY, SATURDAY) == ""
