"""Owns the one read model: how the box is doing, as lamps, page, metrics and `status` tell it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from appliance import __version__
from appliance.board.disk import Room, room
from appliance.box import backup_news, news, papers
from appliance.journal.abilities import Asking, Known
from appliance.journal.certificates import Paper
from appliance.model import DeliveryState, ItemState
from appliance.status import pattern
from appliance.status.notices import PAGE, notices
from appliance.status.proofs import proof_words
from appliance.status.silence import PLACE, Habit
from appliance.status.troubles import troubles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from appliance.clock import Clock
    from appliance.errors import Notice, Problem
    from appliance.journal.journal import Journal
    from appliance.settings.schema import Destination, Settings
    from appliance.status.pattern import LampState

_NEW = "new"
_REMOVED = "removed"
_READING = "reading"
_ALIVE = frozenset({_NEW, "watching", "listening", "empty", "safe", _READING})
_PATIENCE_S = {"offline": 600.0}  # a modality that is only being started again needs nobody
_CANNOT_TAKE = frozenset({"down", "stopped", "full", _REMOVED})
_OVER = frozenset({DeliveryState.CONFIRMED, DeliveryState.HELD})
_ALL_IS_WELL = {
    "watching": "What appears there is taken.",
    "listening": "What the modality sends is taken.",
    "empty": "Nothing is connected, or it is switched off.",
    _READING: "The stick is being read: do not pull it.",
    "safe": "Everything on the stick is taken: it can be pulled.",
    "up": "It takes what is sent to it.",
    "ok": "It tells which exams are ordered.",
}
_NO_STICK = "No stick is plugged in."
_BEFORE_ROUTING = (ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED)


@dataclass(frozen=True, slots=True)
class HeldItem:
    """One thing that waits for a person: an item, or its delivery to `destination`."""

    id: int
    code: str
    sentence: str
    hint: str
    source: str
    name: str
    destination: str  # "" for the item itself
    state: str
    arrived_at: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the files on a stick are dealt with."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Silence:
    """What is said of a source that is quieter than its habit."""

    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source is doing."""

    name: str
    kind: str
    state: str
    state_s: float  # for how long
    sentence: str
    hint: str
    progress: Progress | None
    last_arrival_s: float | None  # how long ago
    silence: Silence | None  # where it is strange that nothing comes

    @property
    def is_up(self) -> bool:
        """Whether what appears there is found."""
        return self.state in _ALIVE

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody must do something before images come from there again."""
        return not self.is_up and self.state_s >= _PATIENCE_S.get(self.state, 0)

    @property
    def must_stay_in(self) -> bool:
        """Whether there is a stick that must not be pulled now."""
        return self.kind == "stick" and self.state == _READING


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """How a destination is doing, and how many deliveries to it stand where."""

    name: str
    state: str
    sentence: str
    hint: str
    last_ok_at: str
    deliveries: Mapping[str, int]
    confirmed_by: str = ""  # commitment, find or response; "" while that is found out
    proof: str = ""  # the same, for people

    @property
    def waiting(self) -> int:
        """How many deliveries it still has to get or to prove."""
        return sum(n for state, n in self.deliveries.items() if state not in _OVER)

    @property
    def takes_images(self) -> bool:
        """False when it is known that it cannot be delivered to now."""
        return self.state not in _CANNOT_TAKE


@dataclass(frozen=True, slots=True)
class WorklistStatus:
    """How a worklist is doing, and what is remembered of what it told."""

    name: str
    state: str
    sentence: str
    hint: str
    orders: int
    told_s: float | None  # how long ago it last told anything

    @property
    def tells(self) -> bool:
        """False when it is known that it cannot be asked now."""
        return self.state != "failed"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How everything stood at one moment."""

    items: Mapping[str, int] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)
    held: tuple[HeldItem, ...] = ()
    waiting_for_order: int = 0
    oldest_waiting_s: float | None = None
    sources: tuple[SourceStatus, ...] = ()
    destinations: tuple[DestinationStatus, ...] = ()
    worklists: tuple[WorklistStatus, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()
    certificates: tuple[Paper, ...] = ()
    room: Room | None = None
    clock_is_sure: bool = True
    version: str = __version__

    @property
    def on_the_way(self) -> int:
        """How much there is still to do without anybody's help."""
        before = sum(self.items.get(state, 0) for state in _BEFORE_ROUTING)
        return before + sum(destination.waiting for destination in self.destinations)

    @property
    def lamps(self) -> LampState:
        """The most pressing of all this."""
        idle_sources = [s for s in self.sources if s.needs_a_person or s.silence]
        return pattern.lamp_state(
            on_the_way=self.on_the_way,
            for_a_person=len(self.held) + len(idle_sources) + len(self.problems),
            undeliverable=any(d.waiting and not d.takes_images for d in self.destinations),
            being_read=any(source.must_stay_in for source in self.sources),
        )

    def document(self) -> dict[str, object]:
        """The result of `jembatan status --json`."""
        return {
            "items": dict(self.items),
            "deliveries": dict(self.deliveries),
            "held": [asdict(held) for held in self.held],
            "waiting_for_order": self.waiting_for_order,
            "oldest_waiting_s": self.oldest_waiting_s,
            "sources": [asdict(source) for source in self.sources],
            "destinations": [
                {
                    "name": destination.name,
                    "state": destination.state,
                    "waiting": destination.waiting,
                    "sentence": destination.sentence,
                    "hint": destination.hint,
                    "confirmed_by": destination.confirmed_by,
                    "proof": destination.proof,
                }
                for destination in self.destinations
            ],
            "worklists": [asdict(worklist) for worklist in self.worklists],
            "lamps": pattern.document(self.lamps),
            "settings_problems": [_told(problem) for problem in self.problems],
            "notices": [_told(notice) for notice in self.notices],
            "certificates": [_certificate(paper) for paper in self.certificates],
            "clock": "sure" if self.clock_is_sure else "unsure",
            "version": self.version,
        }


def take(
    journal: Journal | None, settings: Settings, problems: Sequence[Problem], clock: Clock
) -> Snapshot:
    """Look at everything; `journal` None is a box that never ran. Raises JournalFault."""
    look = _Look(journal, clock)
    certificates = tuple(_certificates(journal)) if journal else ()
    return Snapshot(
        items=look.items(),
        deliveries=look.deliveries(),
        held=look.held(),
        waiting_for_order=look.waiting_for_order(),
        oldest_waiting_s=look.oldest_waiting_s(),
        sources=tuple(look.source(source.name, source.kind) for source in settings.sources),
        destinations=look.destinations(settings.destinations),
        worklists=tuple(look.worklist(worklist.name) for worklist in settings.worklists),
        problems=(*problems, *(troubles(journal, look.places()) if journal else ())),
        notices=(*notices(settings, clock, certificates), *_news(journal, clock)),
        clock_is_sure=clock.is_sure(),
        certificates=certificates,
        room=room(journal.paths.root) if journal else None,
    )


def _certificates(journal: Journal) -> Iterator[Paper]:
    """Those that were met, and the page's own."""
    yield from journal.certificates.all()
    if page := papers.read(journal.paths.root):
        yield Paper(PAGE, page.subject, page.fingerprint, page.not_after)


def _news(journal: Journal | None, clock: Clock) -> Iterable[Notice]:
    if journal is None:
        return ()
    return (*news.told(journal.paths.run), *backup_news.told(journal.paths, clock))


class _Look:
    """The journal's answers, in the words of the snapshot."""

    def __init__(self, journal: Journal | None, clock: Clock) -> None:
        self._ledger = journal.ledger if journal else None
        self._clock = clock
        places = self._ledger.places() if self._ledger else ()
        self._places = {(row["kind"], row["name"]): dict(row) for row in places}
        self._counts = self._ledger.delivery_counts() if self._ledger else {}
        self._orders = journal.orders.counts() if journal else {}
        self._abilities = journal.abilities if journal else None

    def places(self) -> Iterable[Mapping[str, Any]]:
        return self._places.values()

    def items(self) -> Mapping[str, int]:
        return self._ledger.item_counts() if self._ledger else {}

    def deliveries(self) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for states in self._counts.values():
            counts.update(states)
        return counts

    def held(self) -> tuple[HeldItem, ...]:
        rows = self._ledger.attention() if self._ledger else ()
        return tuple(HeldItem(**dict(row)) for row in rows)

    def waiting_for_order(self) -> int:
        return self._ledger.waiting_for_order() if self._ledger else 0

    def oldest_waiting_s(self) -> float | None:
        return self._since(self._ledger.oldest_waiting() if self._ledger else "")

    def source(self, name: str, kind: str) -> SourceStatus:
        place = self._unoffered(name, kind) or self._places.get(("source", name), {})
        return SourceStatus(
            name=name,
            kind=kind,
            state=place.get("state", _NEW),
            state_s=self._since(place.get("changed_at", "")) or 0.0,
            sentence=_source_sentence(kind, place),
            hint=place.get("hint", ""),
            progress=_progress(place),
            last_arrival_s=self._since(self._last_arrival(name)),
            silence=self._silence(name),
        )

    def _last_arrival(self, source: str) -> str:
        return self._ledger.last_arrival(source) if self._ledger else ""

    def _silence(self, source: str) -> Silence | None:
        """What was said of a source that was too quiet, unless something came since."""
        place = self._places.get((PLACE, source), {})
        is_quiet = place.get("state") == Habit.QUIET
        if is_quiet and place["changed_at"] > self._last_arrival(source):
            return Silence(place["sentence"], place["hint"])
        return None

    def _unoffered(self, name: str, kind: str) -> Mapping[str, Any]:
        """What keeps a share of this box from being offered; watch sees only an empty folder."""
        place = self._places.get((kind, name), {}) if kind == "share" else {}
        return place if place.get("code") else {}

    def destinations(self, entries: Sequence[Destination]) -> tuple[DestinationStatus, ...]:
        """Those of the settings, and those no longer there for which something waits."""
        known = [self._destination(each, self._counts.get(each.name, {})) for each in entries]
        names = {each.name for each in entries}
        others = [_removed(name, n) for name, n in self._counts.items() if name not in names]
        return tuple(known + [removed for removed in others if removed.waiting])

    def _destination(self, entry: Destination, states: Mapping[str, int]) -> DestinationStatus:
        place = self._places.get(("destination", entry.name), {})
        known = self._abilities.known(entry.name) if self._abilities else Known()
        asking = known.asking(entry.confirm)
        return DestinationStatus(
            name=entry.name,
            state=place.get("state", _NEW),
            sentence=_sentence(place) or "Nothing has been sent there yet.",
            hint=place.get("hint", ""),
            last_ok_at=place.get("last_ok_at", ""),
            deliveries=states,
            confirmed_by="" if asking is Asking.TRIAL else asking.value,
            proof=proof_words(asking, known),
        )

    def worklist(self, name: str) -> WorklistStatus:
        place = self._places.get(("worklist", name), {})
        return WorklistStatus(
            name=name,
            state=place.get("state", _NEW),
            sentence=_sentence(place) or "It has not been asked yet.",
            hint=place.get("hint", ""),
            orders=self._orders.get(name, 0),
            told_s=self._since(place.get("last_ok_at", "")),
        )

    def _since(self, moment: str) -> float | None:
        """Seconds since a stamp; 0 where the clock was set back meanwhile."""
        if not moment:
            return None
        passed = self._clock.utc() - datetime.fromisoformat(moment)
        return round(max(0.0, passed.total_seconds()), 1)


def _source_sentence(kind: str, place: Mapping[str, str]) -> str:
    if kind == "stick" and place.get("state") == "empty" and not place["sentence"]:
        return _NO_STICK
    return _sentence(place) or "Nothing has looked there yet."


def _sentence(place: Mapping[str, str]) -> str:
    return place.get("sentence") or _ALL_IS_WELL.get(place.get("state", ""), "")


def _progress(place: Mapping[str, Any]) -> Progress | None:
    return Progress(place["done"], place["total"]) if place.get("total") else None


def _told(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint}


def _certificate(paper: Paper) -> dict[str, str]:
    return {
        **paper.holder._asdict(),
        "subject": paper.subject,
        "fingerprint": paper.fingerprint,
        "not_after": paper.not_after.isoformat(),
    }


def _removed(name: str, states: Mapping[str, int]) -> DestinationStatus:
    return DestinationStatus(
        name=name,
        state=_REMOVED,
        sentence="It is no longer in the settings; what waits for it stays here.",
        hint="Enter it again under the same name, or hold and discard what waits for it.",
        last_ok_at="",
        deliveries=states,
    )
