"""A posed drive is exchanged for an empty one once all on it is proved, and nobody is at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.board.disk import Room
from appliance.model import ConfirmedBy
from tests.builders.posing import Posing, png

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def filled(posing: Posing, monkeypatch: pytest.MonkeyPatch) -> Posing:
    """A drive that is 90 % full with one image."""

    def room(top: Path) -> Room:
        return Room(100, 10 if any(top.iterdir()) else 100)

    monkeypatch.setattr("appliance.sources.media.agreement.room", room)
    posing.host.writes("A.PNG", png())
    posing.runs(60)
    return posing


def test_a_full_drive_whose_files_are_all_proved_is_exchanged(filled: Posing) -> None:
    filled.delivers_all()
    filled.runs(900)
    assert filled.host.has() == []
    assert filled.counts() == {"done": 1}


def test_a_drive_with_room_is_left_alone(posing: Posing) -> None:
    posing.host.writes("A.PNG", png())
    posing.runs(60)
    posing.delivers_all()
    posing.runs(3600)
    assert posing.host.has() == ["A.PNG"]


def test_a_full_drive_is_not_exchanged_before_its_idle_window(filled: Posing) -> None:
    filled.delivers_all()
    filled.runs(400)
    assert filled.host.has() == ["A.PNG"]
    assert filled.place()[:2] == ("watching", "drive-almost-full")
    filled.runs(400)
    assert filled.host.has() == []


def test_with_no_host_there_it_is_exchanged_soon(filled: Posing) -> None:
    filled.delivers_all()
    filled.configfs.host_leaves()
    filled.runs(130)
    assert filled.host.has() == []
    assert filled.configfs.medium == filled.root / "drive" / "cr" / "000002.img"
    assert filled.place() == ("empty", "", "")


def test_a_host_that_sleeps_is_as_good_as_none(filled: Posing) -> None:
    filled.delivers_all()
    filled.configfs.host_locks()
    filled.configfs.host_sleeps()
    filled.runs(130)
    assert filled.host.has() == []
    assert filled.place() == ("watching", "", "")


def test_what_is_not_proved_keeps_the_drive_and_is_said(filled: Posing) -> None:
    filled.runs(1800)
    assert filled.host.has() == ["A.PNG"]
    state, code, sentence = filled.place()
    assert (state, code) == ("watching", "drive-almost-full")
    assert "90 %" in sentence
    assert "not proved" in sentence
    filled.delivers_all()
    filled.runs(120)
    assert filled.host.has() == []
    assert filled.place() == ("watching", "", "")


def test_a_drive_that_is_all_but_full_needs_a_person(
    posing: Posing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.sources.media.agreement.room", lambda _: Room(100, 3))
    posing.host.writes("A.PNG", png())
    posing.runs(60)
    assert posing.place()[1] == "drive-filling"
    assert "97 %" in posing.place()[2]


def test_an_answer_is_no_proof(filled: Posing) -> None:
    filled.delivers_all(ConfirmedBy.RESPONSE)
    filled.runs(1800)
    assert filled.host.has() == ["A.PNG"]


def test_a_drive_the_host_has_mounted_is_not_exchanged_and_it_is_said(filled: Posing) -> None:
    filled.configfs.host_locks()
    filled.delivers_all()
    filled.runs(1800)
    assert filled.host.has() == ["A.PNG"]
    assert filled.place()[1] == "drive-filling"
    assert "let go" in filled.place()[2]
    filled.configfs.host_unlocks()
    filled.runs(120)
    assert filled.host.has() == []


def test_a_file_nobody_finished_keeps_the_drive(filled: Posing) -> None:
    filled.host.writes("B.TMP", png(1))
    filled.runs(60)
    filled.delivers_all()
    filled.runs(1800)
    assert filled.host.has() == ["A.PNG", "B.TMP"]
    assert "B.TMP" in filled.place()[2]


def test_what_is_set_aside_is_in_custody_and_keeps_no_drive(filled: Posing) -> None:
    filled.host.writes("B.FRM", b"MINDRAY" * 100)
    filled.runs(120)
    filled.delivers_all()
    filled.runs(1200)
    assert filled.host.has() == []
    assert filled.counts() == {"done": 1, "quarantined": 1}


def test_after_the_exchange_the_same_exports_written_again_are_known(filled: Posing) -> None:
    content = filled.box.journal.spool.path(filled.box.journal.items.get(1).sha256).read_bytes()
    filled.delivers_all()
    filled.runs(900)
    filled.host.writes("A.PNG", content)
    assert filled.runs(60) == 0
    assert filled.counts() == {"done": 1}
