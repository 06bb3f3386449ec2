"""Owns what was said about one part of the network: keys, their values, what is wrong. Pure.

The same keys are lines of jembatan.txt, fields of the page and words of `jembatan network set`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from appliance.box import textfile
from appliance.box.values import NONE, Wrong

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from appliance.box.textfile import Line

T = TypeVar("T")

Files = Callable[[str, str], bytes]
"""The content of a file that was named: the folder it is kept in, its name. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something was not taken over, and what to write instead."""

    line: int  # of jembatan.txt; 0: the whole of it
    key: str
    what: str
    write: str = ""

    def __str__(self) -> str:
        """As it is told."""
        where = f"line {self.line}: " if self.line else ""
        instead = f"; write: {self.write}" if self.write else ""
        return f"{where}{self.what}{instead}"


class Said:
    """The lines of one group of keys, and what is found wrong with them."""

    def __init__(
        self,
        lines: Mapping[str, Sequence[Line]],
        files: Files,
        groups: Container[str] = (),
    ) -> None:
        """Of `lines` by key; `groups` are all of which something was said."""
        self._lines = lines
        self._groups = groups
        self._files = files
        self.faults: list[Fault] = []
        self.files: dict[str, bytes] = {}
        """What was named and found, by its place below the box's own folder."""
        self.private: list[str] = []
        """Names of the files that nobody else should see."""
        self.secrets: list[tuple[int, int]] = []
        """Where passwords stand in the file."""

    def goes_with(self, group: str) -> bool:
        """Whether something was said of that group too."""
        return group in self._groups

    def has(self, *keys: str) -> bool:
        """Whether anything was said of any of them."""
        return any(self._lines.get(key) for key in keys)

    def one(self, key: str, read: Callable[[str], T], default: T) -> T:
        """The value of a key that is said once; what is wrong with it is a fault."""
        found = self._lines.get(key, ())
        for more in found[1:]:
            self._fault(more, f"{key} was said on line {found[0].number} already", "")
        return self._read(found[0], read, default, textfile.word) if found else default

    def every(self, key: str, read: Callable[[str], T]) -> tuple[T, ...]:
        """The values of a key that may be said several times."""
        values = [self._read(line, read, None, textfile.word) for line in self._lines.get(key, ())]
        return tuple(value for value in values if value is not None)

    def text(self, key: str) -> str:
        """The value of a key as it stands there."""
        return self.one(key, str, "")

    def secret(self, key: str, read: Callable[[str], str], before: str) -> str:
        """A password; stars stand for the one that was taken over before."""
        for line in self._lines.get(key, ()):
            if textfile.is_blanked(line.value or ""):
                return before or self._lost(line)
            self.secrets.append(line.span)
            return self._read(line, read, "", textfile.secret)
        return ""

    def is_off(self, key: str) -> bool:
        """Whether there shall be none of that."""
        return self.text(key).lower() in NONE

    def file(self, key: str, folder: str, check: Callable[[bytes], bytes]) -> str:
        """The name of a file that a key names, whose content passes a check; "" where none."""
        return next(iter(self.every_file(key, folder, check)), "")

    def every_file(
        self, key: str, folder: str, check: Callable[[bytes], bytes]
    ) -> tuple[str, ...]:
        """The same of a key that may name several."""
        from appliance.box.values import file_name  # noqa: PLC0415 - not every box needs it

        def found(text: str) -> str:
            name = file_name(text)
            self.files[f"{folder}/{name}"] = check(self._content(folder, name))
            return name

        return self.every(key, found)

    def wrong(self, key: str, what: str, write: str = "") -> None:
        """Something is wrong with a key, or with what it goes with."""
        found = self._lines.get(key) or next(iter(self._lines.values()), ())
        number = found[0].number if found else 0
        self.faults.append(Fault(number, key, what, write and f"{key} = {write}"))

    def _content(self, folder: str, name: str) -> bytes:
        try:
            return self._files(folder, name)
        except OSError:
            why = f"there is no file {name} beside jembatan.txt"
            raise Wrong(why) from None

    def _lost(self, line: Line) -> str:
        what = f"{line.key} was taken over earlier, and this box does not have it any more"
        self._fault(line, what, "(once more)")
        return ""

    def _read(
        self, line: Line, read: Callable[[str], T], default: T, tidy: Callable[[str], str]
    ) -> T:
        value = tidy(line.value or "")
        if not value:
            self._fault(line, f"nothing stands behind {line.key}: fill it in or remove the line")
            return default
        try:
            return read(value)
        except Wrong as wrong:
            self._fault(line, wrong.why, wrong.write)
            return default

    def _fault(self, line: Line, what: str, write: str = "") -> None:
        fault = Fault(line.number, line.key, what, write and f"{line.key} = {write}")
        if fault not in self.faults:
            self.faults.append(fault)
