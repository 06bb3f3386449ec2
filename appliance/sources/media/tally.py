"""Owns what is said about a volume: how many files of which kind, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.sources.media.volume import Fate, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.sources.media.dicomdir import Missing
    from appliance.sources.media.volume import Outcome


@dataclass(slots=True)
class Tally:
    """The files of one volume; `total` is None until they were counted.

    `met` are those that the walk came to; `unread` those that could not be read (yet), and why.
    """

    total: int | None = None
    met: int = 0
    taken: int = 0
    known: int = 0
    broken: int = 0
    giants: int = 0
    left: int = 0
    missing: int = 0
    example: str = ""
    unread: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """How many files were read to their end, or need not be."""
        return self.taken + self.known + self.left + self.giants

    def add(self, name: str, outcome: Outcome) -> None:
        """Count what became of a file."""
        self.unread.pop(name, None)
        kind = outcome.judgement.kind
        if outcome.fate is Fate.LEFT:
            self.giants += kind in _BROKEN
            self.left += kind not in _BROKEN
            return
        self.broken += kind in _BROKEN
        self.taken += outcome.fate is Fate.TAKEN
        self.known += outcome.fate is Fate.KNOWN

    @property
    def gone(self) -> int:
        """How many were counted and then not met: a folder that was pulled can look empty."""
        return max(0, (self.total or 0) - self.met)

    def add_missing(self, lost: Missing) -> None:
        """Count what a DICOMDIR names and is not there."""
        self.missing += lost.number
        self.example = self.example or lost.example

    def progress(self) -> str:
        """How far it is, in words."""
        if self.total is None:
            return "its files are still being counted"
        total = max(self.total, self.done)
        return f"{self.done} of {total} files were read, {self.taken} of them new"

    def findings(self, strange: int) -> str:
        """What was found, in words; `strange` things are neither files nor folders."""
        found = (
            (self.taken, "new"),
            (self.known, "here before"),
            (self.broken, "of these cut off or broken"),
            (self.left, "no export, left on it"),
            (strange, "no files but links or devices, left alone"),
        )
        said = [f"{count} {words}" for count, words in found if count]
        return ", ".join(said) or "there is nothing on it"

    def gaps(self, unlisted: Mapping[str, str]) -> list[str]:
        """What is not here and should be, in words; `unlisted` folders and why."""
        return [
            *_several(self.unread, "file(s) could not be read"),
            *_several(unlisted, "folder(s) were not read to the end"),
            *([f"{self.gone} file(s) were there and are not any more"] if self.gone else []),
            *([f"{self.giants} broken file(s) are too large to be kept"] if self.giants else []),
            *(
                [f"{self.missing} file(s) named by its DICOMDIR are missing ({self.example})"]
                if self.missing
                else []
            ),
        ]


_BROKEN = {Kind.BROKEN, Kind.UNFINISHED}


def _several(named: Mapping[str, str], what: str) -> list[str]:
    if not named:
        return []
    name, why = next(iter(named.items()))
    return [f"{len(named)} {what} ({name}: {why})"]
