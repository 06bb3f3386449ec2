"""Owns what it takes to call a delivery confirmed, and what is done when the proof does not come.

Pure. An answer to C-STORE says that the peer received an object; that it has it is another
question, asked later: by storage commitment (PS3.4 J), or by C-FIND at image level.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.dicom.commitment import (
    CLASS_CONFLICT,
    CLASS_UNSUPPORTED,
    DUPLICATE_TRANSACTION,
    NO_SUCH_INSTANCE,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
)
from appliance.settings.schema import Confirm

if TYPE_CHECKING:
    from collections.abc import Sequence

ASK_AFTER_S = (0.0, 2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)
"""When to ask after an answer: at once, and again for those that file slowly."""

DENIED_AFTER_S = (0.0, 10.0, 60.0, 600.0)
"""The same where the peer reports that it does not have it, which is more than showing nothing."""

REPORT_WITHIN_S = (600.0, 3600.0, 4 * 3600.0, 12 * 3600.0)
"""How long to wait for a report before asking anew; some archive at night, and late ones count."""

TRIAL_S = 60.0
"""How long a destination has for its first report before other ways are taken, under "auto"."""

_MOST_RESENDS = 2


class Step(StrEnum):
    """What follows from one answer."""

    CONFIRM = "confirm"
    ASK_LATER = "ask-later"
    DENIED = "denied"  # ask again, send again or hold: `after_denial` knows
    FIND = "find"  # commitment says nothing of it; C-FIND may
    RESEND = "resend"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Asked:
    """How often one delivery was asked for since it was sent, and how often it was sent again."""

    times: int
    resends: int


@dataclass(frozen=True, slots=True)
class Reason:
    """A Failure Reason (0008,1197): what is done, under "auto" too, and what it means."""

    step: Step
    auto: Step
    meaning: str


# PS3.3 C.14.1.1
REASONS = {
    PROCESSING_FAILURE: Reason(Step.ASK_LATER, Step.FIND, "it failed while it looked"),
    NO_SUCH_INSTANCE: Reason(Step.DENIED, Step.DENIED, "it does not have it"),
    CLASS_CONFLICT: Reason(Step.HOLD, Step.HOLD, "it has another kind of image under this UID"),
    CLASS_UNSUPPORTED: Reason(Step.HOLD, Step.FIND, "not for images of this kind"),
    DUPLICATE_TRANSACTION: Reason(Step.ASK_LATER, Step.FIND, "it mistook the question"),
    OUT_OF_RESOURCES: Reason(Step.ASK_LATER, Step.FIND, "it has no room or time just now"),
}
_UNKNOWN_REASON = Reason(Step.ASK_LATER, Step.FIND, "for a reason unknown to DICOM")


def after_report(failure: int, mode: Confirm) -> Step:
    """What is done about an image that the peer reported on."""
    if not failure:
        return Step.CONFIRM
    reason = REASONS.get(failure, _UNKNOWN_REASON)
    return reason.auto if mode is Confirm.AUTO else reason.step


def meaning(failure: int) -> str:
    """A Failure Reason in words."""
    reason = REASONS.get(failure, _UNKNOWN_REASON)
    return f"{reason.meaning} (failure reason {failure:04X})"


def after_denial(asked: Asked, patience_s: Sequence[float] = ASK_AFTER_S) -> Step:
    """The peer answered for it and says that it does not have it."""
    if asked.times < len(patience_s):
        return Step.ASK_LATER
    return Step.RESEND if asked.resends < _MOST_RESENDS else Step.HOLD


def next_question_s(times: int, patience_s: Sequence[float] = ASK_AFTER_S) -> float:
    """Seconds until the next question, after `times` of them."""
    return patience_s[min(times, len(patience_s) - 1)]
