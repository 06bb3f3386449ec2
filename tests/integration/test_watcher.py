"""Whom watch wakes: convert when something was taken, keeper also when a state changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from appliance.services.watch import Watcher
from appliance.settings.links import StickLink
from appliance.sources.aftercare import Aftercare
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.errors import Problem
    from appliance.services.duty import Duty


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


class Rings:
    """A duty that only remembers who was rung."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def ring(self, *names: str) -> None:
        self.rung += names

    def since(self) -> set[str]:
        rung, self.rung = set(self.rung), []
        return rung


class Stick:
    """A source that is in whatever state a test wants."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.state = "empty"
        self.taken = 0

    def turn(self, elsewhere: Problem | None = None) -> tuple[int, float | None]:
        self._box.journal.custody.set_place("source", "stick", self.state, elsewhere)
        return self.taken, None

    def fileno(self) -> int | None:
        return None

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.mark.parametrize(
    ("state", "taken", "rung"),
    [
        ("empty", 0, set()),
        ("reading", 0, {"keeper"}),
        ("empty", 1, {"convert", "keeper"}),
        ("safe", 2, {"convert", "keeper"}),
    ],
)
def test_the_lamps_hear_at_once_that_a_stick_must_stay_in(
    box: Box, state: str, taken: int, rung: set[str]
) -> None:
    duty, stick = Rings(), Stick(box)
    aftercare = Aftercare(StickLink(name="stick"), None, box.journal)
    watcher = Watcher(cast("Duty", duty), box.journal, stick, aftercare)
    watcher.turn()
    assert duty.since() == {"keeper"}
    stick.state, stick.taken = state, taken
    watcher.turn()
    assert duty.since() == rung
