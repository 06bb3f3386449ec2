"""Owns the rules by which DICOM that is not as the standard has it is put right, each by name.

Every rule can be switched off in a profile (`no_repair`); what it would have put right is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import NotRepaired
from appliance.model import Repair
from appliance.settings.repairs import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.convert.source import Source

RULES: Mapping[Rule, str] = {
    Rule.PREAMBLE: "It begins without the 128 bytes that stand before a DICOM file's head.",
    Rule.META_HEADER: "It has no file head (group 0002): its first elements show {details}.",
    Rule.TRANSFER_SYNTAX: "Its file head does not say how it is written: {details}.",
    Rule.DEFLATED: "It was compressed as a whole (deflated), and is unpacked to be put right.",
    Rule.ACR_NEMA: "It is from before DICOM (ACR-NEMA), and is made an image anew: {details}.",
    Rule.CHARSET: "Its text is not of the character set that it declares, and is written in"
    " ISO_IR 192: {details}.",
    Rule.DATE: "Dates are written as DICOM writes them: {details}.",
    Rule.TIME: "Times are written as DICOM writes them: {details}.",
    Rule.IMAGE_TYPE: "The values of ImageType are parted by backslashes: {details}.",
    Rule.PADDING: "Values end in what DICOM fills them up with: {details}.",
    Rule.TOO_LONG: "Fillers that make values longer than DICOM allows are cut off: {details}.",
    Rule.ODD_LENGTH: "Values of an odd length are filled up: {details}.",
    Rule.SHARED_UID: "Study and series have the same UID: the series gets its own.",
    Rule.MISSING_UID: "It has no UID, or no valid one, where it needs one: {details} is derived.",
    Rule.SOP_CLASS: "It does not say what kind of object it is: {details}.",
    Rule.MODALITY: "It does not say its modality: {details}, as the profile says.",
    Rule.IMAGE_PIXEL: "It does not describe its pixels in full; added: {details}.",
}
"""What each rule did, in one sentence; a table for people too (README)."""

_MOST_DETAILS = 6
_LONGEST_DETAIL = 80


class Repairs:
    """What was put right in one file: one sentence for each rule, however often it was needed."""

    def __init__(self, source: Source) -> None:
        """Nothing yet."""
        self._source = source
        self._details: dict[Rule, dict[str, None]] = {}

    def add(self, rule: Rule, detail: str = "") -> None:
        """Something is put right. Raises NotRepaired where the profile does not want that."""
        if rule in self._source.profile.no_repair:
            what = _sentence(rule, [detail])
            raise NotRepaired(name=self._source.name, rule=rule, what=what)
        self._details.setdefault(rule, {})[detail[:_LONGEST_DETAIL]] = None

    def all(self) -> tuple[Repair, ...]:
        """The repairs, in the order of the table."""
        found = self._details
        return tuple(Repair(r, _sentence(r, list(found[r]))) for r in RULES if r in found)


def _sentence(rule: Rule, details: list[str]) -> str:
    shown = ", ".join(details[:_MOST_DETAILS])
    more = len(details) - _MOST_DETAILS
    return RULES[rule].format(details=f"{shown} and {more} more" if more > 0 else shown)
