"""The daily account: what came is the sum of what became of it, and the PACS's own count."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from appliance.desk.days import There, days, document, table
from appliance.errors import Junk
from appliance.journal.days import Asked
from appliance.model import DeliveryState, ItemState
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JAKARTA = ZoneInfo("Asia/Jakarta")
TODAY = date(2026, 3, 14)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.close()


def test_what_came_is_the_sum_of_what_became_of_it(box: Box) -> None:
    box.one_of_each()
    box.accept("Thumbs.db", verdict=Junk(name="Thumbs.db"))
    (day,) = days(box.journal, TODAY, TODAY, JAKARTA)
    parts = (day.done, day.under_way, day.held, day.quarantined, day.ignored)
    assert (day.day, day.source, day.came) == ("2026-03-14", "cr", sum(parts))
    assert parts == (1, 4, 1, 1, 1)


def test_a_destination_is_accounted_for_in_objects(box: Box) -> None:
    for state in (DeliveryState.CONFIRMED, DeliveryState.SENT, DeliveryState.HELD):
        box.delivery(state)
    (day,) = days(box.journal, TODAY, TODAY, JAKARTA)
    assert day.there == (There("pacs", 3, 2, 1, None, (), ""),)
    told = Asked(2, 1, (2,), "2026-03-15T03:00:00.000+00:00")
    box.journal.days.note("2026-03-14", "cr", "pacs", told)
    (day,) = days(box.journal, TODAY, TODAY, JAKARTA)
    assert (day.there[0].shows, day.there[0].missing, day.there[0].asked_at) == told[1:]


def test_a_day_begins_and_ends_where_the_box_stands(box: Box) -> None:
    box.clock.passes(hours=7.5)  # 16:56 UTC: five to midnight in Jakarta
    box.accept("evening.tif")
    box.clock.passes(minutes=10)
    box.accept("night.tif", source="us")
    found = days(box.journal, TODAY - timedelta(days=3), TODAY + timedelta(days=1), JAKARTA)
    assert [(day.day, day.source, day.came) for day in found] == [
        ("2026-03-15", "us", 1),
        ("2026-03-14", "cr", 1),
    ]


def test_the_table_has_a_line_for_each_destination_or_none(box: Box) -> None:
    box.item(ItemState.DONE)
    box.accept(source="us")
    found = days(box.journal, TODAY, TODAY, JAKARTA)
    lines = list(csv.DictReader(io.StringIO(table(found))))
    assert [line["source"] for line in lines] == ["cr", "us"]
    assert [line["confirmed"] for line in lines] == ["1", ""]
    assert [line["shows"] for line in lines] == ["", ""]
    assert [line["came"] for line in lines] == ["1", "1"]
    assert [entry["there"] for entry in document(found)][1] == ()
