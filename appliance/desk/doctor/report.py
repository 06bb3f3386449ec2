"""Owns what the doctor says: steps, each with expected, found, and what to type where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """How one step went."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"  # it was looked at, and cannot be known
    SKIPPED = "skipped"  # an earlier step kept it from being looked at, or it was not asked for


class Place(NamedTuple):
    """An address of DICOM, and the name this box gives there."""

    host: str
    port: int
    ae_title: str
    calling_ae_title: str


class Entry(NamedTuple):
    """What to type where: `key` in backticks is one of our settings."""

    where: str
    key: str
    value: str


class Step(NamedTuple):
    """One thing that must be so."""

    title: str
    expected: str
    found: str
    state: State
    hint: str = ""
    code: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def ok(self) -> bool | None:
        """Whether it is so; None where that is not known."""
        return {State.OK: True, State.FAILED: False}.get(self.state)

    def document(self) -> dict[str, object]:
        """For scripts."""
        entries = [entry._asdict() for entry in self.entries]
        return {**self._asdict(), "ok": self.ok, "entries": entries}


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    place: Place
    steps: tuple[Step, ...]
    seconds: float | None = None  # from the call to the answer of the echo

    @property
    def ok(self) -> bool:
        """Whether nothing was found that keeps images from going there."""
        return self.failed is None

    @property
    def failed(self) -> Step | None:
        """The first step that is not as it must be: the others may follow from it."""
        return next((step for step in self.steps if step.state is State.FAILED), None)

    def step(self, title: str) -> Step:
        """One step by its title."""
        return next(step for step in self.steps if step.title == title)

    def document(self) -> dict[str, object]:
        """The result of `jembatan doctor --json`."""
        failed = self.failed
        return {
            "ok": self.ok,
            **self.place._asdict(),
            "seconds": self.seconds,
            "code": failed.code if failed else "",
            "sentence": failed.found if failed else "It answers and knows us.",
            "hint": failed.hint if failed else "",
            "steps": [step.document() for step in self.steps],
        }


def read(document: Mapping[str, Any]) -> Report:
    """A report as it travels between processes."""
    place = Place(*(document[field] for field in Place._fields))
    return Report(place, tuple(map(_step, document["steps"])), document["seconds"])


def _step(told: Mapping[str, Any]) -> Step:
    entries = tuple(Entry(**entry) for entry in told["entries"])
    plain = {key: told[key] for key in ("title", "expected", "found", "hint", "code")}
    return Step(**plain, state=State(told["state"]), entries=entries)
