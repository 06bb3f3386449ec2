"""Owns the letters that a destination gets: a value fits its character set, or is held."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from anyascii import anyascii
from pydicom.datadict import dictionary_VR, tag_for_keyword

from appliance.errors import CannotSay
from appliance.letters import TEXT_VRS
from appliance.route.encode import UNICODE, can_say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.settings.schema import Destination

_MEANS_SOMETHING = frozenset("^=\\?")  # to DICOM; and the mark of what nobody could read
_MARKS = frozenset({"Mn", "Cf"})  # accents and joiners that stand behind their letter


@dataclass(frozen=True, slots=True)
class Lettering:
    """One character set, and whether what is beyond it may be said in plain letters."""

    charset: str
    destination: str
    transliterate: bool = False

    def fitted(self, keyword: str, vr: str, text: str) -> str:
        """The text as it can be said. Raises CannotSay."""
        if can_say(self.charset, text):
            return text
        if not self.transliterate:
            raise self._refusal(keyword, text, f"{self.charset} has no such letters")
        return self._name(keyword, text) if vr == "PN" else self._plain(keyword, text)

    def _name(self, keyword: str, text: str) -> str:
        """Where a name is there in letters (PS3.5 6.2.1.1), its other spellings may go."""
        first, *others = text.split("=")
        kept = [other if can_say(self.charset, other) else "" for other in others]
        if not first.strip("^ ") and kept != others:
            raise self._refusal(keyword, text, "it is there in no other letters")
        return "=".join([self._plain(keyword, first), *kept]).rstrip("=")

    def _plain(self, keyword: str, text: str) -> str:
        return "".join(
            each if can_say(self.charset, each) else self._spelt(keyword, text, each)
            for each in unicodedata.normalize("NFC", text)
        )

    def _spelt(self, keyword: str, text: str, letter: str) -> str:
        if unicodedata.category(letter) in _MARKS:
            return ""
        spelt = anyascii(letter)
        if unicodedata.name(letter, "").startswith("CJK"):
            # One character is read in many ways, and which one is right only its bearer knows.
            raise self._refusal(keyword, text, f"how {letter} is read cannot be known")
        if not spelt or _MEANS_SOMETHING & set(spelt) or not spelt.isprintable():
            raise self._refusal(keyword, text, f"there are no plain letters for {letter!r}")
        return spelt

    def _refusal(self, keyword: str, text: str, why: str) -> CannotSay:
        return CannotSay(keyword=keyword, value=text, destination=self.destination, why=why)


def for_new(values: Mapping[str, object], destination: Destination) -> Lettering:
    """The letters of an object that is made here: ASCII where that will do (PS3.5 6.1.1)."""
    charset = "" if is_plain(values) else destination.charset or UNICODE
    return Lettering(charset, destination.name, destination.transliterate)


def is_plain(values: Mapping[str, object]) -> bool:
    """Whether nothing has to be declared."""
    return all(can_say("", text) for text in texts(values))


def fitted(values: Mapping[str, object], lettering: Lettering) -> dict[str, object]:
    """All texts as they can be said, those in sequences too. Raises CannotSay."""
    return {keyword: _fitted(keyword, value, lettering) for keyword, value in values.items()}


def texts(values: Mapping[str, object]) -> Iterator[str]:
    """Each text that a character set rules."""
    for keyword, value in values.items():
        vr = _vr(keyword)
        if vr == "SQ" and isinstance(value, list | tuple):
            for item in value:
                yield from texts(item)
        elif vr in TEXT_VRS and isinstance(value, str):
            yield value


def _fitted(keyword: str, value: object, lettering: Lettering) -> object:
    vr = _vr(keyword)
    if vr == "SQ" and isinstance(value, list | tuple):
        return [fitted(item, lettering) for item in value]
    if vr in TEXT_VRS and isinstance(value, str):
        return lettering.fitted(keyword, vr, value)
    return value


@lru_cache(maxsize=1024)
def _vr(keyword: str) -> str:
    return dictionary_VR(keyword) if tag_for_keyword(keyword) else ""
