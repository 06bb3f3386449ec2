"""Owns changing a data set that came: some elements of its head anew, every other byte as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag

from appliance import elements
from appliance.errors import CannotEdit
from appliance.peek import Misfit, within
from appliance.route.encode import UNICODE, can_say, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.elements import Coding, Element

_CHARSET = 0x00080005
_GROUP_LENGTH = 0xFFFF


def edited(
    head: bytes, transfer_syntax_uid: str, changes: Mapping[str, str], destination: str
) -> bytes:
    """`head` (all elements before the pixels) with `changes`; itself where it says so already.

    Raises CannotEdit and BadValue.
    """
    if transfer_syntax_uid == elements.DEFLATED_LE:
        raise CannotEdit(destination=destination, why="it is compressed as a whole (deflated)")
    coding = elements.coding_of(transfer_syntax_uid)
    try:
        old = list(elements.walk(within(head), 0, coding))
    except Misfit as error:
        raise CannotEdit(destination=destination, why=error.detail) from error
    kept = {element.tag: head[element.start : element.end] for element in old}
    changed = _changed(kept, _new(head, old, coding, changes))
    if not changed:
        return head
    # Group lengths (retired) would be wrong now, and nobody may miss them (PS3.5 7.2).
    groups = {tag >> 16 for tag in changed}
    stale = {tag for tag in kept if tag >> 16 in groups and not tag & _GROUP_LENGTH}
    result = {tag: kept[tag] for tag in kept.keys() - stale} | changed
    return b"".join(result[tag] for tag in sorted(result))


def _changed(kept: Mapping[int, bytes], new: Mapping[int, bytes]) -> dict[int, bytes]:
    return {tag: content for tag, content in new.items() if kept.get(tag) != content}


def _new(
    head: bytes, old: list[Element], coding: Coding, changes: Mapping[str, str]
) -> dict[int, bytes]:
    """The changed elements, each encoded; a wider character set where nothing was declared."""
    charset = next((_text(head, each) for each in old if each.tag == _CHARSET), "")
    if not charset and not all(can_say("", value) for value in changes.values()):
        # ASCII, the default repertoire, is a part of UTF-8: what stands there stays right.
        charset, changes = UNICODE, {**changes, "SpecificCharacterSet": UNICODE}
    found: dict[int, bytes] = {}
    for keyword, value in changes.items():
        both = encoded({"SpecificCharacterSet": charset, keyword: value}, coding)
        for each in elements.walk(within(both), 0, coding):
            if keyword_for_tag(each.tag) == keyword:
                found[each.tag] = both[each.start : each.end]
    return found


def _text(head: bytes, element: Element) -> str:
    return head[element.value : element.end].decode("latin-1").strip("\0 ")
