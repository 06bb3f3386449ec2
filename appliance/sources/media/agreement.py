"""Owns the rule for a drive that a host may be writing: only what two snapshots agree on is taken.

A host writes its cache back piece by piece: names before content, one half of a file long before
the other. That a file parses to its end proves little, that it also stood still between two looks
proves enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from appliance.board.disk import Room, room
from appliance.errors import ChangedMeanwhile, IsSidecar
from appliance.journal.spool import digest_of
from appliance.model import Arrival
from appliance.sources.media.volume import Fate, Judgement, Kind, Taker, Volume
from appliance.sources.patience import has_unfinished_name, is_junk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.intake.accept import Intake
    from appliance.journal.journal import Journal
    from appliance.settings.links import DriveLink
    from appliance.settings.schema import Profile

_HOST_CACHE_S = 60.0
"""A host that still has half of a file in its cache writes it within that time (Linux: 30 s)."""


class Sighting(NamedTuple):
    """What a file was when a snapshot first showed it so."""

    name: str
    sha256: str
    since_s: float


@dataclass(slots=True)
class Findings:
    """What the last whole walk found."""

    room: Room | None = None
    due_s: float | None = None  # when another snapshot would tell more
    unfinished: tuple[str, ...] = ()  # names a writer will still change
    left: tuple[tuple[str, str], ...] = ()  # not taken, and why

    @property
    def used_percent(self) -> float:
        """How full the drive is."""
        return 100 - self.room.free_percent if self.room else 0.0

    def later(self, due_s: float) -> None:
        """Something is to be looked at again then."""
        self.due_s = due_s if self.due_s is None else min(self.due_s, due_s)


class Agreement:
    """The files of one drive from snapshot to snapshot; belongs to one thread."""

    def __init__(
        self, source: DriveLink, profile: Profile | None, journal: Journal, intake: Intake
    ) -> None:
        """Take for `source`."""
        self._source = source
        self._profile = profile
        self._journal = journal
        self._intake = intake
        self._taker = Taker(source, profile, journal, intake)
        self._seen: dict[str, Sighting] = {}
        self._stamp = ""
        self.findings = Findings()

    def walk(self, root: Path, stamp: str, now_s: float) -> Iterator[bool]:
        """Look at every file of a snapshot; yields for each whether it was taken.

        Another snapshot of the same stamp holds the same bytes, which are then not read again.
        Raises OSError where the root cannot be read, DiskFull.
        """
        before, self._seen = self._seen, {}
        same, self._stamp = stamp == self._stamp, ""
        walk = _Walk(Volume(root), now_s, before)
        self._taker.afresh()
        try:
            for path in walk.volume.files():
                yield self._consider(walk, path, same=same)
        except BaseException:
            self._seen = before | self._seen
            raise
        self._stamp = stamp
        self.findings = walk.summed_up()

    def unproved(self) -> int:
        """How many of the files seen last still wait for something, or somebody."""
        arrivals = self._journal.arrivals
        return sum(
            not arrivals.is_proved(self._source.name, sighting.name, _content(sighting.sha256))
            for sighting in self._seen.values()
        )

    def forget(self) -> None:
        """The drive is another one."""
        self._seen, self._stamp, self.findings = {}, "", Findings()

    def _consider(self, walk: _Walk, path: Path, *, same: bool) -> bool:
        name = walk.volume.name(path)
        if is_junk(path.name):
            return False
        if has_unfinished_name(path.name):
            walk.unfinished.append(name)
            return False
        try:
            found = self._judge(path, name)
            if not found:
                return False
            earlier = walk.before.get(walk.key(path))
            digest = earlier.sha256 if same and earlier else digest_of(path)
            return self._take_or_wait(walk, path, self._sighted(walk, path, digest), found)
        except OSError as error:
            walk.left.append((name, str(error.strerror)))
        except ChangedMeanwhile as problem:
            walk.left.append((name, problem.sentence))
        return False

    def _sighted(self, walk: _Walk, path: Path, digest: str) -> Sighting:
        earlier = walk.before.get(walk.key(path))
        agreed = earlier is not None and earlier.sha256 == digest
        since_s = earlier.since_s if earlier and agreed else walk.now_s
        sighting = Sighting(walk.volume.name(path), digest, since_s)
        self._seen[walk.key(path)] = sighting
        return sighting

    def _judge(self, path: Path, name: str) -> Judgement | None:
        """What a file is; None for a DICOMDIR, which nobody wants back.

        Unknown formats are kept, set aside: the exchange of the drive will delete them here.
        """
        found = self._taker.judge(path, name)
        if found.kind is not Kind.FOREIGN:
            return found
        return replace(found, kind=Kind.BROKEN) if found.problem else None

    def _take_or_wait(self, walk: _Walk, path: Path, sighting: Sighting, found: Judgement) -> bool:
        told_s = self._evidence_stands_s(walk, path, found)
        ready_s = max(sighting.since_s + self._patience_s(found), told_s)
        if walk.now_s >= ready_s:
            return self._take(walk, path, sighting, found)
        if told_s > walk.now_s or not self._journal.arrivals.has(
            self._source.name, sighting.name, _content(sighting.sha256)
        ):
            walk.findings.later(ready_s)
        return False

    def _evidence_stands_s(self, walk: _Walk, path: Path, found: Judgement) -> float:
        """When the last of its sidecars will have stood still: half of one tells of others."""
        if found.kind is Kind.SIDECAR:
            return walk.now_s
        beside = self._taker.beside(path).items()
        seen = [self._sighted(walk, sidecar, digest) for sidecar, digest in beside]
        return max((each.since_s + self._source.quiet_s for each in seen), default=walk.now_s)

    def _patience_s(self, found: Judgement) -> float:
        """How long a file must have stood still before it is taken for what it seems to be."""
        apart_s = self._source.quiet_s
        return max(apart_s, self._source.settle_s, _HOST_CACHE_S) if found.problem else apart_s

    def _take(self, walk: _Walk, path: Path, sighting: Sighting, found: Judgement) -> bool:
        if found.kind is Kind.SIDECAR:
            return self._keep_sidecar(path, sighting)
        outcome = self._taker.take(path, sighting.name, found, sha256=sighting.sha256)
        if outcome.fate is Fate.LEFT:
            walk.left.append((sighting.name, "it is broken and too large to be kept"))
        return outcome.fate is Fate.TAKEN

    def _keep_sidecar(self, path: Path, sighting: Sighting) -> bool:
        """On its own too: its image may come later, and the drive be exchanged before that."""
        content = _content(sighting.sha256)
        arrival = Arrival(self._source.name, sighting.name, path, content)
        if self._journal.arrivals.knows(arrival):
            return False
        verdict = IsSidecar(name=sighting.name)
        self._intake.accept(arrival, self._profile, (), verdict, sha256=sighting.sha256)
        return True


class _Walk:
    """One walk and what it found so far."""

    def __init__(self, volume: Volume, now_s: float, before: Mapping[str, Sighting]) -> None:
        self.volume = volume
        self.now_s = now_s
        self.before = before
        self.findings = Findings()
        self.unfinished: list[str] = []
        self.left: list[tuple[str, str]] = []

    def key(self, path: Path) -> str:
        """A file's own name below the root, which no other one has."""
        return str(path.relative_to(self.volume.root))

    def summed_up(self) -> Findings:
        volume = self.volume
        unread = [(volume.name(path), str(why.strerror)) for path, why in volume.unread.items()]
        return replace(
            self.findings,
            room=room(volume.root),
            unfinished=tuple(self.unfinished),
            left=(*self.left, *unread, *volume.unlisted.items()),
        )


def _content(sha256: str) -> str:
    """How the fingerprints of arrivals with these bytes begin."""
    return f"content:{sha256}:"
