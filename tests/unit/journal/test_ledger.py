from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.clock import stamp
from appliance.errors import IsSidecar, NotThere
from appliance.journal.worker import Worker, roll_call
from appliance.model import DeliveryState, ItemState
from tests.unit.journal.processes import process

if TYPE_CHECKING:
    from tests.builders.box import Box


def films(box: Box, name: str = "", *, days: float = 1, most: int = 99) -> list[str]:
    since, until = box.clock.utc() - timedelta(days=days), box.clock.utc()
    return [
        row["name"] for row in box.journal.ledger.films(name, stamp(since), stamp(until), most)
    ]


def test_everything_is_counted(box: Box) -> None:
    for _ in range(2):
        box.delivery(DeliveryState.HELD)
    box.one_of_each()
    counts = {state.value: 1 for state in ItemState}
    assert box.journal.ledger.item_counts() == {**counts, "routed": 3}
    assert box.journal.ledger.delivery_counts() == {
        "pacs": {"confirmed": 1, "held": 2, "prepared": 1}
    }
    assert box.journal.ledger.waiting() == {"pacs": 1}


def test_the_oldest_on_its_way_is_neither_done_nor_waiting_for_a_person(box: Box) -> None:
    assert box.journal.ledger.oldest_waiting() == ""
    for state in (ItemState.DONE, ItemState.HELD, ItemState.QUARANTINED, ItemState.IGNORED):
        box.item(state)
    box.delivery(DeliveryState.HELD)
    assert box.journal.ledger.oldest_waiting() == ""
    box.clock.passes(minutes=1)
    first = box.delivery(DeliveryState.SENT)[0]
    box.clock.passes(minutes=1)
    box.item(ItemState.ARRIVED)
    assert box.journal.ledger.oldest_waiting() == first.arrived_at


def test_what_needs_a_person_says_why(box: Box) -> None:
    box.delivery(DeliveryState.HELD, "unsent.tif")
    box.item(ItemState.HELD, "unnamed.tif")
    box.item(ItemState.QUARANTINED, "letter.doc")
    rows = [tuple(row) for row in box.journal.ledger.attention()]
    assert [(row[1], row[2], row[6], row[8]) for row in rows] == [
        ("held", "nobody-answers", "unsent.tif", "pacs"),
        ("held", "no-identity", "unnamed.tif", ""),
        ("quarantined", "unsupported-format", "letter.doc", ""),
    ]
    assert all(row[3] and row[4] for row in rows)


def test_films_are_found_by_part_of_their_name(box: Box) -> None:
    box.accept("2026/SITI_4711.tif")
    box.accept("2026/BUDI_4712.tif")
    assert films(box, "siti") == ["2026/SITI_4711.tif"]
    assert films(box, "2026") == ["2026/BUDI_4712.tif", "2026/SITI_4711.tif"]
    assert films(box, "2026", most=1) == ["2026/BUDI_4712.tif"]


@pytest.mark.parametrize("name", ["%", "_", "\\", "100%", "'; DROP TABLE item; --"])
def test_a_name_is_a_name_and_not_a_pattern(box: Box, name: str) -> None:
    box.accept("film.tif")
    assert films(box, name) == []
    box.accept(f"odd{name}.tif")
    assert films(box, name) == [f"odd{name}.tif"]


def test_films_are_found_at_every_time_they_were_shown_and_under_every_name(box: Box) -> None:
    box.accept("first.tif", b"pixels")
    box.clock.passes(days=30)
    assert films(box) == []
    box.accept("again.tif", b"pixels")
    assert films(box) == ["first.tif"]
    assert films(box, "again") == ["first.tif"]
    assert films(box, "first") == []
    assert films(box, "first", days=31) == ["first.tif"]


def test_sidecars_are_not_films(box: Box) -> None:
    box.accept("film.csv", verdict=IsSidecar(name="film.csv"))
    assert films(box) == []


def test_what_is_unfinished_comes_in_the_order_of_its_arrival(box: Box) -> None:
    box.one_of_each()
    names = [row["name"] for row in box.journal.ledger.unfinished(99)]
    assert names == [
        f"{state}.tif"
        for state in ("routed", "identified", "converted", "held", "quarantined", "arrived")
    ]


def test_a_source_s_last_arrival_is_known(box: Box) -> None:
    assert box.journal.ledger.last_arrival("cr") == ""
    box.accept()
    box.clock.passes(hours=1)
    box.accept()
    assert box.journal.ledger.last_arrival("cr") == stamp(box.clock.utc())
    assert box.journal.ledger.last_arrival("dr") == ""


def test_history_names_the_destination_of_a_delivery(box: Box) -> None:
    item = box.item(ItemState.DONE)
    told = [(r["destination"], r["after"]) for r in box.journal.ledger.history(item.id)]
    assert told == [
        (None, "arrived"),
        (None, "converted"),
        (None, "identified"),
        ("pacs", "waiting"),
        ("pacs", "prepared"),
        (None, "routed"),
        ("pacs", "active"),
        ("pacs", "sent"),
        ("pacs", "confirmed"),
        (None, "done"),
    ]


def test_an_item_that_is_not_there_is_said_so(box: Box) -> None:
    with pytest.raises(NotThere):
        box.journal.ledger.item_row(1)


DELIVER = """
    from appliance.journal.worker import Worker
    worker = Worker(box.paths.run, "deliver")
    say("here")
    wait()
"""


def test_the_roll_call_tells_the_living_from_the_killed(box: Box) -> None:
    keeper = Worker(box.paths.run, "keeper")
    with process(DELIVER, box.paths.root) as other:
        assert other.line() == "here"
        assert roll_call(box.paths.run)["deliver"]
        other.kill()
    alive = roll_call(box.paths.run)
    assert (alive["keeper"], alive["deliver"]) == (True, False)
    keeper.retire()
    assert "keeper" not in roll_call(box.paths.run)
