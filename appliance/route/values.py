"""Owns what the rules may ask of one object: what is said of it, whose it is, whence and when.

Only what a rule asks for and nobody has said otherwise is looked up in the data set itself.
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR, tag_for_keyword

from appliance import elements, letters
from appliance.errors import NoRoute
from appliance.letters import CHARSET
from appliance.model import BodyKind
from appliance.peek import Misfit, within
from appliance.route import tags
from appliance.route.content import read_slice
from appliance.settings.conditions import TIME, WEEKDAY, WEEKDAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.model import Body
    from appliance.route.case import Case
    from appliance.settings.schema import Settings

_LONGEST_HEAD_BYTES = 64 << 20
_LONGEST_VALUE_BYTES = 1 << 14

_WHEN_UNKNOWN = (
    "its routes go by when it came, and the clock of this box was not known to be right then"
)

_NUMBERS: Mapping[str, str] = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d",
}  # fmt: skip
"""Binary value representations, and the form of one number of each (PS3.5 6.2)."""


def asked_for(settings: Settings) -> frozenset[str]:
    """The keywords that any route looks at."""
    return frozenset(keyword for route in settings.routes for keyword in route.when)


def values(body: Body, case: Case, wanted: Iterable[str]) -> dict[str, str]:
    """Values by DICOM keyword, source, time and weekday, of an object as its item came.

    What was decided of the patient stands above what the device said, the profile's edits above
    both. Raises NoRoute where when it came is wanted and not known; OSErrors fly.
    """
    claimed = {c.keyword: c.value for c in reversed(case.evidence.claims) if c.value}
    own = {k: str(v) for k, v in body.attributes.items() if isinstance(v, str | int | float)}
    said = {**claimed, **own, **case.identity.values}
    if case.identity.priority:
        said["RequestedProcedurePriority"] = case.identity.priority
    missing = frozenset(wanted) - said.keys() - {"source", TIME, WEEKDAY}
    if missing and body.kind is BodyKind.DATASET:
        said = {**_looked_up(body, missing), **said}
    return {**said, **tags.changes(said, case.profile), **_of_arrival(case, wanted)}


def _of_arrival(case: Case, wanted: Iterable[str]) -> dict[str, str]:
    """Whence and when it came, by the clock on the wall where the box stands.

    Raises NoRoute.
    """
    if case.unsure:
        if {TIME, WEEKDAY} & set(wanted):
            raise NoRoute(why=_WHEN_UNKNOWN)
        return {"source": case.source}
    came = case.arrived_at
    return {"source": case.source, TIME: f"{came:%H:%M}", WEEKDAY: WEEKDAYS[came.weekday()]}


def _looked_up(body: Body, wanted: Iterable[str]) -> dict[str, str]:
    """What the head of a data set says; nothing where it cannot be walked through."""
    head, *_ = body.slices
    if head.length > _LONGEST_HEAD_BYTES or body.transfer_syntax_uid == elements.DEFLATED_LE:
        return {}
    keywords = {tag: keyword for keyword in wanted if (tag := tag_for_keyword(keyword))}
    try:
        return _found(read_slice(head), elements.coding_of(body.transfer_syntax_uid), keywords)
    except Misfit:
        return {}


def _found(head: bytes, coding: elements.Coding, keywords: Mapping[int, str]) -> dict[str, str]:
    charset, found = "", {}
    for each in elements.walk(within(head), 0, coding):
        content = head[each.value : min(each.end, each.value + _LONGEST_VALUE_BYTES)]
        if each.tag == CHARSET:
            charset = content.decode("latin-1").strip("\0 ")
        if keyword := keywords.get(each.tag):
            found[keyword] = _text(content, dictionary_VR(each.tag), charset, coding)
    return found


def _text(content: bytes, vr: str, charset: str, coding: elements.Coding) -> str:
    """A value as text; numbers and texts of several values with a backslash between them."""
    if form := _NUMBERS.get(vr.split(" or ", maxsplit=1)[0]):
        whole = content[: len(content) - len(content) % struct.calcsize(form)]
        numbers = struct.iter_unpack(coding.order + form, whole)
        return "\\".join(map(_number, itertools.chain.from_iterable(numbers)))
    try:
        return letters.decoded(content.strip(b"\0 "), charset, vr)
    except ValueError:
        return ""


def _number(number: int | float) -> str:
    return f"{number:.10g}" if isinstance(number, float) else str(number)
