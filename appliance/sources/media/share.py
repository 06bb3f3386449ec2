"""Owns a share of the modality's own: asked again and again what is new, and read like a stick.

Nothing there can be watched, and the other machine may say of a file that is still being written
that it has its full size and has not changed. So a file is taken when it was read twice, apart in
time, with the same result, and is whole by its own format. What was seen stays known while the
share is away: it comes back as it was, not as new.
"""

from __future__ import annotations

import errno
import logging
import math
from typing import TYPE_CHECKING

from appliance.board.smb.cifs import is_offline, trouble
from appliance.errors import (
    ChangedMeanwhile,
    Declined,
    DiskFull,
    NoHelper,
    Problem,
    ShareDialect,
    ShareForeign,
    ShareMissing,
    ShareOffline,
    ShareRefused,
    ShareUnread,
    ShareVanished,
    UnfinishedName,
)
from appliance.journal.spool import digest_of
from appliance.sources.media.memory import Companions, Memory, Seen
from appliance.sources.media.volume import Fate, Kind, Taker
from appliance.sources.patience import has_unfinished_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.intake.accept import Intake
    from appliance.journal.journal import Journal
    from appliance.settings.links import ShareLink
    from appliance.settings.schema import Profile
    from appliance.sources.media.remote import Entry, Listing, Remote

_log = logging.getLogger(__name__)

_AT_ONCE = 8
_TURN_S = 5.0
_RETRY_S = 10.0
_RECHECK_S = 20.0
_EVIDENCE_S = 60.0
_TELL_S = 24 * 3600.0
_LOST = (ShareOffline, ShareRefused, ShareMissing, ShareDialect, NoHelper, Declined)
_BEING_WRITTEN = frozenset({errno.EBUSY, errno.ETXTBSY})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_WELL = "watching"
_STATES = {
    ShareRefused.code: "denied",
    ShareDialect.code: "denied",
    ShareMissing.code: "missing",
}


class ShareSource:
    """One share of another machine; belongs to one thread."""

    def __init__(
        self,
        source: ShareLink,
        profile: Profile | None,
        journal: Journal,
        intake: Intake,
        clock: Clock,
        reach: Callable[[], Remote],
    ) -> None:
        """Read what `reach` connects to, from the first `turn` on."""
        self._source = source
        self._profile = profile
        self._journal = journal
        self._clock = clock
        self._reach = reach
        self._taker = Taker(source, profile, journal, intake)
        self._remote: Remote | None = None
        self._listing: Listing | None = None
        self._aside: list[tuple[float, Remote]] = []  # lost, with when each may be let go of
        self._companions = Companions([], profile)
        self._memory = Memory()
        self._scan_at_s = 0.0
        self._recheck_at_s = 0.0
        self._unreadable: dict[str, str] = {}
        self._vanished: dict[str, float] = {}
        self._taken = 0
        self._said = ""

    def fileno(self) -> int | None:
        """Nothing tells of changes on another machine."""
        return None

    def close(self) -> None:
        """Let go of the share; what was seen stays known."""
        self._put_aside()
        self._let_go_of_until(math.inf)

    def turn(self, elsewhere: Problem | None = None) -> tuple[int, float | None]:
        """Take what can be taken now; how many, and in how many seconds it wants another turn."""
        self._taken = 0
        self._let_go_of_until(self._clock.monotonic())
        try:
            remote = self._connected()
            listing = self._listed(remote)
            wait_s = self._go_through(remote, listing)
        except OSError as error:
            return self._lost(trouble(self._source.mount, error))
        except _LOST as problem:
            return self._lost(problem)
        except DiskFull as problem:
            self._say(problem, "full")
            return self._taken, _RETRY_S
        self._say(elsewhere or self._remark(listing))
        return self._taken, wait_s

    def _lost(self, problem: Problem) -> tuple[int, float]:
        self._put_aside()
        self._say(problem, _STATES.get(problem.code, "offline"))
        return self._taken, _RETRY_S

    def _put_aside(self) -> None:
        if self._remote:
            self._aside.append((self._clock.monotonic() + self._remote.rest_s, self._remote))
        self._remote, self._listing = None, None

    def _let_go_of_until(self, now_s: float) -> None:
        """Close what was lost and has rested."""
        for _, remote in (due := [each for each in self._aside if each[0] <= now_s]):
            remote.close()
        self._aside = [each for each in self._aside if each not in due]

    # Finding

    def _connected(self) -> Remote:
        if self._remote is None:
            self._remote = self._reach()
            self._memory.came_back()
        return self._remote

    def _listed(self, remote: Remote) -> Listing:
        """What is on the share; asked anew every `poll_s`."""
        if self._listing is None or self._clock.monotonic() >= self._scan_at_s:
            self._listing = remote.listing()
            now_s = self._clock.monotonic()
            self._scan_at_s = now_s + self._source.poll_s
            self._companions = Companions(self._listing.entries, self._profile)
            self._taker.afresh()
            self._unreadable = {}
            self._remember(self._listing, now_s)
        return self._listing

    def _remember(self, listing: Listing, now_s: float) -> None:
        for entry in self._memory.vanished(listing):
            _log.warning("%s: %s went before it was taken", self._source.name, entry.shown)
            self._vanished[entry.shown] = now_s
        for entry in listing.entries:
            self._memory.saw(entry, self._companions.own(entry), now_s)
        # After a restart all has to be read again: what came meanwhile shall not wait for it, and
        # nothing for a file at which the connection is lost again and again.
        listing.entries.sort(key=lambda e: (self._memory.of(e).stumbles, -e.written_at))

    def _go_through(self, remote: Remote, listing: Listing) -> float:
        """Consider every file that is not settled; in how many seconds to go on."""
        until_s = self._clock.monotonic() + _TURN_S
        waits = []
        for entry in listing.entries:
            seen = self._memory.of(entry)
            if seen.settled:
                continue
            wait_s = self._considered(remote, entry, seen)
            if self._taken == _AT_ONCE or self._clock.monotonic() > until_s:
                return 0  # the next stage shall not wait for the rest
            if wait_s is not None:
                waits.append(wait_s)
        now_s = self._clock.monotonic()
        if now_s >= self._recheck_at_s:
            self._recheck_at_s = now_s + _RECHECK_S
            self._memory.doubt_one()
        return min([max(self._scan_at_s - now_s, 0), *waits])

    # Judging

    def _considered(self, remote: Remote, entry: Entry, seen: Seen) -> float | None:
        try:
            return self._consider(remote, entry, seen)
        except ChangedMeanwhile:
            seen.sha256 = ""
            return self._source.poll_s
        except _LOST:
            seen.stumbles += 1
            raise
        except OSError as error:
            if is_offline(error):
                seen.stumbles += 1
                remote.must_be_there()  # else one bad sector there would look like all is lost
            if error.errno in _NO_ROOM:
                raise DiskFull(where="the card") from error
            if error.errno != errno.ENOENT:
                # What the modality has open may be closed to others until it is written.
                why = "" if error.errno in _BEING_WRITTEN else str(error.strerror)
                self._unreadable.update({entry.shown: why} if why else {})
            return self._source.poll_s

    def _consider(self, remote: Remote, entry: Entry, seen: Seen) -> float | None:
        """Take a file, settle it otherwise, or say in how many seconds to look again."""
        if self._companions.is_aside(entry):
            seen.settled = True
            return None
        patience_s = self._patience_s(seen)
        if has_unfinished_name(entry.basename):
            return patience_s
        if not seen.sha256:
            self._read(remote, entry, seen)
        if seen.known and not self._companions.own(entry):
            seen.settled = True
            return None
        left_s = seen.read_s + self._source.poll_s - self._clock.monotonic()
        if left_s > 0 and not seen.known:
            return left_s
        return self._take_or_wait(remote, entry, seen, patience_s)

    def _patience_s(self, seen: Seen) -> float | None:
        """How much longer a file may take to become whole; None when that time is over."""
        left_s = seen.still_since_s + self._source.settle_s - self._clock.monotonic()
        return left_s if left_s > 0 else None

    def _evidence_s(
        self, entry: Entry, seen: Seen, path: Path, patience_s: float | None
    ) -> float | None:
        """How much longer a file's sidecars may need; None once they are as they will be."""
        names = {sidecar.name for sidecar in self._taker.beside(path)}
        wanted = self._profile is not None and self._profile.sidecar not in {"auto", "none"}
        if wanted and not names:
            return patience_s  # the patient can only come from one
        now_s = self._clock.monotonic()
        found = (each for each in self._companions.of(entry) if each.basename in names)
        still_s = now_s - max((self._memory.of(each).still_since_s for each in found), default=0)
        # Half a line names somebody else; but a log that is never at rest keeps no image for ever.
        left_s = self._source.poll_s - still_s
        return left_s if left_s > 0 and now_s - seen.still_since_s < _EVIDENCE_S else None

    def _read(self, remote: Remote, entry: Entry, seen: Seen) -> None:
        """The first of the two readings; the one before a restart counts too."""
        seen.sha256 = remote.digest(entry)
        seen.read_s = self._clock.monotonic()
        content = f"content:{seen.sha256}:"
        seen.known = self._journal.arrivals.has(self._source.name, entry.shown, content)

    def _take_or_wait(
        self, remote: Remote, entry: Entry, seen: Seen, patience_s: float | None
    ) -> float | None:
        with remote.fetched(entry, self._companions.of(entry)) as path:
            digest = digest_of(path)
            if digest != seen.sha256:
                seen.read_again(digest, self._clock.monotonic())
                return self._source.poll_s
            found = self._taker.judge(path, entry.shown)
            if found.problem and found.kind is not Kind.FOREIGN and patience_s:
                return patience_s
            if wait_s := self._evidence_s(entry, seen, path, patience_s):
                return wait_s
            outcome = self._taker.take(path, entry.shown, found, sha256=digest)
        seen.settled, seen.known = True, outcome.fate is not Fate.LEFT
        self._vanished.pop(entry.shown, None)
        seen.foreign = outcome.fate is Fate.LEFT and found.kind is not Kind.SIDECAR
        if outcome.fate is Fate.TAKEN:
            self._taken += 1
            aside = f" and set it aside: {found.problem.sentence}" if found.problem else ""
            _log.info("%s: took %s%s", self._source.name, entry.shown, aside)
        return None

    # Saying

    def _remark(self, listing: Listing) -> Problem | None:
        """What is worth telling while the share can be read."""
        since_s = self._clock.monotonic() - _TELL_S
        self._vanished = {name: at_s for name, at_s in self._vanished.items() if at_s > since_s}
        if self._vanished:
            count, share = len(self._vanished), self._source.mount
            return ShareVanished(count=count, share=share, name=next(iter(self._vanished)))
        unread = [f"{name} ({why})" for name, why in (listing.unread | self._unreadable).items()]
        if unread:
            more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
            return ShareUnread(share=self._source.mount, what=unread[0] + more)
        unfinished = [entry.shown for entry in listing.entries if self._stays_unfinished(entry)]
        if unfinished:
            return UnfinishedName(count=len(unfinished), name=unfinished[0])
        foreign = [entry.shown for entry in listing.entries if self._memory.of(entry).foreign]
        if foreign:
            return ShareForeign(count=len(foreign), share=self._source.mount, name=foreign[0])
        return None

    def _stays_unfinished(self, entry: Entry) -> bool:
        seen = self._memory.of(entry)
        return (
            not seen.settled
            and has_unfinished_name(entry.basename)
            and self._patience_s(seen) is None
        )

    def _say(self, problem: Problem | None, state: str = _WELL) -> None:
        """Tell the journal how the source is doing, when that has changed."""
        saying = f"{state} {problem.sentence if problem else ''}"
        if saying == self._said:
            return
        self._said = saying
        well = state == _WELL
        self._journal.custody.set_place("source", self._source.name, state, problem, ok=well)
        if problem:
            _log.warning("%s: %s %s", self._source.name, problem, problem.hint)
        else:
            _log.info("%s: watching %s", self._source.name, self._source.mount)
