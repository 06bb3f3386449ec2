"""Owns agreeing with a peer that calls us: which of its offers are taken, and in which syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance.dicom.commitment import COMMITMENT
from appliance.dicom.echo import VERIFICATION
from appliance.dicom.pdu import Context, Rejection, Result, Roles
from appliance.elements import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.dicom.pdu import Offer

NO_REASON = Rejection(1, 1, 1)
NOT_DICOM = Rejection(1, 1, 2)
CALLING_UNKNOWN = Rejection(1, 1, 3)
CALLED_UNKNOWN = Rejection(1, 1, 7)
TOO_MANY = Rejection(2, 3, 2)

_ACCEPTED, _SOP_CLASS_REFUSED, _SYNTAX_REFUSED = 0, 3, 4

_STANDARD = "1.2.840.10008."
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_STORAGE = frozenset(  # queries of protocols and of inventories, and an instance
    _STORAGE + ending
    for ending in (
        *("200.4", "200.5", "200.6", "201.1.1"),
        *("201.2", "201.3", "201.4", "201.5", "201.6"),
    )
)
_OTHER_STORAGE = frozenset(
    _STANDARD + ending
    for ending in (
        *("5.1.1.27", "5.1.1.29", "5.1.1.30", "5.1.4.34.7", "5.1.4.34.10"),
        *("5.1.4.38.1", "5.1.4.39.1", "5.1.4.43.1", "5.1.4.44.1", "5.1.4.45.1"),
    )
)
_SYNTAXES = "1.2.840.10008.1.2"
_ELSEWHERE = tuple(  # pixels behind a URL or in a stream of their own, data sets as MIME or XML
    _SYNTAXES + ending for ending in (".4.94", ".4.95", ".4.204", ".4.205", ".6.", ".7.")
)
_GE_BIG_PIXELS = "1.2.840.113619.5.2"  # Implicit VR Little Endian, but pixels in the other order
_LAST_CHOICE = frozenset({EXPLICIT_BE, DEFLATED_LE})
PLAIN = frozenset({IMPLICIT_LE, EXPLICIT_LE})
_UID = re.compile(r"[0-9.]{1,64}")


class Visitor(NamedTuple):
    """Who calls, and whom."""

    called: str
    calling: str
    host: str
    over_tls: bool = False

    def __str__(self) -> str:
        """How sentences name it; what an unknown peer calls itself may be anything."""
        return f"{self.calling.encode('unicode_escape').decode()} at {self.host}"


@dataclass(frozen=True, slots=True)
class Taste:
    """What a visitor may send here."""

    sop_class: Callable[[str], bool]
    syntax: Callable[[str], bool]
    asks: bool = True  # may ask us to commit ourselves to what it sent
    reports: bool = False  # may report on what we asked it to commit itself to


def results(offers: tuple[Offer, ...], taste: Taste) -> list[Result]:
    """What is said to each offer, in its order."""
    return [_result(offer, taste) for offer in offers]


def roles(proposed: tuple[Roles, ...], taste: Taste) -> list[Roles]:
    """What is said to the roles a visitor proposes for storage commitment (PS3.7 D.3.3.4).

    Of other SOP classes nothing is said: there the caller is the user, as it is by default.
    """
    return [
        Roles(COMMITMENT, scu=each.scu and taste.asks, scp=each.scp and taste.reports)
        for each in proposed
        if each.sop_class_uid == COMMITMENT
    ]


def agreed(offers: tuple[Offer, ...], said: list[Result]) -> Mapping[int, Context]:
    """The contexts that may be used."""
    return {
        offer.context_id: Context(offer.abstract_syntax, result.transfer_syntax)
        for offer, result in zip(offers, said, strict=True)
        if result.reason == _ACCEPTED
    }


def is_storage(sop_class_uid: str) -> bool:
    """Whether objects of this kind are stored: by the tables of PS3.4 B.5, future ones included.

    Private ones may be; whoever proposes one to a storage service means to store.
    """
    if sop_class_uid.startswith(_STORAGE):
        return sop_class_uid not in _NO_STORAGE
    return sop_class_uid in _OTHER_STORAGE or not sop_class_uid.startswith(_STANDARD)


def is_standard_syntax(transfer_syntax_uid: str) -> bool:
    """Whether it is one of PS3.5 A; private ones are taken where the settings name them."""
    return f"{transfer_syntax_uid}.".startswith(f"{_SYNTAXES}.")


def is_uid(text: str) -> bool:
    """Whether it is made like one; what old devices number wrongly is fine."""
    return _UID.fullmatch(text) is not None


def is_readable(transfer_syntax_uid: str) -> bool:
    """Whether it can be read here and kept whole; otherwise no setting makes it usable."""
    is_strange = transfer_syntax_uid == _GE_BIG_PIXELS
    is_elsewhere = transfer_syntax_uid.startswith(_ELSEWHERE)
    return is_uid(transfer_syntax_uid) and not (is_strange or is_elsewhere)


def _result(offer: Offer, taste: Taste) -> Result:
    if offer.abstract_syntax == VERIFICATION or (
        offer.abstract_syntax == COMMITMENT and (taste.asks or taste.reports)
    ):
        usable = [syntax for syntax in offer.transfer_syntaxes if syntax in PLAIN]
    elif is_uid(offer.abstract_syntax) and taste.sop_class(offer.abstract_syntax):
        readable = filter(is_readable, offer.transfer_syntaxes)
        usable = [syntax for syntax in readable if taste.syntax(syntax)]
    else:
        return Result(offer.context_id, _SOP_CLASS_REFUSED, IMPLICIT_LE)
    if not usable:
        return Result(offer.context_id, _SYNTAX_REFUSED, IMPLICIT_LE)
    return Result(offer.context_id, _ACCEPTED, _chosen(usable))


def _chosen(usable: list[str]) -> str:
    """The sender's order says what it has; but few PACSs take big-endian and deflated ones."""
    return next((syntax for syntax in usable if syntax not in _LAST_CHOICE), usable[0])
