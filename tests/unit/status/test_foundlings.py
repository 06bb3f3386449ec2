"""Files without a record are given time: whoever brought them may bring them again."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from appliance.errors import Refused
from appliance.model import FOUND
from appliance.status.foundlings import LOOK_EVERY_S, Foundlings

if TYPE_CHECKING:
    from tests.builders.box import Box


@pytest.fixture
def foundlings(box: Box) -> Foundlings:
    return Foundlings(box.journal.custody, box.clock)


def sources(box: Box) -> list[str]:
    return [row["source"] for row in box.journal.ledger.unfinished(9)]


def test_what_lies_there_at_two_looks_is_taken_in_one_by_one(
    box: Box, foundlings: Foundlings
) -> None:
    for content in (b"one", b"two"):
        box.journal.spool.keep(io.BytesIO(content))
    assert foundlings.turn() == LOOK_EVERY_S
    box.clock.passes(minutes=4)
    assert foundlings.turn() == 60
    box.clock.passes(minutes=1)
    assert foundlings.turn() == 0
    assert sources(box) == []
    assert foundlings.turn() == 0
    assert sources(box) == [FOUND]
    assert foundlings.turn() == LOOK_EVERY_S
    assert sources(box) == [FOUND, FOUND]


def test_a_source_has_its_time_to_bring_it_again(box: Box, foundlings: Foundlings) -> None:
    box.journal.spool.keep(io.BytesIO(b"pixels"))
    foundlings.turn()
    box.accept(content=b"pixels")
    box.journal.spool.keep(io.BytesIO(b"others"))  # since: it is not seen for the second time
    box.clock.passes(minutes=5)
    assert foundlings.turn() == LOOK_EVERY_S
    assert sources(box) == ["cr"]


def test_what_came_between_the_look_and_its_turn_is_left_alone(
    box: Box, foundlings: Foundlings
) -> None:
    box.journal.spool.keep(io.BytesIO(b"pixels"))
    foundlings.turn()
    box.clock.passes(minutes=5)
    foundlings.turn()
    box.accept(content=b"pixels")
    foundlings.turn()
    assert sources(box) == ["cr"]


def test_where_a_service_is_busy_it_is_tried_again(
    box: Box, foundlings: Foundlings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise Refused(what="A look at all stored files", why="a service is still storing one")

    box.journal.spool.keep(io.BytesIO(b"pixels"))
    foundlings.turn()
    box.clock.passes(minutes=5)
    foundlings.turn()
    with monkeypatch.context() as busy:
        busy.setattr(box.journal.custody, "adopt", refuse)
        assert foundlings.turn() == LOOK_EVERY_S
    box.clock.passes(minutes=5)
    foundlings.turn()
    foundlings.turn()
    assert sources(box) == [FOUND]
