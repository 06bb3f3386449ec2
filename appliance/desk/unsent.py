"""Owns what a box holds that no PACS has: images that are not over, files nobody has taken yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.intake.accept import fingerprint, shown_name
from appliance.model import Arrival, ItemState
from appliance.sources.untaken import files_below, fly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from appliance.journal.journal import Journal
    from appliance.journal.session import Paths

STATES: Mapping[str, str] = {
    ItemState.ARRIVED: "not yet read",
    ItemState.CONVERTED: "not yet identified",
    ItemState.IDENTIFIED: "not yet on the way to a PACS",
    ItemState.ROUTED: "not yet confirmed by every PACS",
    ItemState.HELD: "held for a person",
    ItemState.QUARANTINED: "set aside because they cannot be used",
}
"""All but `done` (every PACS has it) and `ignored` (a rule or a person said so)."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Unsent:
    """How much of it there is."""

    items: Mapping[str, int]
    """How many images stand at each of STATES."""
    files: int = 0
    """How many files lie in the shares of the box and were never taken."""
    lines: int = 0
    """How many files came over its serial lines and were not taken in yet."""
    drives: int = 0
    """On how many drives that the box poses as something may be that was never taken."""
    lacking: int = 0
    """How many stored files its spare lacks, because the card did not give them back."""
    unknown: int = 0
    """How many stored files no row of the journal names."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.items) or any(
            (self.files, self.lines, self.drives, self.lacking, self.unknown)
        )

    @property
    def sentence(self) -> str:
        """What, and how many of it."""
        parts = []
        if total := sum(self.items.values()):
            each = ", ".join(f"{n} {STATES[state]}" for state, n in self.items.items())
            parts.append(f"{_counted(total, 'image')} ({each})")
        if self.files:
            parts.append(f"{_counted(self.files, 'file')} in its network shares")
        if self.lines:
            parts.append(f"{_counted(self.lines, 'file')} that came over a serial line")
        if self.drives:
            parts.append("what the modality wrote last on the drive that the box poses as")
        if self.lacking:
            parts.append(
                f"{_counted(self.lacking, 'file')} that the card did not give to its spare"
            )
        if self.unknown:
            parts.append(f"{_counted(self.unknown, 'file')} on the card without a record")
        return " and ".join(parts)


def unsent(journal: Journal) -> Unsent:
    """What the box of that journal holds, but for its drives, which are for root to look at."""
    counts = journal.ledger.item_counts()
    return Unsent(
        {state: counts[state] for state in STATES if counts.get(state)},
        files=sum(1 for _ in not_taken(journal)),
        lines=sum(1 for _ in off_lines(journal.paths)),
        unknown=len(journal.custody.unknown()),
    )


def not_taken(journal: Journal, cannot: Callable[[OSError], None] = fly) -> Iterator[Arrival]:
    """The files in the shares of the box that watch never took, as it would take them."""
    return (each for each in shared(journal.paths, cannot) if not journal.arrivals.knows(each))


def shared(paths: Paths, cannot: Callable[[OSError], None] = fly) -> Iterator[Arrival]:
    """All files in the shares of the box. `cannot` hears of what cannot be read."""
    return _below(paths.shares, cannot)


def off_lines(paths: Paths, cannot: Callable[[OSError], None] = fly) -> Iterator[Arrival]:
    """All files that came over serial lines and were not taken in yet."""
    return _below(paths.serial, cannot)


def spooled(paths: Paths) -> Iterator[Path]:
    """All that was ever taken in and is still there, each named by its SHA-256. OSErrors fly."""
    return (path for path in sorted(paths.spool.glob("??/*")) if _SHA256.fullmatch(path.name))


def _below(place: Path, cannot: Callable[[OSError], None]) -> Iterator[Arrival]:
    folders = sorted(place.iterdir()) if place.is_dir() else []
    for folder in folders:
        if folder.is_dir() and not folder.is_symlink():
            yield from _arrivals(folder, cannot)


def _arrivals(folder: Path, cannot: Callable[[OSError], None]) -> Iterator[Arrival]:
    for path in files_below(folder, cannot):
        try:
            seen = fingerprint(path.lstat())
        except OSError as error:
            cannot(error)
            continue
        name = shown_name(path.relative_to(folder).as_posix())
        yield Arrival(folder.name, name, path, seen)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
