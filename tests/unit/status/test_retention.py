"""Which bytes leave the card, and when: confirmed ones, by age and by space, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.board.disk import Room
from appliance.model import ItemState, Order
from appliance.settings.schema import Retention, Settings, Worklist
from appliance.status.retention import AT_ONCE, BY_AGE_EVERY_S, Housekeeping
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = Settings(retention=Retention(confirmed_days=30, min_free_percent=20))
AT_ONCE_GONE = Settings(retention=Retention(confirmed_days=0))
PLENTY, SHORT = Room(100, 50), Room(100, 19)


class Card:
    """A card whose room a test sets; asks must be for the spool's folder."""

    def __init__(self, spool: Path) -> None:
        self.room = PLENTY
        self._spool = spool

    def __call__(self, folder: Path) -> Room:
        assert folder == self._spool
        return self.room


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


@pytest.fixture
def card(box: Box) -> Card:
    return Card(box.paths.spool)


@pytest.fixture
def job(box: Box, card: Card) -> Housekeeping:
    return Housekeeping(box.journal.custody, box.journal.orders, box.paths.spool, box.clock, card)


def kept(box: Box) -> set[str]:
    return {file.name for file in box.journal.spool.files()}


def test_confirmed_bytes_leave_after_their_days(box: Box, job: Housekeeping) -> None:
    old = box.item(ItemState.DONE)
    box.clock.passes(days=29)
    young = box.item(ItemState.DONE)
    job.turn(RULES)
    assert kept(box) == {old.sha256, young.sha256}
    box.clock.passes(days=1, minutes=1)
    job.turn(RULES)
    assert kept(box) == {young.sha256}
    assert box.journal.custody.verify() == []


def test_nothing_unconfirmed_ever_leaves(box: Box, job: Housekeeping, card: Card) -> None:
    states = [state for state in ItemState if state is not ItemState.DONE]
    items = {box.item(state).sha256 for state in reversed(states)}
    card.room = SHORT
    box.clock.passes(days=1000)
    job.turn(RULES)
    assert kept(box) == items


def test_age_is_looked_at_now_and_then(box: Box, job: Housekeeping) -> None:
    assert job.turn(RULES) == BY_AGE_EVERY_S
    item = box.item(ItemState.DONE)
    job.turn(AT_ONCE_GONE)
    assert kept(box) == {item.sha256}
    box.clock.passes(seconds=BY_AGE_EVERY_S)
    job.turn(AT_ONCE_GONE)
    assert kept(box) == set()


def test_short_of_room_the_longest_confirmed_leave_a_few_at_a_time(
    box: Box, job: Housekeeping, card: Card
) -> None:
    items = []
    for _ in range(AT_ONCE + 2):
        items.append(box.item(ItemState.DONE).sha256)
        box.clock.passes(minutes=1)
    card.room = SHORT
    assert job.turn(RULES) < 60
    assert kept(box) == set(items[AT_ONCE:])
    card.room = PLENTY
    job.turn(RULES)
    assert kept(box) == set(items[AT_ONCE:])


def test_a_full_card_with_nothing_confirmed_is_no_busy_loop(job: Housekeeping, card: Card) -> None:
    card.room = SHORT
    assert job.turn(RULES) >= 60


def test_orders_leave_when_nothing_is_expected_of_them(box: Box, job: Housekeeping) -> None:
    ris = Worklist("ris", "h", 104, "RIS", window_h=12, cache_h=24)
    settings = replace(RULES, worklists=(ris,))
    today = box.clock.utc().date()
    start = {"ScheduledProcedureStepStartDate": today.strftime("%Y%m%d")}
    box.journal.orders.learn("ris", [Order("ris", "a", start, {}, "2026")], today, today)
    job.turn(settings)
    box.clock.passes(hours=36)
    job.turn(settings)
    assert box.journal.orders.counts() == {"ris": 1}
    box.clock.passes(hours=36)
    job.turn(settings)
    assert box.journal.orders.counts() == {}
