"""Owns the composition of the deliver service: identify and route here, a lane per destination.

The only service that speaks to the network outwards; it also asks "what is wrong there?" and
"what is ordered?" for whoever may not, and says where the rules would send an image.
"""

from __future__ import annotations

import logging
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # pydicom takes these along where they are there, a quarter of this service's memory and start;
    # pixels are convert's.
    sys.modules.update(dict.fromkeys(("numpy", "PIL", "tqdm")))  # type: ignore[arg-type]

from appliance.call import Server
from appliance.desk import explain
from appliance.desk.asked import tls_of
from appliance.dicom.association import Target
from appliance.forward.gate import Gates
from appliance.forward.lane import Lane, target_of
from appliance.forward.reckoner import Reckoner, accounts
from appliance.forward.reckoner import ask as reckon
from appliance.forward.vigil import Vigil, Watched, watched
from appliance.identify.stage import Identify
from appliance.identify.worklist import Worklists, ask_about_now
from appliance.identify.worklist import target_of as target_of_worklist
from appliance.journal.certificates import Holder
from appliance.route.recompose import Recompose
from appliance.route.stage import Routing
from appliance.services.crew import Crew, Job
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.settings.links import ReceiverLink
from appliance.settings.schema import Worklist

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.journal.journal import Journal
    from appliance.services.duty import Duty
    from appliance.settings.schema import Destination, Settings

_log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_GLANCE_S = 1.0


def work(duty: Duty) -> None:
    """Deliver until told to leave."""
    gates = Gates(duty.clock)
    operations = {
        "doctor": lambda request: _looked_into(duty, gates, _doctor(duty, request)),
        "worklist": lambda request: _worklist(duty, request),
        "certificate": _certificate,
        "reckon": lambda request: _reckon(duty, request),
        "explain": lambda request: _explain(duty, request),
    }
    calls = Server(duty.paths.run / "deliver.sock", operations)
    calls.start()
    with duty.journal() as journal:
        crew = Crew(duty, journal)
        duty.loop(_Shift(duty, journal, crew, gates).turn)
        crew.dismiss(_PATIENCE_S)
    calls.close()


class _Shift:
    """identify and route, in the main thread; the lanes are told when something is ready."""

    def __init__(self, duty: Duty, journal: Journal, crew: Crew, gates: Gates) -> None:
        self._duty = duty
        self._journal = journal
        self._crew = crew
        worklists = Worklists(journal, duty.clock, duty.notifier.beat)
        self._identify = Identify(journal, worklists, duty.clock)
        self._routing = Routing(journal)
        self._recompose = Recompose(journal)
        self._settings: Settings | None = None
        self._gates = gates
        self._promoted: set[str] = set()  # just now

    def turn(self) -> float:
        if not self._journal.charge.is_here():
            self._crew.muster({})
            return SAFETY_SCAN_S
        settings = self._duty.settings.get()
        self._journal.custody.free_the_dead()
        if settings is not self._settings:
            self._look_for_promotions(settings)
            self._crew.muster(self._jobs(settings))
            self._journal.items.free_routeless()
            self._journal.certificates.keep([each.holder for each in _watched(settings)])
            self._settings = settings
        identified = self._identify.turn(settings)
        routed = self._may_route() and self._routing.turn(settings)
        recoded = self._recompose.turn()
        self._crew.muster(self._jobs(settings))
        if not (identified or routed or recoded):
            # Nobody rings when a lane to where tests went has left.
            longest_s = _GLANCE_S if self._promoted else SAFETY_SCAN_S
            return min(self._identify.rest_s(), longest_s)
        self._duty.ring("keeper")
        return 0

    def _look_for_promotions(self, settings: Settings) -> None:
        """Before anything is routed or sent under new settings."""
        destinations = {d.name: d.environment for d in settings.destinations}
        worklists = {w.name: w.environment for w in settings.worklists}
        sources = {
            source.name: settings.environment_of(source.name) for source in settings.sources
        }
        for name in self._journal.promotions.look(destinations, worklists, sources):
            self._promoted.add(name)
            _log.warning("%s is for real patients now; what came while testing is held back", name)

    def _may_route(self) -> bool:
        """Not while a lane to where tests went is at work: it would take there what is real."""
        leaving = self._crew.leaving
        self._promoted = {
            name
            for name in self._promoted
            if any(lane.startswith(_lane(name, "")) for lane in leaving)
        }
        return not self._promoted

    def _jobs(self, settings: Settings) -> dict[str, Job]:
        """A lane for each association; those of a destination share what they learn of it."""
        lanes = {
            _lane(d.name, number): self._job(d, settings)
            for d in settings.destinations
            for number in range(1, d.associations + 1)
        }
        return {**lanes, **_vigil(self._duty, settings), **_accounts(self._duty, settings)}

    def _job(self, destination: Destination, settings: Settings) -> Job:
        clock, tell = self._duty.clock, _ringer(self._duty)
        target, zone = target_of(destination, settings), settings.box.timezone
        gate = self._gates.of(destination, target, zone)
        return Job(
            (destination, target, zone),
            lambda journal: Lane(destination, target, journal, clock, tell, gate),
        )


def _lane(destination: str, number: object) -> str:
    """What a lane is called; names of destinations have no spaces."""
    return f"destination {destination} {number}"


def _vigil(duty: Duty, settings: Settings) -> dict[str, Job]:
    seen = _watched(settings)
    job = Job(tuple(seen), lambda journal: Vigil(seen, journal, duty.clock))
    return {"certificates": job} if seen else {}


def _accounts(duty: Duty, settings: Settings) -> dict[str, Job]:
    asked_for = (settings.destinations, settings.box)
    job = Job(asked_for, lambda journal: Reckoner(settings, journal, duty.clock))
    return {"accounts": job} if settings.destinations else {}


def _watched(settings: Settings) -> list[Watched]:
    """The certificates there are, by the settings."""
    box = settings.box.tls_cert
    return [
        *(
            w
            for d in settings.destinations
            for w in watched("destination", d.name, target_of(d, settings))
        ),
        *(
            w
            for e in settings.worklists
            for w in watched("worklist", e.name, target_of_worklist(e, settings))
        ),
        *[Watched(Holder("box", "", "ours"), Path(box))] * bool(box),
    ]


def _ringer(duty: Duty) -> Callable[..., None]:
    return lambda *more: duty.ring("keeper", "watch", *_receiving(duty.settings.get()), *more)


def _receiving(settings: Settings) -> list[str]:
    """Where modalities wait for proofs; not rung in vain, for its bell would start it."""
    return ["receive"] * any(isinstance(source, ReceiverLink) for source in settings.sources)


def _looked_into(duty: Duty, gates: Gates, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where somebody looks into a destination, it was perhaps just put right."""
    gates.try_now()
    duty.ring("deliver")
    return found


def _doctor(duty: Duty, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What keeps images from a destination, step by step."""
    from appliance.desk.doctor.consult import consult  # noqa: PLC0415 - few boxes ever need it

    return consult(request, duty.settings.get(), duty.clock, duty.journal)


def _certificate(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a peer shows at an address that somebody is just entering."""
    from appliance.dicom.handshake import shown  # noqa: PLC0415 - OpenSSL only where it is wanted

    return shown(Target(request["host"], int(request["port"]), "", "", tls_of(request))).document()


def _reckon(duty: Duty, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the PACSs show of one day, asked now and noted."""
    settings = duty.settings.get()
    with duty.journal() as journal:
        for account in accounts(date.fromisoformat(request["day"]), settings, journal):
            reckon(account, settings, journal, duty.clock)
    return {}


def _explain(duty: Duty, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What today's rules say of an item, for the page, which may not read the bytes."""
    with duty.journal() as journal:
        return explain.today(journal, duty.settings.get(), int(request["item"]))


def _worklist(duty: Duty, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a worklist that somebody is just entering says of these days, in numbers only."""
    given = {key: value for key, value in request.items() if key not in {"op", "tls"}}
    entry = Worklist(**given, tls=tls_of(request))
    told = ask_about_now(entry, duty.settings.get(), duty.clock)
    return {
        "orders": len(told.orders),
        "undated": told.undated,
        "unreadable": told.unreadable,
    }


if __name__ == "__main__":
    main(work, "deliver")
