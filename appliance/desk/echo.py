"""Owns the doctor: asks a PACS whether it is there and knows us, and says at which step it is not.

In this version the steps are those of one C-ECHO; which of them failed is told by the Problem.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance.call import ask
from appliance.errors import Declined, NobodyAnswers, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.settings.schema import Destination, Settings

_DELIVER_S = 60.0


class Place(NamedTuple):
    """An address of DICOM, and the name this box gives there."""

    host: str
    port: int
    ae_title: str
    calling_ae_title: str


class Step(NamedTuple):
    """One thing that must be so; `ok` None where an earlier step kept it from being looked at."""

    title: str
    expected: str
    found: str
    ok: bool | None
    hint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it; `problem` None is a PACS that is there and knows us."""

    place: Place
    seconds: float | None
    problem: Problem | None

    @property
    def ok(self) -> bool:
        """Whether images could be sent there."""
        return self.problem is None

    @property
    def steps(self) -> tuple[Step, ...]:
        """How far it went."""
        code = self.problem.code if self.problem else ""
        failed = _FAILS_AT.get(code, _ASSOCIATION) if self.problem else len(_STEPS)
        return tuple(self._step(number, failed) for number in range(len(_STEPS)))

    def document(self) -> dict[str, object]:
        """The result of `jembatan doctor --json`."""
        return {
            "ok": self.ok,
            **self.place._asdict(),
            "seconds": self.seconds,
            "code": self.problem.code if self.problem else "",
            "sentence": self.problem.sentence if self.problem else "It answers and knows us.",
            "hint": self.problem.hint if self.problem else "",
            "steps": [step._asdict() for step in self.steps],
        }

    def _step(self, number: int, failed: int) -> Step:
        title, expected = _STEPS[number]
        expected = expected.format(**self.place._asdict())
        if number == failed and self.problem:
            return Step(title, expected, self.problem.sentence, False, self.problem.hint)
        if number > failed:
            return Step(title, expected, "not looked at", None, "")
        return Step(title, expected, "as expected", True, "")


_STEPS = (
    ("name", "{host} has an address on this network"),
    ("connection", "{host} listens on port {port}"),
    ("association", "it is called {ae_title} and knows this box as {calling_ae_title}"),
    ("echo", "it answers a C-ECHO"),
)
_ASSOCIATION = 2
_FAILS_AT = {
    "host-unknown": 0,
    "host-silent": 1,
    "port-closed": 1,
    "rejected-by-destination": 3,
    "echo-failed": 3,
}


def place_of(destination: Destination, settings: Settings) -> Place:
    """Where a destination of the settings is."""
    calling = destination.calling_ae_title or settings.box.ae_title
    return Place(destination.host, destination.port, destination.ae_title, calling)


def place_at(text: str, calling: str) -> Place:
    """Where AET@HOST:PORT is. Raises Refused."""
    from appliance.desk.send import target_of  # noqa: PLC0415 - the page has no use for it

    target = target_of(text, calling)
    return Place(target.host, target.port, target.called, target.calling)


def ask_deliver(run_dir: Path, place: Place) -> Answer:
    """Have the service that sends images ask. Raises NobodyAnswers where it does not run."""
    request = {"op": "echo", **place._asdict()}
    try:
        answer = ask(run_dir / "deliver.sock", request, _DELIVER_S)
    except Declined as problem:
        return Answer(place, None, problem)
    return Answer(place, _seconds(answer), None)


def ask_here(place: Place, clock: Clock) -> Answer:
    """Ask from this process."""
    from appliance.dicom.association import Target  # noqa: PLC0415 - the page has no use for it
    from appliance.dicom.echo import echo  # noqa: PLC0415

    host, port, called, calling = place
    try:
        return Answer(place, echo(Target(host, port, called, calling), clock), None)
    except Problem as problem:
        return Answer(place, None, problem)


def ask_somehow(run_dir: Path, place: Place, clock: Clock) -> Answer:
    """By the service where it runs, for that is who must get through; else from here."""
    with suppress(NobodyAnswers):
        return ask_deliver(run_dir, place)
    return ask_here(place, clock)


def _seconds(answer: Mapping[str, object]) -> float:
    return float(str(answer["seconds"]))
