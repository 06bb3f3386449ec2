"""What became of an update is remembered across the restart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.box import record
from appliance.box.board import Slot
from appliance.box.record import Record, Said, Stage, Started, after_start, this_start

if TYPE_CHECKING:
    from pathlib import Path

INSTALLED = Record(
    Stage.INSTALLED,
    "2026-03-14T09:26:53.000+00:00",
    "u.raucb",
    version="0.4.0",
    before="0.3.0",
    slot="B",
    hash="abc",
    start="first",
)
NOW = "2026-03-14T09:30:00.000+00:00"


def started(slot: Slot | None, version: str = "0.3.0", start: str = "second") -> Started:
    return Started(slot, version, NOW, start)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert record.read(tmp_path) is None
    for kept in (
        INSTALLED,
        replace(INSTALLED, taken=("a", "b")),
        after_start(INSTALLED, started(Slot.A)),
    ):
        record.write(tmp_path, kept)
        assert record.read(tmp_path) == kept
    assert (tmp_path / "update.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stage": "?", "problem": null}'])
def test_what_cannot_be_read_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "update.json").write_text(text)
    assert record.read(tmp_path) is None


def test_what_was_installed_and_runs_is_good() -> None:
    kept = after_start(INSTALLED, started(Slot.B, "0.4.0"))
    assert (kept.stage, kept.at, kept.problem) == (Stage.GOOD, NOW, None)


def test_what_was_installed_and_does_not_run_fell_back() -> None:
    kept = after_start(INSTALLED, started(Slot.A))
    assert (kept.stage, kept.fallen) == (Stage.FELL_BACK, "abc")
    assert kept.problem is not None
    assert kept.problem.sentence == (
        "0.4.0 did not work on this box; it went back to 0.3.0 by itself."
    )


def test_what_was_good_and_does_not_run_any_more_fell_back() -> None:
    good = after_start(INSTALLED, started(Slot.B, "0.4.0"))
    assert after_start(good, started(Slot.B, "0.4.0", start="third")) is good
    assert after_start(good, started(Slot.A, start="fourth")).stage is Stage.FELL_BACK


def test_what_was_still_being_installed_was_cut_short() -> None:
    begun = replace(INSTALLED, stage=Stage.INSTALLING)
    assert after_start(begun, started(Slot.A)).stage is Stage.CUT_SHORT
    assert after_start(begun, started(Slot.B, "0.4.0")).stage is Stage.GOOD


def test_the_rest_stays_as_it_is() -> None:
    refused = Record(Stage.REFUSED, NOW, "u.raucb", problem=Said("x", "X.", ""))
    assert after_start(refused, started(Slot.A)) is refused
    assert after_start(INSTALLED, started(None)) is INSTALLED


def test_what_goes_on_since_this_start_is_not_judged_by_it() -> None:
    for stage in (Stage.INSTALLING, Stage.INSTALLED):
        begun = replace(INSTALLED, stage=stage)
        assert after_start(begun, started(Slot.A, start="first")) is begun


def test_a_start_has_a_name_of_its_own() -> None:
    assert this_start() == this_start() != ""
