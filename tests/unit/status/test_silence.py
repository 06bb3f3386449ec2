"""The alarm: said once, taken back by a film, excused by a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.desk.days import excuse
from appliance.settings.load import parse
from appliance.status.pattern import LampState
from appliance.status.silence import EVERY_S, Watch
from appliance.status.snapshot import Silence, take
from tests.builders.box import Box
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.status.snapshot import Snapshot

SETTINGS = parse("""
[box]
timezone = "Asia/Jakarta"
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
""")
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # eight in the morning in Jakarta


class Quiet:
    """Four weeks of films in every hour from 8 to 16, and then none."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock(MONDAY)
        self.box = Box(root, clock=self.clock)
        for day in range(26):
            for hour in range(8):
                self.clock.is_set(MONDAY + timedelta(days=day, hours=hour))
                if day % 7 < 5:
                    self.box.accept()
        self.watch = Watch(self.box.journal, self.clock)

    def listens(self, moment: datetime) -> Silence | None:
        self.clock.is_set(moment)
        self.clock.passes(seconds=EVERY_S)
        assert self.watch.turn(SETTINGS) == EVERY_S
        (source,) = self.look().sources
        return source.silence

    def look(self) -> Snapshot:
        return take(self.box.journal, SETTINGS, (), self.clock)


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Quiet]:
    made = Quiet(tmp_path)
    yield made
    made.box.close()


NEXT_MONDAY = MONDAY + timedelta(weeks=4)


def test_silence_is_said_and_needs_a_person(quiet: Quiet) -> None:
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=1)) is None
    silence = quiet.listens(NEXT_MONDAY + timedelta(hours=5))
    assert silence
    assert "cr has shown nothing since Friday, 27 March, 15 o'clock" in silence.sentence
    assert "looks exactly like" in silence.hint


def test_a_box_that_does_not_know_the_hour_hears_no_silence(quiet: Quiet) -> None:
    quiet.clock.sure = False
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=5)) is None
    quiet.clock.sure = True
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=5))


def test_it_makes_the_yellow_lamp_flash(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.journal.custody.set_place("habit", "cr", "quiet")
    look = take(box.journal, SETTINGS, (), box.clock)
    box.close()
    assert look.lamps is LampState.NEEDS_A_PERSON


def test_it_is_looked_at_now_and_then_only(quiet: Quiet) -> None:
    quiet.listens(NEXT_MONDAY)
    quiet.clock.is_set(NEXT_MONDAY + timedelta(hours=6))
    assert 0 < quiet.watch.turn(SETTINGS) <= EVERY_S
    assert quiet.look().sources[0].silence is None


def test_a_film_ends_it_at_once(quiet: Quiet) -> None:
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=5))
    quiet.clock.passes(seconds=1)
    quiet.box.accept()
    assert quiet.look().sources[0].silence is None
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=6)) is None


def test_what_somebody_excuses_is_not_said_again_until_the_next_film(quiet: Quiet) -> None:
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=5))
    excuse(quiet.box.journal, "cr")
    assert quiet.look().sources[0].silence is None
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=7)) is None
    quiet.box.accept()
    assert quiet.listens(NEXT_MONDAY + timedelta(hours=8)) is None
    assert quiet.listens(NEXT_MONDAY + timedelta(days=1, hours=7))
