"""How a receiver is doing: the last that went wrong, until it goes well or is long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import CallerTurnedAway, DiskFull, PortTaken, Problem
from appliance.settings.links import Caller, ReceiverLink
from appliance.sources.callers.places import Places

if TYPE_CHECKING:
    from tests.builders.box import Box

LINK = ReceiverLink(name="cr", kind="receiver", allow=(Caller(ae_title="CR1", host="10.0.0.7"),))
AWAY = CallerTurnedAway(caller="CR9 at 10.0.0.7", why="its AE title is not in the list")


def said(places: Places, box: Box, closed: Problem | None = None) -> tuple[str, str]:
    places.write(box.journal, [LINK], closed)
    (row,) = box.journal.ledger.places()
    return row["state"], row["code"]


def test_all_is_well_until_something_is_not(box: Box) -> None:
    places = Places(box.clock)
    assert said(places, box) == ("listening", "")
    assert places.note([LINK], "CR9 at 10.0.0.7", AWAY)
    assert not places.note([LINK], "CR9 at 10.0.0.7", AWAY)
    assert said(places, box) == ("listening", "caller-turned-away")


def test_it_is_over_when_the_same_one_comes_through(box: Box) -> None:
    places = Places(box.clock)
    places.note([LINK], "CR9 at 10.0.0.7", AWAY)
    assert not places.clear(LINK, "CR1 at 10.0.0.7")
    assert said(places, box) == ("listening", "caller-turned-away")
    assert places.clear(LINK, "CR9 at 10.0.0.7")
    assert said(places, box) == ("listening", "")


def test_it_is_over_when_it_is_long_ago(box: Box) -> None:
    places = Places(box.clock)
    places.note([LINK], "CR9 at 10.0.0.7", AWAY)
    box.clock.passes(hours=1)
    assert said(places, box) == ("listening", "")


def test_what_could_not_be_written_down_is_written_the_next_time(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise DiskFull(where="/data")

    places = Places(box.clock)
    places.note([LINK], "CR1 at 10.0.0.7", DiskFull(where="/data"))
    with monkeypatch.context() as patch:
        patch.setattr(box.journal.custody, "set_place", no_room)
        with pytest.raises(DiskFull):
            places.write(box.journal, [LINK], None)
    assert said(places, box) == ("full", "disk-full")


def test_a_full_card_and_a_taken_port_are_states(box: Box) -> None:
    places = Places(box.clock)
    places.note([LINK], "CR1 at 10.0.0.7", DiskFull(where="/data"))
    assert said(places, box) == ("full", "disk-full")
    assert said(places, box, PortTaken(port=104, why="in use")) == ("denied", "port-taken")
    assert said(places, box) == ("full", "disk-full")
