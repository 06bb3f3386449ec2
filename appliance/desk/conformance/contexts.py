"""Owns which presentation contexts this box proposes and accepts, activity by activity."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from appliance.desk.conformance.parts import Table
from appliance.dicom import commitment, find, worklist
from appliance.dicom.acceptor import PLAIN
from appliance.dicom.commitment import COMMITMENT
from appliance.dicom.echo import VERIFICATION
from appliance.dicom.names import name_of
from appliance.dicom.registry import (
    refused_syntaxes,
    registered,
    storage_sop_classes,
    transfer_syntaxes,
)
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.forward.encoding import RLE_LOSSLESS
from appliance.route.iod import CLASSES
from appliance.settings.transfer_syntaxes import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.desk.conformance.parts import Row


class Role(StrEnum):
    """What this box is for a SOP class."""

    SCU = "SCU"
    SCP = "SCP"


@dataclass(frozen=True, slots=True)
class Contexts:
    """The presentation contexts of one activity: every SOP class in any of the syntaxes."""

    activity: str
    sop_classes: tuple[str, ...]
    syntaxes: tuple[str, ...]
    role: Role
    negotiation: str = "none"

    def include(self, sop_class_uid: str, transfer_syntax_uid: str) -> bool:
        """Whether this is one of them."""
        return sop_class_uid in self.sop_classes and transfer_syntax_uid in self.syntaxes


_ROLES_PROPOSED = "SCP/SCU role selection: SCU role 0, SCP role 1"
_ROLES_ANSWERED = (
    "SCP/SCU role selection where it is proposed: a modality that may store here may be SCU; a "
    "PACS that was asked for commitment may be SCP"
)


@cache
def proposed() -> tuple[Contexts, ...]:
    """What this box offers where it calls; one transfer syntax in each context."""
    of = Contexts
    return (
        of("Send images", storage_sop_classes(), transfer_syntaxes(), Role.SCU),
        of("Verify a connection", (VERIFICATION,), (IMPLICIT_LE,), Role.SCU),
        _same("Ask for storage commitment", commitment.CONTEXTS, Role.SCU),
        _same("Report storage commitment", commitment.CONTEXTS, Role.SCP, _ROLES_PROPOSED),
        _same("Look whether images are there", find.CONTEXTS, Role.SCU),
        _same("Query a worklist", worklist.CONTEXTS, Role.SCU),
    )


@cache
def accepted() -> tuple[Contexts, ...]:
    """What this box takes where it is called, unless the settings narrow it."""
    plain = tuple(sorted(PLAIN))
    return (
        Contexts("Receive images", storage_sop_classes(), transfer_syntaxes(), Role.SCP),
        Contexts("Be verified", (VERIFICATION,), plain, Role.SCP),
        Contexts(
            "Be asked for storage commitment", (COMMITMENT,), plain, Role.SCP, _ROLES_ANSWERED
        ),
        Contexts("Hear of storage commitment", (COMMITMENT,), plain, Role.SCU, _ROLES_ANSWERED),
    )


def services() -> Table:
    """The overview of PS3.2: SOP classes, and in which role."""
    rows = [
        ("Transfer: storage SOP classes (table 9-1)", "", "Yes", "Yes"),
        *(_service(uid) for uid in (VERIFICATION, COMMITMENT)),
        *(_service(uid) for uid, _ in (*find.CONTEXTS, *worklist.CONTEXTS)),
    ]
    return Table(
        "Network services", ("SOP class", "UID", "User (SCU)", "Provider (SCP)"), (*rows,)
    )


def of_activity(contexts: Contexts) -> Table:
    """The presentation contexts of one activity."""
    head = ("Abstract syntax", "UID", "Transfer syntaxes", "Role", "Extended negotiation")
    title = f"Presentation contexts: {contexts.activity.lower()}"
    return Table(title, head, (_row(contexts),))


def storage_table() -> Table:
    """Every registered storage SOP class, and whether objects of it are made here."""
    rows = (
        (registered()[uid], uid, "Yes" if uid in CLASSES else "No")
        for uid in storage_sop_classes()
    )
    return Table("Table 9-1: storage SOP classes", ("SOP class", "UID", "Made here"), (*rows,))


def syntax_table() -> Table:
    """Every registered transfer syntax, and what happens in it."""
    head = ("Transfer syntax", "UID", "Received, and sent on as it came", "Sent for made objects")
    rows = [(registered()[uid], uid, "Yes", _made_in(uid)) for uid in transfer_syntaxes()]
    rows += [(registered()[uid], uid, "No", "No") for uid in refused_syntaxes()]
    return Table("Table 9-2: transfer syntaxes of images", head, tuple(rows))


def made_syntaxes() -> tuple[str, ...]:
    """In which an object made here may go out."""
    return (EXPLICIT_LE, IMPLICIT_LE, *KEPT, RLE_LOSSLESS)


def _same(
    activity: str, pairs: Iterable[tuple[str, str]], role: Role, negotiation: str = "none"
) -> Contexts:
    classes, syntaxes = (tuple(dict.fromkeys(column)) for column in zip(*pairs, strict=True))
    return Contexts(activity, classes, syntaxes, role, negotiation)


def _service(uid: str) -> Row:
    users = any(uid in each.sop_classes for each in proposed() if each.role is Role.SCU)
    providers = any(uid in each.sop_classes for each in accepted() if each.role is Role.SCP)
    return name_of(uid), uid, "Yes" if users else "No", "Yes" if providers else "No"


def _row(contexts: Contexts) -> Row:
    if len(contexts.sop_classes) > 1:
        what = ("Storage SOP classes", "table 9-1", "table 9-2")
    else:
        (uid,) = contexts.sop_classes
        syntaxes = "; ".join(f"{name_of(each)} ({each})" for each in contexts.syntaxes)
        what = (name_of(uid), uid, syntaxes)
    return (*what, contexts.role.value, contexts.negotiation)


def _made_in(uid: str) -> str:
    if uid in KEPT:
        return "Yes, where the picture came so"
    if uid == RLE_LOSSLESS:
        return 'With compress = "rle"'
    return "Yes" if uid in made_syntaxes() else "No"
