"""Owns the way of an update: it comes, is checked, is written to the other slot, and is started.

The page uploads it piece by piece, an address or a stick labelled for it is read from here; then
all go the same way. Sending images goes on meanwhile. A power cut at any instant leaves what runs
as it is: RAUC marks the other slot bad before it writes there, and primary as the last thing.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from appliance.box import fetch, record
from appliance.box.bundle import System, bundle_of, objection, version_of
from appliance.box.record import Record, Said, Stage, said
from appliance.box.slots import is_on_trial, may_go_back, other
from appliance.call import Handing
from appliance.clock import stamp
from appliance.errors import (
    AlreadyInstalled,
    AlreadyUpdating,
    BundleFellBack,
    BundleOlder,
    Declined,
    NoHelper,
    NoSlots,
    Problem,
    StillOnTrial,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.board.mount import Mounted
    from appliance.box.board import Slot
    from appliance.box.bootenv import BootEnv
    from appliance.box.bundle import Bundle
    from appliance.box.engaged import Engaged
    from appliance.box.incoming import Incoming
    from appliance.box.rauc import Rauc
    from appliance.call import Handler
    from appliance.clock import Clock

_log = logging.getLogger(__name__)

_LONGEST_NAME = 100
_TAKEN = 50
"""So many updates are known again by their sticks."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What of the machine an update has to do with."""

    place: Path
    """The folder DIR/box."""
    slot: Slot | None
    version: str
    """Of the product that runs."""
    build: int
    """Its rank among builds; 0 where it does not know."""
    kept_schema: Callable[[], int]
    """Of the journal."""
    remembered: Callable[[], BootEnv | None]
    """By U-Boot."""
    restart: Callable[[], None]
    start: str
    """What tells this start of the machine from any other."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What is going on: "receiving", "checking", "installing" or "restarting"."""

    what: str
    name: str
    percent: int | None = None
    version: str = ""


class Updates:
    """The updates of this box; for any number of threads."""

    def __init__(
        self, machine: Machine, rauc: Rauc, incoming: Incoming, clock: Clock, engaged: Engaged
    ) -> None:
        """Nothing goes on yet."""
        self._machine = machine
        self._rauc = rauc
        self._incoming = incoming
        self._clock = clock
        self._engaged = engaged
        self._doing: Doing | None = None
        self._stick: Said | None = None
        """Why nothing was installed from the stick that was plugged in last."""
        self._one = Lock()

    @property
    def operations(self) -> dict[str, Handler]:
        """By name, as callers ask for them."""
        return {
            "update-status": lambda _: self.status(),
            "update-chunk": self._chunk,
            "update-install": self._install_uploaded,
            "update-fetch": self._fetch,
        }

    def status(self) -> dict[str, Any]:
        """What runs, what else is there, what goes on, what became of the last update."""
        own, env = self._machine.slot, self._machine.remembered()
        last = record.read(self._machine.place)
        upload = self._incoming.progress
        return {
            "version": self._machine.version,
            "slot": own or "",
            "on_trial": self.is_on_trial,
            "other": self._other(own, env),
            "doing": asdict(self._doing) if self._doing else None,
            "upload": upload._asdict() if upload else None,
            "last": asdict(last) if last else None,
            "stick": asdict(self._stick) if self._stick else None,
        }

    @property
    def is_on_trial(self) -> bool:
        """Whether what runs has yet to show that it works: its way back is not written over."""
        return is_on_trial(self._machine.remembered(), self._machine.slot)

    def take_from_stick(self, mount: Callable[[], Mounted], label: str) -> None:
        """Install the update on a stick, unless it was here before; goes on in the background.

        The stick is let go of as soon as it was read; one that cannot be mounted is let be, and
        the page says so.
        """
        self._stick = None

        def bring() -> None:
            try:
                mounted = mount()
            except (Declined, NoHelper) as problem:
                self._let_be(label, problem)
                return
            try:
                file = fetch.find(mounted.root, label)
                fetch.copy(file, self._incoming, lambda: self._receiving(file.name))
            finally:
                mounted.close()
            self._install(file.name, asked=False)

        try:
            self._begin(f"The stick {label}", bring)
        except (AlreadyUpdating, StillOnTrial) as problem:
            self._let_be(label, problem)

    # What callers ask for

    def _chunk(self, request: Mapping[str, Any]) -> Handing:
        """{"at": BYTES, "total": BYTES}: a descriptor to write the next piece of a file to."""
        self._claim()
        try:
            return Handing({}, self._incoming.piece(int(request["at"]), int(request["total"])))
        finally:
            self._one.release()

    def _install_uploaded(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"name": TEXT, "restart": BOOL}: install what was uploaded; goes on after the answer."""
        name = str(request.get("name") or "The file")[:_LONGEST_NAME]
        self._begin(name, lambda: self._install(name, restart=_restart(request)))
        return {}

    def _fetch(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"address": URL, "restart": BOOL}: bring and install; goes on after the answer."""
        address = str(request["address"])
        fetch.check(address)
        name = (address.rpartition("/")[2] or address)[:_LONGEST_NAME]

        def bring() -> None:
            fetch.fetch(address, self._incoming, lambda: self._receiving(name))
            self._install(name, restart=_restart(request))

        self._begin(name, bring)
        return {}

    # One at a time

    def _claim(self) -> None:
        """Whoever has it lets go of `_one`. Raises StillOnTrial, AlreadyUpdating."""
        if self.is_on_trial:
            raise StillOnTrial(version=self._machine.version)
        if not self._one.acquire(blocking=False):
            doing = self._doing
            raise AlreadyUpdating(what=f"{doing.what} {doing.name}" if doing else "it begins")

    def _begin(self, name: str, work: Callable[[], None]) -> None:
        """Do the work in the background; what is wrong is kept. Raises as `_claim`."""
        self._claim()
        self._doing = Doing("checking", name)
        Thread(target=self._work, args=(name, work), name="update", daemon=True).start()

    def _work(self, name: str, work: Callable[[], None]) -> None:
        with self._engaged.at_work():
            try:
                work()
            except (BundleFellBack, AlreadyInstalled, BundleOlder) as problem:
                self._let_be(name, problem)  # what became of it stays said
            except Problem as problem:
                _log.error("%s: %s %s", name, problem, problem.hint)
                self._keep_refusal(name, problem)
            finally:
                self._incoming.clear()
                self._doing = None
                self._one.release()

    # The way

    def _receiving(self, name: str) -> None:
        came = self._incoming.progress
        percent = 100 * came.received_bytes // came.total_bytes if came else None
        self._doing = Doing("receiving", name, percent)

    def _install(self, name: str, *, restart: bool = True, asked: bool = True) -> None:
        """Check what has come, write it, start it. `asked`: by a person, who knows why."""
        with self._incoming.sealed() as file:
            self._doing = Doing("checking", name)
            bundle = self._checked(file, name, asked=asked)
            version = bundle.version.product
            self._keep(bundle, Stage.INSTALLING)
            self._rauc.install(
                file, lambda percent: self._set(Doing("installing", name, percent, version))
            )
            self._keep(bundle, Stage.INSTALLED)
        _log.info("%s (%s) is installed", name, version)
        if restart:
            self._set(Doing("restarting", name, None, version))
            self._machine.restart()

    def _checked(self, file: Path, name: str, *, asked: bool) -> Bundle:
        """The bundle in a file, which may be installed. Raises the Problem why not."""
        if self._machine.slot is None:
            raise NoSlots(why="it was not started from a slot")
        bundle = bundle_of(name, self._rauc.look(file, name))
        system = System(self._rauc.compatible, self._machine.kept_schema())
        if problem := objection(bundle, system):
            raise problem
        if not asked and (problem := self._objection_to_stick(bundle)):
            raise problem
        return bundle

    def _objection_to_stick(self, bundle: Bundle) -> Problem | None:
        """One that stays in must not lead from restart to restart, nor one from a drawer back to
        what was mended since: nobody was asked.
        """
        last = record.read(self._machine.place)
        version = bundle.version.product
        if last and last.fallen == bundle.hash:
            return BundleFellBack(version=version)
        if last and bundle.hash in last.taken:
            return AlreadyInstalled(version=version)
        if bundle.build < self._machine.build:
            return BundleOlder(version=version)
        return None

    def _let_be(self, name: str, problem: Problem) -> None:
        """What a stick brings is not installed."""
        _log.warning("%s: %s %s", name, problem, problem.hint)
        self._stick = said(problem)

    def _set(self, doing: Doing) -> None:
        self._doing = doing

    # What is kept

    def _keep(self, bundle: Bundle, stage: Stage) -> None:
        machine = self._machine
        last = record.read(machine.place)
        kept = Record(
            stage,
            stamp(self._clock.utc()),
            bundle.name,
            version=bundle.version.product,
            before=machine.version,
            slot=other(machine.slot) if machine.slot else "",
            hash=bundle.hash,
            fallen=last.fallen if last else "",
            taken=_taken(last, bundle if stage is Stage.INSTALLED else None),
            start=machine.start,
        )
        record.write(machine.place, kept)

    def _keep_refusal(self, name: str, problem: Problem) -> None:
        at = stamp(self._clock.utc())
        last = record.read(self._machine.place)
        if last and last.stage is Stage.INSTALLING:
            kept = replace(last, stage=Stage.REFUSED, at=at, problem=said(problem))
        else:
            fallen = last.fallen if last else ""
            kept = Record(
                Stage.REFUSED, at, name, problem=said(problem), fallen=fallen, taken=_taken(last)
            )
        record.write(self._machine.place, kept)

    def _other(self, own: Slot | None, env: BootEnv | None) -> dict[str, Any] | None:
        """The slot that does not run: its version, where RAUC wrote it, and whether it is good."""
        if own is None:
            return None
        slot = other(own)
        version = version_of(self._rauc.installed().get(slot, ""))
        is_good = env is not None and may_go_back(env, own)
        return {"slot": slot, "version": version.product if version else "", "is_good": is_good}


def _taken(last: Record | None, bundle: Bundle | None = None) -> tuple[str, ...]:
    """What was once installed here, with this one."""
    before = last.taken if last else ()
    if bundle is None:
        return before
    return (*(each for each in before if each != bundle.hash), bundle.hash)[-_TAKEN:]


def _restart(request: Mapping[str, Any]) -> bool:
    return bool(request.get("restart", True))
