"""Owns the association policies (number, sizes, patience), read off the code's own limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from appliance.desk.conformance.parts import Table
from appliance.dicom import acceptor, echo, listener, pdu, provider, worklist
from appliance.dicom.association import REJECTIONS, Patience
from appliance.dicom.inbound import MAX_LENGTH
from appliance.dicom.pdu import IMPLEMENTATION_VERSION_NAME, MAX_CONTEXTS
from appliance.errors import AssociationRejected
from appliance.forward import pledging, prover
from appliance.forward.outcome import FAILURES, Action
from appliance.part10 import IMPLEMENTATION_CLASS_UID
from appliance.settings.schema import Destination

if TYPE_CHECKING:
    from appliance.desk.conformance.parts import Row
    from appliance.errors import AssociationFailed

_DEFAULTS = Destination("", "", 0, "")

WHAT_IS_DONE = {
    Action.SENT: "The image counts as sent; whether it is there is confirmed afterwards.",
    Action.RETRY: "The same bytes are sent again later; other images go on.",
    Action.HOLD: "The image waits for a person, who is told the code; other images go on.",
    Action.ASK_FIND: "It is asked by C-FIND whether that is the same object; if not, it is held.",
    Action.DESTINATION_FULL: "Everything for the destination waits; no image is blamed.",
    Action.DESTINATION_BUSY: "Everything for the destination waits for a short while.",
    Action.DESTINATION_DOWN: "Everything for the destination waits, for days if need be.",
    Action.DESTINATION_STOPPED: "The destination is stopped and tried slowly; a person is told.",
}


def general() -> Table:
    """What is the same for every association."""
    rows = (
        ("Application context name", "1.2.840.10008.3.1.1.1"),
        ("Implementation class UID", IMPLEMENTATION_CLASS_UID),
        ("Implementation version name", IMPLEMENTATION_VERSION_NAME),
        ("Maximum length announced by who calls (bytes)", str(pdu.OWN_MAX_LENGTH)),
        ("Maximum length announced by who is called (bytes)", str(MAX_LENGTH)),
        (
            "Maximum length of a PDU sent (bytes)",
            f"what the peer announces, {pdu.MAX_PDU_BYTES} at most; 0 is no limit of the peer's",
        ),
        ("Asynchronous operations window", "not proposed, not supported: one operation at a time"),
        ("SOP class extended negotiation", "not proposed, not supported"),
        ("User identity negotiation", "not proposed; ignored where it is proposed"),
        ("Presentation contexts", f"one transfer syntax in each, {MAX_CONTEXTS} at most"),
    )
    return Table("General", ("What", "Value"), rows)


def numbers() -> Table:
    """How many associations there are at a time."""
    rows = (
        (
            "To one destination, for images",
            f"{_DEFAULTS.associations} by default, 1 to 16 by setting (`associations`)",
        ),
        ("To one destination, beside each of them", "1 for storage commitment, 1 for C-FIND"),
        ("To one worklist", "1"),
        ("To one modality, to report commitment", "1"),
        (
            "From peers, at the listener",
            (
                f"{listener.GUESTS} in all, {listener.GUESTS_OF_ONE_HOST} from one host; "
                f"{listener.STRANGERS} connections may be about to introduce themselves"
            ),
        ),
    )
    return Table("Number of associations", ("Which", "How many"), rows)


def timeouts() -> Table:
    """How long the peer may take, in seconds."""
    settable = Patience(dimse_s=_DEFAULTS.answer_s)
    rows = (
        _times("Send images", settable, dimse=f"{_s(settable.dimse_s)} (`answer_s`)"),
        _times("Ask for storage commitment", pledging.PATIENCE),
        _times("Look whether images are there", prover.PATIENCE),
        _times("Query a worklist", worklist.PATIENCE),
        _times("Verify a connection", echo.PATIENT),
        _times("Report storage commitment", Patience()),
    )
    head = ("Activity (s)", "Connection, TLS", "A-ASSOCIATE", "DIMSE answer", "A byte taken")
    return Table("Timeouts of associations that this box opens", (*head, "In all"), rows)


def patience_with_callers() -> Table:
    """The same where this box is called."""
    rows = (
        ("A-ASSOCIATE-RQ after the connection", _s(provider.INTRODUCTION_S)),
        ("The next message on an open association", _s(provider.IDLE_S)),
    )
    return Table("Timeouts of associations that this box accepts", ("For what", "s"), rows)


def endings() -> Table:
    """When an association of ours is released."""
    rows = (
        (
            "Send images",
            f"{_DEFAULTS.idle_s:.0f} s after the last image (`idle_s`): some act on the release",
        ),
        (
            "Ask for storage commitment",
            f"{pledging.STAYS_S:.0f} s after the last question, for reports over the same one",
        ),
        ("All others", "when the last answer has come"),
    )
    return Table("When associations are released", ("Activity", "Released"), rows)


def rejections() -> Table:
    """What an A-ASSOCIATE-RJ means to this box as the one who calls."""
    rows = [_rejection(*key, *said) for key, said in REJECTIONS.items()]
    return Table(
        "A-ASSOCIATE-RJ received",
        ("Source, reason", "Meaning", "Code shown", "What is done"),
        tuple(rows),
    )


def turned_away() -> Table:
    """How callers are rejected."""
    whens = (
        (acceptor.CALLED_UNKNOWN, "nobody here has that called AE title"),
        (acceptor.CALLING_UNKNOWN, "the calling AE title, or its host, is in no list here"),
        (acceptor.NOT_DICOM, "the application context is not DICOM's, or the version not 1"),
        (acceptor.NO_REASON, "that modality may call over TLS only"),
        (acceptor.TOO_MANY, "too many associations are open"),
    )
    rows = tuple((", ".join(map(str, rejection)), when) for rejection, when in whens)
    return Table("A-ASSOCIATE-RJ sent", ("Result, source, reason", "When"), rows)


def action_of(problem: type[AssociationFailed]) -> Action:
    """What such a failure to get an association leads to."""
    return next(action for kind, action in FAILURES if issubclass(problem, kind))


def _rejection(
    source: int, reason: int, problem: type[AssociationFailed] | None, meaning: str
) -> Row:
    kind = problem or AssociationRejected
    return f"{source}, {reason}", meaning, kind.code, WHAT_IS_DONE[action_of(kind)]


def _times(activity: str, patience: Patience, *, dimse: str = "") -> Row:
    return (
        activity,
        _s(patience.connection_s),
        _s(patience.acse_s),
        dimse or _s(patience.dimse_s),
        _s(patience.stall_s),
        _s(patience.whole_s),
    )


def _s(seconds: float) -> str:
    return "no limit" if math.isinf(seconds) else f"{seconds:g}"
