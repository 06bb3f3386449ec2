"""Owns remembering how backups go, for whoever looks at the box: DIR/box/backup-news.json.

Written by whoever writes backups, read by everybody. A day is counted in looks for the stick, of
which there is one an hour, for the clock may not be known; by the clock only where it is sure.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box.record import Said, said
from appliance.clock import stamp
from appliance.errors import BackupFailed, BackupMissing, DiskFull, OtherHandover, Problem
from appliance.journal.away import is_away

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.errors import Notice
    from appliance.journal.session import Paths

_LOOKS_OF_A_DAY = 24
_DAY = timedelta(days=1)
_LOOKED_BY_S = 2 * 3600.0
"""So long after its start a box has looked for the stick; before that, it may have been off."""


@dataclass(frozen=True, slots=True)
class News:
    """How backups go."""

    was_good: bool = False
    """Whether the stick ever held all there was."""
    good_at: str = ""
    """When that was last so (a stamp); empty where the clock was not sure then."""
    misses: int = 0
    """How many looks since then have found no stick."""
    problem: Said | None = None
    """What was wrong with the last try."""


def key_path(paths: Paths) -> Path:
    """There while backups are wanted: root's own, with the key that they are sealed with."""
    return paths.root / "box" / "backup.json"


def _path(paths: Paths) -> Path:
    return paths.root / "box" / "backup-news.json"


def read(paths: Paths) -> News:
    """How they go; where nothing is known, or it cannot be read, as at the beginning."""
    try:
        found = json.loads(_path(paths).read_bytes())
        problem = found.pop("problem")
        return News(**found, problem=Said(**problem) if problem else None)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return News()


def forget(paths: Paths) -> None:
    """No backups are wanted any more."""
    durable.remove(_path(paths))


@contextmanager
def kept(paths: Paths, clock: Clock) -> Iterator[None]:
    """The block makes sure that all there is is on the stick: what comes of that is kept."""
    try:
        yield
    except OtherHandover:  # was no try
        raise
    except Exception as error:
        failed(paths, error if isinstance(error, Problem) else Problem(what=str(error)))
        raise
    _keep(paths, News(was_good=True, good_at=stamp(clock.utc()) if clock.is_sure() else ""))


def failed(paths: Paths, problem: Problem) -> None:
    """A try that came to nothing."""
    _keep(paths, replace(read(paths), problem=said(problem)))


def missed(paths: Paths) -> None:
    """There was no stick to write to."""
    before = read(paths)
    _keep(paths, replace(before, misses=before.misses + 1, problem=None))


def _keep(paths: Paths, news: News) -> None:
    """Unless backups were given up meanwhile, or another box works with what is here."""
    if not key_path(paths).exists() or is_away(paths):
        return
    with suppress(DiskFull):  # which is told of by others, and does not undo a backup
        durable.publish(_path(paths), json.dumps(asdict(news)).encode(), 0o644)


def told(paths: Paths, clock: Clock) -> tuple[Notice, ...]:
    """What whoever looks at the box should know; nothing of one where no backups are wanted."""
    if not key_path(paths).exists() or is_away(paths):
        return ()
    news = read(paths)
    if news.problem:
        return (BackupFailed(why=news.problem.sentence, last=_last(news)),)
    if news.misses >= _LOOKS_OF_A_DAY or _is_long_ago(news, clock):
        return (BackupMissing(why=_why(news), last=_last(news)),)
    return ()


def _is_long_ago(news: News, clock: Clock) -> bool:
    if not news.good_at or not clock.is_sure() or clock.monotonic() < _LOOKED_BY_S:
        return False
    return clock.utc() - datetime.fromisoformat(news.good_at) > _DAY


def _why(news: News) -> str:
    return "no stick named JEMBATAN-BA is in the box" if news.misses else "none was tried"


def _last(news: News) -> str:
    if not news.was_good:
        return "There is none yet."
    day = news.good_at[:10] or "a time when the box did not know the day"
    return f"The last good one is of {day}."
