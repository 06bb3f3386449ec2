"""Owns the C-FIND that asks a peer whether it has certain instances (PS3.4 C.4.1, Study Root)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance import elements, peek
from appliance.dicom import dimse
from appliance.errors import ContextRefused, FindFailed, FindUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.dicom.association import Link
    from appliance.model import Instance

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
CONTEXTS = ((STUDY_ROOT_FIND, elements.IMPLICIT_LE),)
"""What a link must be opened with."""

_SOP_INSTANCE_UID, _LEVEL = 0x00080018, 0x00080052
_STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
_SOP_CLASS_NOT_SUPPORTED = 0x0122


def find(link: Link, instances: Iterable[Instance]) -> frozenset[str]:
    """The SOP Instance UIDs, among those of the instances, that the peer says it has.

    One query for each: lists of UIDs are not understood everywhere. Raises FindUnsupported where
    the peer cannot be asked, FindFailed where it could not answer this time.
    """
    return frozenset(each.sop_instance_uid for each in instances if _has(link, each))


def find_elsewhere(link: Link, instances: Iterable[Instance]) -> frozenset[str]:
    """The same, in whatever study: the peer may have coerced that UID (PS3.4 B.4.1.3).

    Not every peer can be asked so (PS3.4 C.4.1.2.2: a relational query); one that cannot shows
    nothing.
    """
    found = set[str]()
    with suppress(FindFailed, FindUnsupported):
        for each in instances:
            if _has(link, replace(each, study_instance_uid="", series_instance_uid="")):
                found.add(each.sop_instance_uid)
    return frozenset(found)


def _has(link: Link, instance: Instance) -> bool:
    # All three UIDs: some peers refuse to look below the IMAGE level's parents without them.
    keys = dimse.encoded(
        {
            _SOP_INSTANCE_UID: dimse.uid(instance.sop_instance_uid),
            _LEVEL: b"IMAGE ",
            _STUDY_INSTANCE_UID: dimse.uid(instance.study_instance_uid),
            _SERIES_INSTANCE_UID: dimse.uid(instance.series_instance_uid),
        }
    )
    found = False
    try:
        for answer in link.ask(dimse.Command.C_FIND, STUDY_ROOT_FIND, keys):
            if answer.status in dimse.PENDING:
                found = found or _names(answer.data, instance.sop_instance_uid)
            elif answer.status == _SOP_CLASS_NOT_SUPPORTED:
                raise FindUnsupported(peer=link.target, why=answer.words)
            elif answer.status != dimse.SUCCESS:
                raise FindFailed(peer=link.target, why=answer.words)
    except ContextRefused as refused:
        raise FindUnsupported(peer=link.target, why="it does not offer queries") from refused
    return found


def _names(data: bytes, uid: str) -> bool:
    """Whether a match is the instance itself: some peers ignore keys and answer everything."""
    content = peek.within(data)
    try:
        for element in elements.walk(content, 0, elements.coding_of(elements.IMPLICIT_LE)):
            if element.tag >= _SOP_INSTANCE_UID:
                value = data[element.value : element.end].decode("latin-1").strip("\0 ")
                return element.tag == _SOP_INSTANCE_UID and value == uid
    except (peek.EndsEarly, peek.Garbled):
        pass
    return False
