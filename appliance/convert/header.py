"""Owns what the header of a data set says in words: evidence, or held where it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from appliance.convert.charset import understood
from appliance.convert.claims import claims
from appliance.errors import UnencodableName
from appliance.letters import CHARSET, TEXT_VRS
from appliance.model import Origin
from appliance.settings.keywords import TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.convert.source import Source
    from appliance.model import Claim

TAGS = frozenset(filter(None, map(tag_for_keyword, TEXTS))) | {CHARSET}
"""What of a data set is evidence."""

_MUST_BE_READ = frozenset({"PatientName", "PatientID", "IssuerOfPatientID", "AccessionNumber"})
_MAX_VALUE_BYTES = 1 << 14


def evidence(source: Source, values: Mapping[int, bytes]) -> tuple[list[Claim], list[str]]:
    """Claims of values by tag, and notes on what could not be used. Raises UnencodableName."""
    declared = values.get(CHARSET, b"").decode("latin-1").strip("\0 ")
    said: dict[str, str] = {}
    unread: list[str] = []
    for tag, content in values.items():
        keyword = keyword_for_tag(tag)
        if keyword not in TEXTS or len(content) > _MAX_VALUE_BYTES:
            continue
        try:
            said[keyword] = _text(source, keyword, content.strip(b"\0 "), declared)
        except ValueError as error:
            if keyword in _MUST_BE_READ:
                why = f"its letters are not of {declared or 'ASCII, and no other set is declared'}"
                raise UnencodableName(what=keyword, name=source.name, why=why) from error
            unread.append(f"The header's {keyword} cannot be read in its character set.")
    found, notes = claims(Origin.HEADER, said)
    return found, [*notes, *unread]


def _text(source: Source, keyword: str, content: bytes, declared: str) -> str:
    vr = dictionary_VR(keyword)
    if vr not in TEXT_VRS:
        return content.decode("ascii")
    text, _ = understood(content, declared, vr, source.profile.charset)
    return text
