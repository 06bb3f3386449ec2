"""Owns a folder source: finds what is new in it, waits until it is whole, hands it to intake.

Nothing is polled. Events say where to look; a scan at the start, after lost events and when the
folder appears says what events cannot.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import (
    ChangedMeanwhile,
    DiskFull,
    IsSidecar,
    Junk,
    Problem,
    SourceDenied,
    SourceMissing,
    UnfinishedName,
)
from appliance.intake.accept import shown_name
from appliance.intake.complete import check_in_place
from appliance.intake.sidecars import Beside, described_by, is_sidecar, sidecars_of
from appliance.journal.spool import digest_of
from appliance.model import Arrival, ItemState
from appliance.sources.departure import recovered
from appliance.sources.patience import (
    QUIET_S,
    UNTOLD_QUIET_S,
    Candidate,
    Look,
    has_unfinished_name,
    is_junk,
)
from appliance.sources.retold import retold
from appliance.sources.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.errors import Ignored, Quarantined
    from appliance.intake.accept import Intake
    from appliance.journal.journal import Journal
    from appliance.settings.links import Source
    from appliance.settings.schema import Profile

_log = logging.getLogger(__name__)

_AT_ONCE = 8
_RETRY_S = 10.0
"""How soon a folder that is missing, or a file that could not be taken, is looked at again."""


class FolderSource:
    """One watched folder; belongs to one thread."""

    def __init__(
        self,
        source: Source,
        top: Path,
        profile: Profile | None,
        journal: Journal,
        intake: Intake,
        clock: Clock,
        *,
        is_ours: bool = False,
    ) -> None:
        """Watch `top`, the folder of `source`, from the first `turn` on.

        Where it `is_ours`, on the box's own card, a file must outlive the plug as long as its row
        does: cut short, it would come again as an export that is empty.
        """
        self._source = source
        self._profile = profile
        self._journal = journal
        self._intake = intake
        self._clock = clock
        self._top = top
        self._is_ours = is_ours
        self._tree: Tree | None = None
        self._candidates: dict[Path, Candidate] = {}
        self._taken = 0
        self._said = ""

    def fileno(self) -> int | None:
        """Readable when something happened in the folder; None while it cannot be watched."""
        return self._tree.fileno() if self._tree else None

    def close(self) -> None:
        """Stop watching."""
        if self._tree:
            self._tree.close()
            self._tree = None

    def turn(self, elsewhere: Problem | None = None) -> tuple[int, float | None]:
        """Take what can be taken now; trouble `elsewhere` with the source is said with its own.

        Returns how many files were accepted, and in how many seconds it wants another turn (None:
        not before something happens).
        """
        self._taken = 0
        try:
            self._find()
        except OSError as error:
            self.close()
            self._say(_trouble(self._top, error))
            return 0, _RETRY_S
        trouble, waits = self._denied() or elsewhere, []
        for candidate in list(self._candidates.values()):
            try:
                wait_s = self._consider(candidate)
            except OSError as error:
                wait_s, trouble = _RETRY_S, _trouble(candidate.path, error)
            except (ChangedMeanwhile, DiskFull) as problem:
                wait_s, trouble = _RETRY_S, problem
            if self._taken >= _AT_ONCE:
                return self._taken, 0  # the next stage shall not wait for the rest
            if wait_s is not None:
                waits.append(wait_s)
        self._say(trouble or self._unfinished_name())
        return self._taken, min(waits, default=_RETRY_S if trouble else None)

    # Finding

    def _find(self) -> None:
        """Learn of new files: from events, or from a scan where there was nothing to tell them."""
        if self._tree:
            news = self._tree.news()
            self._offer(news.closed, QUIET_S)
            self._offer((*news.found, *self._tree.retry()), UNTOLD_QUIET_S)
            named = [path for path in news.named if not has_unfinished_name(path.name)]
            self._offer(named, UNTOLD_QUIET_S, is_only_named=True)
            if not news.lost_sight:
                return
            self.close()
        self._tree = Tree(self._top)
        self._offer(self._tree.scan(), UNTOLD_QUIET_S)

    def _offer(
        self, paths: Iterable[Path], quiet_s: float, *, is_only_named: bool = False
    ) -> None:
        for found in paths:
            path = recovered(found, self._may_leave)
            new = Candidate(path, quiet_s, is_only_named)
            candidate = self._candidates.setdefault(path, new)
            candidate.quiet_s = min(candidate.quiet_s, quiet_s)
            candidate.is_only_named = candidate.is_only_named and is_only_named

    def _may_leave(self, path: Path, content: str) -> bool:
        return self._journal.arrivals.leaves(self._source.name, self._shown(path), content)

    # Judging

    def _consider(self, candidate: Candidate) -> float | None:
        """Accept a file, drop it, or say in how many seconds to look again."""
        look = candidate.look(self._clock.monotonic())
        if look is Look.GONE:
            self._drop(candidate)
            return None
        if has_unfinished_name(candidate.path.name):
            return self._patience_s(candidate)
        if look is Look.MOVING:
            return candidate.quiet_s
        return self._take_or_wait(candidate, self._arrival(candidate))

    def _take_or_wait(self, candidate: Candidate, arrival: Arrival) -> float | None:
        if self._journal.arrivals.knows(arrival):
            self._drop(candidate)
        elif is_junk(candidate.path.name):
            self._accept(candidate, arrival, Junk(name=arrival.name))
        elif is_sidecar(candidate.path, self._profile):
            return self._accept_sidecar(candidate, arrival)
        else:
            return self._judge(candidate, arrival)
        return None

    def _judge(self, candidate: Candidate, arrival: Arrival) -> float | None:
        """What the file's own format says decides; it has `settle_s` to become whole."""
        problem = check_in_place(candidate.path, self._profile).problem(arrival.name)
        patience_s = self._patience_s(candidate)
        if patience_s and (problem or self._awaits_sidecar(arrival)):
            return patience_s
        self._accept(candidate, arrival, problem)
        return None

    def _patience_s(self, candidate: Candidate) -> float | None:
        """How much longer a file may take to become whole; None when that time is over."""
        left_s = candidate.still_since_s + self._source.settle_s - self._clock.monotonic()
        return left_s if left_s > 0 else None

    def _awaits_sidecar(self, arrival: Arrival) -> bool:
        """Whether the patient can only come from a sidecar, and it is not there yet.

        What lay beside an image of the same name before is to give way to one of its own.
        """
        wanted = self._profile is not None and self._profile.sidecar not in {"auto", "none"}
        before = self._journal.arrivals.sidecars_before(arrival)
        if not wanted and not before:
            return False
        beside = sidecars_of(arrival.path, self._profile)
        return (wanted and not beside) or any(digest_of(each) in before for each in beside)

    # Taking

    def _accept(
        self,
        candidate: Candidate,
        arrival: Arrival,
        verdict: Quarantined | Ignored | None = None,
        *,
        sha256: str = "",
    ) -> None:
        sidecars = () if verdict else sidecars_of(candidate.path, self._profile)
        if self._is_ours:
            durable.fsync_file(candidate.path)
        self._intake.accept(arrival, self._profile, sidecars, verdict, sha256=sha256)
        _log.info("%s: took %s%s", arrival.source, arrival.name, _aside(verdict))
        self._taken += 1
        self._drop(candidate)

    def _accept_sidecar(self, candidate: Candidate, arrival: Arrival) -> float | None:
        """Offer again the files of which it says something new, some at a time, then keep it; or
        say in how many seconds to look again.

        What does not wait for a person has `settle_s`: where a modality uses a name again, the
        sidecar may be that of the next image, which is written only now.

        Kept last: cut off before that, it is new once more, and what is left is offered then.
        """
        patience_s = self._patience_s(candidate)
        if candidate.bides and patience_s:
            return patience_s
        beside = Beside(candidate.path.parent, self._profile)
        for path in described_by(candidate.path, self._profile):
            described = Candidate(path)
            described.look(self._clock.monotonic())
            earlier = self._arrival(described)
            if sha256 := retold(earlier, candidate.path, beside, self._profile, self._journal):
                if patience_s and not self._is_held(earlier):
                    candidate.bides = True
                    return patience_s
                self._accept(described, earlier, sha256=sha256)
            if self._taken >= _AT_ONCE:
                return None
        self._accept(candidate, arrival, IsSidecar(name=arrival.name))
        return None

    def _is_held(self, earlier: Arrival) -> bool:
        item = self._journal.arrivals.item(earlier)
        return item is not None and item.state is ItemState.HELD

    def _arrival(self, candidate: Candidate) -> Arrival:
        name = self._shown(candidate.path)
        return Arrival(self._source.name, name, candidate.path, candidate.fingerprint)

    def _shown(self, path: Path) -> str:
        return shown_name(path.relative_to(self._top).as_posix())

    def _drop(self, candidate: Candidate) -> None:
        self._candidates.pop(candidate.path, None)

    # Saying

    def _denied(self) -> Problem | None:
        denied = self._tree.denied if self._tree else {}
        return next((_trouble(folder, error) for folder, error in denied.items()), None)

    def _unfinished_name(self) -> Problem | None:
        names = [
            candidate.path.name
            for candidate in self._candidates.values()
            if candidate.fingerprint
            and has_unfinished_name(candidate.path.name)
            and self._patience_s(candidate) is None
        ]
        return UnfinishedName(count=len(names), name=shown_name(names[0])) if names else None

    def _say(self, trouble: Problem | None) -> None:
        """Tell the journal how the source is doing, when that has changed."""
        saying = trouble.sentence if trouble else "watching"
        if saying == self._said:
            return
        self._said = saying
        state = _STATES[type(trouble)] if trouble else "watching"
        self._journal.custody.set_place(
            "source", self._source.name, state, trouble, ok=trouble is None
        )
        if trouble:
            _log.warning("%s: %s %s", self._source.name, trouble, trouble.hint)
        else:
            _log.info("%s: watching %s", self._source.name, self._top)


_STATES: dict[type[Problem], str] = {
    SourceMissing: "missing",
    SourceDenied: "denied",
    DiskFull: "full",
    ChangedMeanwhile: "watching",
    UnfinishedName: "watching",
}


def _trouble(path: Path, error: OSError) -> Problem:
    shown = shown_name(str(path))
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SourceMissing(path=shown)
    return SourceDenied(path=shown, detail=error.strerror)


def _aside(verdict: Problem | None) -> str:
    return f" and set it aside: {verdict.sentence}" if verdict else ""
