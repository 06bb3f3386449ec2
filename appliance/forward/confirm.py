"""Owns what it takes to call a delivery confirmed, and what is done when the proof does not come.

Pure. An answer to C-STORE says that the peer received an object; that it has it is another
question, asked later (C-FIND at image level).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.settings.schema import Confirm

ASK_AFTER_S = (0.0, 2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)
"""When to ask after an answer: at once, and again for those that file slowly."""

_MOST_RESENDS = 2


class Step(StrEnum):
    """What follows from one question."""

    ASK_LATER = "ask-later"
    RESEND = "resend"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Asked:
    """How often one delivery was asked for since it was sent, and how often it was sent again."""

    times: int
    resends: int


def after_denial(asked: Asked) -> Step:
    """The peer answered for it and says that it does not have it."""
    if asked.times < len(ASK_AFTER_S):
        return Step.ASK_LATER
    return Step.RESEND if asked.resends < _MOST_RESENDS else Step.HOLD


def next_question_s(times: int) -> float:
    """Seconds until the next question, after `times` of them."""
    return ASK_AFTER_S[min(times, len(ASK_AFTER_S) - 1)]


def wants_find(mode: Confirm, *, supported: bool) -> bool:
    """Whether to ask; `supported` is what was learnt of the peer."""
    return mode is Confirm.FIND or (mode is Confirm.AUTO and supported)
