"""Owns one object that a modality stores here: onto the card as it comes, judged, then answered.

0000 is said when file and row are on the card, or when every destination has the image.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from appliance import part10
from appliance.dicom.acceptor import is_uid
from appliance.dicom.dimse import SUCCESS
from appliance.dicom.provider import Outcome
from appliance.errors import Problem
from appliance.intake.accept import evidence_digest
from appliance.intake.dicom_end import dicom_end
from appliance.journal.arrivals import Received
from appliance.model import Arrival
from appliance.peek import Misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from appliance.clock import Clock
    from appliance.dicom.provider import Named
    from appliance.intake.registrar import Registrar
    from appliance.journal.journal import Journal
    from appliance.journal.spool import Incoming, Spool
    from appliance.peek import Peek
    from appliance.settings.schema import Profile

_log = logging.getLogger(__name__)

OUT_OF_RESOURCES = 0xA700
DATA_SET_MISMATCH = 0xA900
NOT_UNDERSTOOD = 0xC000


@dataclass(frozen=True, slots=True)
class Store:
    """Where objects are kept."""

    spool: Spool
    registrar: Registrar
    clock: Clock


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose object it is: the source it belongs to, and the modality by name."""

    source: str
    calling: str
    profile: Profile | None


class NotTaken(Problem):
    """{detail}.

    The object is not what its sender says it is.
    """

    def __init__(self, status: int, detail: str) -> None:
        """Answer `status`."""
        self.status = status
        super().__init__(detail=detail)


class Object:
    """One object on its way in; what is wrong is said once it has been heard out."""

    def __init__(self, store: Store, origin: Origin, named: Named, stack: ExitStack) -> None:
        """Open its draft, which goes with the `stack` unless it was published."""
        self.problem: Problem | OSError | None = None
        self._store = store
        self._origin = origin
        self._named = named
        self._stack = stack
        self._incoming: Incoming | None = None
        self._head = b""
        self._before: tuple[bytes, ...] = ()
        with self._doubting():
            self._incoming = self._begun()

    def _begun(self) -> Incoming:
        if not is_uid(self._named.sop_instance_uid):
            raise NotTaken(NOT_UNDERSTOOD, "its SOP Instance UID is none")
        self._head = part10.head_of(*self._named)
        self._before = (self._head,)
        return self._stack.enter_context(self._store.spool.incoming())

    def write(self, chunks: list[memoryview]) -> None:
        """Add to the file, unless it is known already that it will not be kept."""
        if self._incoming:
            with self._doubting():
                self._incoming.write([*self._before, *chunks])
                self._before = ()

    def keep(self) -> Arrival | None:
        """Accept the object; on the card when this returns. None where `problem` says why not."""
        if self._incoming:
            with self._doubting():
                self._judge(self._incoming.peek())
                return self._accepted(self._incoming)
        return None

    def refusal(self) -> Outcome:
        """What the modality is told of the problem."""
        if isinstance(self.problem, NotTaken):
            return Outcome(self.problem.status, str(self.problem.facts["detail"]))
        if isinstance(self.problem, Problem):
            return Outcome(OUT_OF_RESOURCES, self.problem.code)
        return Outcome(OUT_OF_RESOURCES, "the box's card fails")

    def _judge(self, peek: Peek) -> None:
        """Raises NotTaken where it is not whole, or not the object that was announced."""
        try:
            said = part10.uids_of_data_set(peek, len(self._head), self._named.transfer_syntax_uid)
            dicom_end(peek)
        except Misfit as error:
            raise NotTaken(NOT_UNDERSTOOD, error.detail) from error
        if said != self._named[:2]:
            raise NotTaken(DATA_SET_MISMATCH, "the data set says other UIDs than the command")

    def _accepted(self, incoming: Incoming) -> Arrival:
        name = f"{self._origin.calling.replace('/', '%2F')}/{self._named.sop_instance_uid}.dcm"
        digest = evidence_digest(self._origin.profile, name, {})
        incoming.settle()
        with self._store.spool.custody():
            stored = incoming.publish()
            fingerprint = f"content:{stored.sha256}:{digest}"
            arrival = Arrival(self._origin.source, name, Path(name), fingerprint)
            now = self._store.clock.utc()
            self._store.registrar.add(Received(arrival, stored, digest, now, *self._named[:2]))
        _log.info("%s: took %s", arrival.source, arrival.name)
        return arrival

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Keep the first problem, and let go of the draft at once: its room may be needed."""
        try:
            yield
        except (Problem, OSError) as problem:
            self.problem = problem
            self._incoming = None
            self._stack.close()


class Waiting:
    """Those whose answer waits until every destination has their image."""

    def __init__(self, stir: Callable[[], None]) -> None:
        """Nobody waits; `stir` has somebody `look`."""
        self._stir = stir
        self._lock = Lock()
        self._waiting: dict[Arrival, _Wait] = {}

    def outcome(self, arrival: Arrival, within_s: float) -> Outcome:
        """Sleep until the image is everywhere, or it is known that this will not be soon."""
        with self._lock:
            wait = self._waiting.setdefault(arrival, _Wait())
            wait.sleepers += 1
        self._stir()
        try:
            if not wait.over.wait(within_s):
                return Outcome(OUT_OF_RESOURCES, "kept here, but not forwarded yet; send it again")
            if wait.stuck:
                comment = f"kept here, but a person must look at it: {wait.stuck}"
                return Outcome(OUT_OF_RESOURCES, comment)
            return Outcome(SUCCESS)
        finally:
            self._leave(arrival, wait)

    def look(self, journal: Journal) -> bool:
        """Wake those of whom the journal knows more now; whether anybody waits."""
        with self._lock:
            waiting = dict(self._waiting)
        for arrival, wait in waiting.items():
            row = journal.arrivals.fate(arrival)
            if row is not None and (row["done"] or row["stuck"]):
                wait.stuck = "" if row["done"] else row["stuck"]
                wait.over.set()
        return bool(waiting)

    def _leave(self, arrival: Arrival, wait: _Wait) -> None:
        with self._lock:
            wait.sleepers -= 1
            if not wait.sleepers and self._waiting.get(arrival) is wait:
                del self._waiting[arrival]


class _Wait:
    def __init__(self) -> None:
        self.over = Event()
        self.stuck = ""
        self.sleepers = 0
