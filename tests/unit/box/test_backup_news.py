"""What is told of backups: that they fail, that none is written; never by a clock nobody set."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.box import backup_news
from appliance.box.backup_news import News, failed, kept, key_path, missed, read, told
from appliance.errors import OtherHandover, StickFailed
from appliance.journal.away import mark
from appliance.journal.session import Paths
from appliance.settings.schema import Settings
from appliance.status.snapshot import take
from tests.builders.box import Box
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

WORN = StickFailed(why="input/output error")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Of a box that wants backups."""
    paths = Paths(tmp_path, tmp_path / "run")
    key_path(paths).parent.mkdir()
    key_path(paths).write_bytes(b"key")
    return paths


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def good(paths: Paths, clock: FakeClock) -> None:
    with kept(paths, clock):
        pass


def sentences(paths: Paths, clock: FakeClock) -> list[str]:
    return [notice.sentence for notice in told(paths, clock)]


def test_a_good_one_is_known_by_its_time(paths: Paths, clock: FakeClock) -> None:
    good(paths, clock)
    assert read(paths) == News(was_good=True, good_at="2026-03-14T09:26:53.000+00:00")
    assert told(paths, clock) == ()


def test_a_failed_one_is_told_at_once_and_until_a_good_one(paths: Paths, clock: FakeClock) -> None:
    good(paths, clock)
    with pytest.raises(StickFailed), kept(paths, clock):
        raise WORN
    (sentence,) = sentences(paths, clock)
    assert sentence == (
        "The last backup could not be written. The stick cannot be written or read: input/output "
        "error. The last good one is of 2026-03-14."
    )
    good(paths, clock)
    assert told(paths, clock) == ()


def test_what_has_no_name_yet_is_told_too(paths: Paths, clock: FakeClock) -> None:
    odd = ValueError("odd")
    with pytest.raises(ValueError, match="odd"), kept(paths, clock):
        raise odd
    assert "odd" in sentences(paths, clock)[0]


def test_that_another_one_is_at_work_is_no_failure(paths: Paths, clock: FakeClock) -> None:
    with pytest.raises(OtherHandover), kept(paths, clock):
        raise OtherHandover
    assert read(paths) == News()


def test_a_day_is_told_by_a_clock_that_is_sure(paths: Paths, clock: FakeClock) -> None:
    good(paths, clock)
    clock.passes(hours=24)
    assert told(paths, clock) == ()
    clock.passes(minutes=1)
    (sentence,) = sentences(paths, clock)
    assert sentence == (
        "No backup was written for a day or longer: none was tried. "
        "The last good one is of 2026-03-14."
    )


def test_a_box_that_was_off_first_looks_for_its_stick(paths: Paths, clock: FakeClock) -> None:
    good(paths, clock)
    just_started = FakeClock(clock.utc() + timedelta(days=3))
    just_started.passes(minutes=30)
    assert told(paths, just_started) == ()
    just_started.passes(hours=2)
    assert [notice.code for notice in told(paths, just_started)] == ["backup-missing"]


@pytest.mark.parametrize("when", ["then", "now"])
def test_by_an_unsure_clock_nothing_is_dated(paths: Paths, clock: FakeClock, when: str) -> None:
    clock.sure = when != "then"
    good(paths, clock)
    clock.sure = when != "now"
    clock.passes(days=400)
    assert told(paths, clock) == ()


def test_a_day_without_a_stick_is_told_without_a_clock(paths: Paths, clock: FakeClock) -> None:
    clock.sure = False
    for _ in range(23):
        missed(paths)
    assert told(paths, clock) == ()
    missed(paths)
    (sentence,) = sentences(paths, clock)
    assert "no stick named JEMBATAN-BA is in the box. There is none yet." in sentence
    good(paths, clock)
    assert told(paths, clock) == ()
    failed(paths, WORN)
    assert "a time when the box did not know the day" in sentences(paths, clock)[0]


def test_nothing_is_told_where_none_are_wanted(paths: Paths, clock: FakeClock) -> None:
    failed(paths, WORN)
    key_path(paths).unlink()
    assert told(paths, clock) == ()
    backup_news.forget(paths)
    failed(paths, WORN)  # of a backup that was being written when they were given up
    assert read(paths) == News()


def test_nothing_is_told_by_a_box_that_has_handed_over(paths: Paths, clock: FakeClock) -> None:
    failed(paths, WORN)
    mark(paths, keeps_address=False)
    assert told(paths, clock) == ()
    good(paths, clock)
    assert not read(paths).was_good


def test_what_cannot_be_read_is_the_beginning(paths: Paths) -> None:
    (key_path(paths).parent / "backup-news.json").write_bytes(b"{")
    assert read(paths) == News()


def test_the_first_page_and_the_status_tell_it(tmp_path: Path) -> None:
    box = Box(tmp_path)
    key_path(box.paths).parent.mkdir()
    key_path(box.paths).write_bytes(b"key")
    failed(box.paths, WORN)
    snapshot = take(box.journal, Settings(), (), box.clock)
    assert [notice.code for notice in snapshot.notices] == ["backup-failed"]
    assert "input/output error" in str(snapshot.document()["notices"])
    box.close()
