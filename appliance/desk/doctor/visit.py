"""Owns the order of the doctor's steps, and which of them need which before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from appliance.desk.doctor import hour, image, orders, proof, shield, talk, way
from appliance.desk.doctor.remedies import remedies
from appliance.desk.doctor.report import Report, State, Step
from appliance.desk.doctor.subject import Found, Limits, Visit
from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.clock import Clock
    from appliance.desk.doctor.subject import Subject
    from appliance.journal.journal import Journal


class _Look(NamedTuple):
    """One step: what is expected, who looks, and which steps must have gone well before."""

    title: str
    expected: str
    looks: Callable[[Visit], str | Found]
    needs: tuple[str, ...]


_NOT_LOOKED_AT = Found(
    "not looked at, for what comes before it is not as it must be", State.SKIPPED
)

_CONNECTION = (
    _Look("titles", "both AE titles are such as DICOM knows", way.titles, ()),
    _Look("name", "{host} has an address", way.name, ()),
    _Look("route", "this box has a way to {host}", way.route, ("name",)),
    _Look("connection", "{host} listens on port {port}", way.connection, ("route",)),
    _Look("tls", "both sides agree whether to use TLS", shield.tls, ("connection",)),
    _Look(
        "association",
        "it is called {called} and knows this box as {calling}",
        talk.association,
        ("titles", "connection", "tls"),
    ),
    _Look("echo", "it answers a C-ECHO", talk.answer, ("association",)),
    _Look("contexts", "it takes what this box sends there", talk.contexts, ("association",)),
)
_THOROUGH = (
    _Look("image", "it stores an image", image.image, ("contexts",)),
    _Look("commitment", "it promises to keep images", proof.commitment, ("association",)),
    _Look("find", "it can be asked which images it has", proof.find, ("association",)),
)
_CLOCK = _Look("clock", "this box's clock agrees with others", hour.hour, ("name",))


def examine(
    subject: Subject,
    clock: Clock,
    limits: Limits | None = None,
    journal: Journal | None = None,
    *,
    thorough: bool = True,
) -> Report:
    """Look at everything; not `thorough`: only whether images could be sent."""
    visit = Visit(subject, clock, limits or Limits(), journal)
    steps: dict[str, Step] = {}
    for look in _looks(subject, thorough=thorough):
        steps[look.title] = _step(look, visit, steps)
    return Report(subject.place, tuple(steps.values()), visit.seconds)


def _looks(subject: Subject, *, thorough: bool) -> Iterator[_Look]:
    yield from _CONNECTION
    if thorough:
        yield from _THOROUGH
        for each in subject.worklists:
            expected = _verbatim(f"{each.ae_title} at {each.host} tells this box of exams")
            looks = partial(orders.worklist, entry=each)
            yield _Look(f"worklist {each.name}", expected, looks, ())
        yield _CLOCK


def _step(look: _Look, visit: Visit, before: dict[str, Step]) -> Step:
    expected = look.expected.format(**visit.facts)
    if any(before[need].state in {State.FAILED, State.SKIPPED} for need in look.needs):
        return Step(look.title, expected, *_NOT_LOOKED_AT)
    return Step(look.title, expected, *_found(look, visit))


def _verbatim(text: str) -> str:
    """A text that is not to be filled in: an AE title may have braces."""
    return text.replace("{", "{{").replace("}", "}}")


def _found(look: _Look, visit: Visit) -> Found:
    try:
        found = look.looks(visit)
    except Problem as problem:
        entries = remedies(problem.code, visit.facts)
        return Found(problem.sentence, State.FAILED, problem.hint, problem.code, entries)
    return found if isinstance(found, Found) else Found(found)
