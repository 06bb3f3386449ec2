"""Owns worker threads inside a service: each with its own journal, woken by name, watched over."""

from __future__ import annotations

import os
import select
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.errors import WorkerDied
from appliance.services.duty import SAFETY_SCAN_S, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.journal.journal import Journal
    from appliance.services.duty import Duty


class Hand(Protocol):
    """What a worker thread does."""

    def turn(self) -> float:
        """Do what can be done now; how many seconds to rest unless something happens."""
        ...

    def fileno(self) -> int | None:
        """Something to wait on beside the bell, or None."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class Job(NamedTuple):
    """Work for one thread: `hire` makes the hand, from what `asked_for` says in the settings."""

    asked_for: object
    hire: Callable[[Journal], Hand]


class _InCharge:
    """A hand that rests while another box works with what is here, until it is dismissed."""

    def __init__(self, hand: Hand, journal: Journal) -> None:
        self._hand = hand
        self._charge = journal.charge
        self._is_here = False

    def turn(self) -> float:
        self._is_here = self._charge.is_here()
        return self._hand.turn() if self._is_here else SAFETY_SCAN_S

    def fileno(self) -> int | None:
        """None where nobody looks at what happens there: it would wake us for ever."""
        return self._hand.fileno() if self._is_here else None

    def close(self) -> None:
        self._hand.close()


class Member:
    """One thread at work."""

    def __init__(self, duty: Duty, name: str, job: Job) -> None:
        """Start working at once; the hand is made inside the new thread."""
        self._duty = duty
        self._job = job
        self._leaving = Event()
        self._nudge_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def does(self, job: Job) -> bool:
        """Whether this is what the member was hired for."""
        return self._job.asked_for == job.asked_for

    def nudge(self) -> None:
        """Have another turn soon."""
        os.eventfd_write(self._nudge_fd, 1)

    def dismiss(self) -> None:
        """Finish the turn and leave."""
        self._leaving.set()
        self.nudge()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    @property
    def name(self) -> str:
        """The name of its thread."""
        return self._thread.name

    def is_alive(self) -> bool:
        """Whether the thread still runs.

        A kernel that fails in the midst of a call ends it, and the interpreter is not told.
        """
        task = Path(f"/proc/self/task/{self._thread.native_id}")
        return self._thread.is_alive() and task.exists()

    def must_live(self) -> None:
        """Raise WorkerDied where the thread ended unasked; why is in the log."""
        if not self.is_alive() and not self._leaving.is_set():
            raise WorkerDied(name=self._thread.name)

    def _work(self) -> None:
        with self._duty.journal() as journal, closing(self._job.hire(journal)) as hired:
            hand = _InCharge(hired, journal)
            while not self._leaving.is_set():
                self._rest(hand, patiently(hand.turn))
        self._duty.ring(self._duty.name)  # the place is free for a successor

    def _rest(self, hand: Hand, rest_s: float) -> None:
        own = hand.fileno()
        waiting_on = [self._nudge_fd] if own is None else [self._nudge_fd, own]
        if self._nudge_fd in select.select(waiting_on, [], [], min(rest_s, SAFETY_SCAN_S))[0]:
            os.eventfd_read(self._nudge_fd)


class Crew:
    """The threads that today's settings ask for; none while another box works with what is here.

    Its members are dismissed then, and not only let rest: what they have open they would hold.
    """

    def __init__(self, duty: Duty, journal: Journal) -> None:
        """Nobody works yet; the `journal` is of the thread that musters them."""
        self._duty = duty
        self._charge = journal.charge
        self._members: dict[str, Member] = {}
        self._former: list[Member] = []

    def muster(self, wanted: Mapping[str, Job]) -> None:
        """Have exactly the wanted members, by name; whoever is there already is nudged.

        Where the settings of a job changed, its member leaves and a new one comes once it is gone.
        Raises WorkerDied.
        """
        if not self._charge.is_here():
            wanted = {}
        for name, member in list(self._members.items()):
            if name not in wanted or not member.does(wanted[name]):
                member.dismiss()
                self._former.append(self._members.pop(name))
        self._former = [member for member in self._former if member.is_alive()]
        busy = {member.name for member in self._former}
        for name, job in wanted.items():
            if name in self._members:
                self._members[name].must_live()
                self._members[name].nudge()
            elif name not in busy:
                self._members[name] = Member(self._duty, name, job)

    @property
    def leaving(self) -> frozenset[str]:
        """The names of those who were told to leave and are still at work."""
        return frozenset(member.name for member in self._former if member.is_alive())

    def dismiss(self, patience_s: float) -> None:
        """Everybody leaves; those still busy after `patience_s` are left to the process's end."""
        for member in self._members.values():
            member.dismiss()
        for member in [*self._members.values(), *self._former]:
            member.join(patience_s)
