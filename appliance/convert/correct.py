"""Owns what becomes of the text values of one data set: by which rules, in which letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag

from appliance.convert.charset import understood
from appliance.convert.values import corrected
from appliance.errors import UnencodableName
from appliance.letters import CHARSET, TEXT_VRS, is_plain
from appliance.revise import padded
from appliance.settings.repairs import Rule

if TYPE_CHECKING:
    from collections.abc import Container

    from appliance.convert.repair import Repairs
    from appliance.convert.source import Source
    from appliance.revise import Leaf

UNICODE = "ISO_IR 192"

_TELLING = frozenset({Rule.DATE, Rule.TIME, Rule.IMAGE_TYPE})  # whose old value is worth keeping
_WHOSE = frozenset({"PatientName", "PatientID"})  # whose old bytes are


class Corrections:
    """Asked for each value (revise.Change); with `recode` all text becomes ISO_IR 192."""

    def __init__(
        self, source: Source, repairs: Repairs, wanted: Container[int], *, recode: bool
    ) -> None:
        """`said` gathers `wanted` top-level values as they will be.

        `is_foreign` says that some are in the letters of another character set than they declare.
        """
        self._source = source
        self._repairs = repairs
        self._wanted = wanted
        self._recode = recode
        self.said: dict[int, bytes] = {CHARSET: UNICODE.encode()} if recode else {}
        self.is_foreign = False

    def text(self, leaf: Leaf) -> bytes:
        """The value as it should be. Raises NotRepaired, UnencodableName."""
        value = leaf.value
        if leaf.tag == CHARSET and self._recode:
            value = UNICODE.encode()
        elif leaf.vr in TEXT_VRS and not is_plain(value):
            value = self._letters(leaf)
        value, rules = corrected(leaf.tag, leaf.vr, value)
        for rule in rules:
            self._repairs.add(rule, _detail(rule, leaf))
        if not leaf.is_nested and leaf.tag in self._wanted:
            self.said[leaf.tag] = value
        return value

    def odd(self, tag: int) -> bool:
        """A byte is added. Raises NotRepaired."""
        self._repairs.add(Rule.ODD_LENGTH, _name(tag))
        return True

    def _letters(self, leaf: Leaf) -> bytes:
        if not (assumed := self._source.profile.charset):
            return leaf.value
        content = leaf.value.rstrip(b"\0 ")
        try:
            text, is_assumed = understood(content, leaf.charset, leaf.vr, assumed)
        except ValueError as error:
            if not self._recode:
                return leaf.value
            what, why = _name(leaf.tag), str(error)
            raise UnencodableName(what=what, name=self._source.name, why=why) from error
        if not self._recode:
            self.is_foreign = self.is_foreign or is_assumed
            return leaf.value
        if is_assumed:
            self._note(leaf, content, assumed)
        return padded(leaf.vr, text.encode())

    def _note(self, leaf: Leaf, content: bytes, assumed: str) -> None:
        declared = leaf.charset or "nothing"
        self._repairs.add(Rule.CHARSET, f"it declares {declared} and is {assumed}")
        if (name := _name(leaf.tag)) in _WHOSE:
            self._repairs.add(Rule.CHARSET, f"{name} was {content.hex(' ')}")


def _detail(rule: Rule, leaf: Leaf) -> str:
    name, before = _name(leaf.tag), leaf.value.decode("latin-1").strip("\0 ")
    return f"{name} was {before}" if rule in _TELLING else name


def _name(tag: int) -> str:
    return keyword_for_tag(tag) or f"({tag >> 16:04x},{tag & 0xFFFF:04x})"
