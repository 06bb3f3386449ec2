"""Owns what happens to a source's own files once their images are proved to have arrived."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import ChangedMeanwhile, SourceDenied
from appliance.intake.accept import fingerprint
from appliance.intake.sidecars import sidecars_of
from appliance.journal.spool import digest_of
from appliance.settings.links import After
from appliance.sources.departure import content_of, must_be, take_away

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.errors import Problem
    from appliance.journal.arrivals import Unsettled
    from appliance.journal.journal import Journal
    from appliance.settings.links import Source
    from appliance.settings.schema import Profile

_log = logging.getLogger(__name__)


class Aftercare:
    """Keeps, deletes or moves the files of one source; puts unusable ones into `error_to`."""

    def __init__(self, source: Source, profile: Profile | None, journal: Journal) -> None:
        """Act on the files of `source`."""
        self._source = source
        self._profile = profile
        self._journal = journal

    def turn(self) -> Problem | None:
        """Do all that is due; what could not be done is due again, and why is returned."""
        trouble: Problem | None = None
        for act, file in self._due():
            try:
                self._journal.arrivals.settle(file.id, act(file))
            except OSError as error:
                trouble = SourceDenied(path=file.path, detail=error.strerror)
        return trouble

    def _due(self) -> Iterator[tuple[Callable[[Unsettled], str], Unsettled]]:
        for file in self._journal.arrivals.proved(self._source.name):
            yield self._settle, file
        if self._source.error_to:
            for file in self._journal.arrivals.unusable(self._source.name):
                yield self._put_aside, file

    def _settle(self, file: Unsettled) -> str:
        """Act on one file, unless it is no longer the one that was sent; says what was done."""
        path = Path(file.path)
        if self._source.after is After.KEEP:
            return "kept"
        if not path.exists():
            return "gone"
        try:
            self._let_go(path, file)
        except ChangedMeanwhile:
            return "changed"
        _log.info("%s: %s %s", self._source.name, _DONE[self._source.after], file.name)
        return _DONE[self._source.after]

    def _let_go(self, path: Path, file: Unsettled) -> None:
        """Its sidecars go before it does: one that stayed would seem to be about the next file.

        Raises ChangedMeanwhile, and then leaves what has its name.
        """
        top = path.parents[file.name.count("/")]
        must_be(file.fingerprint, path.lstat(), path)
        self._copied(path, file.fingerprint, top)
        must_be(file.fingerprint, path.lstat(), path)
        for sidecar, sight in self._counted(path, file):
            with suppress(ChangedMeanwhile):
                self._copied(sidecar, sight, top)
                take_away(sidecar, sight)
        take_away(path, file.fingerprint)

    def _counted(self, path: Path, file: Unsettled) -> Iterator[tuple[Path, str]]:
        """Its own sidecars that went with it, and their fingerprints; no newer one."""
        went = set(self._journal.items.get(file.item_id).sidecars.values())
        for each in sidecars_of(path, self._profile):
            sight = fingerprint(each.lstat())
            if each.stem in {path.stem, path.name} and digest_of(each) in went:
                yield each, sight

    def _copied(self, path: Path, sight: str, top: Path) -> None:
        if self._source.after is After.MOVE:
            _copy(path, _free(Path(self._source.move_to) / path.relative_to(top)), sight)

    def _put_aside(self, file: Unsettled) -> str:
        """A copy of an unusable file, and beside it the reason in words; the original stays."""
        target = _free(Path(self._source.error_to) / file.name)
        _copy(self._journal.spool.path(file.sha256), target)
        reason = f"{file.code}: {file.sentence}\n{file.hint}\n"
        durable.publish(target.with_name(f"{target.name}.reason.txt"), reason.encode())
        return "put aside"


_DONE = {After.DELETE: "deleted", After.MOVE: "moved"}
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _copy(file: Path, target: Path, sight: str = "") -> None:
    """With `sight` only the file of that fingerprint: its bytes, whatever has its name by now.

    Raises ChangedMeanwhile where it is another one, or is written while it is read.
    """
    with os.fdopen(os.open(file, _LOOK), "rb") as old:
        there = os.fstat(old.fileno())
        if sight:
            must_be(sight, there, file)
        with durable.draft(target.parent) as new:
            shutil.copyfileobj(old, new.file, 1 << 20)
            if content_of(os.fstat(old.fileno())) != content_of(there):
                raise ChangedMeanwhile(name=file.name)
            new.publish(target)


def _free(target: Path) -> Path:
    """`target`, or the first numbered name beside it that nothing has yet."""
    number = 1
    free = target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return free
