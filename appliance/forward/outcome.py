"""Owns what an answer means: tables from statuses and failures to what is done next; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.dicom.sender import Answer
    from appliance.settings.schema import Retry


class Action(StrEnum):
    """What is done next, with the delivery or with everything for its destination."""

    SENT = "sent"
    RETRY = "retry"  # this delivery waits `wait_s`, others go on; the same bytes again
    HOLD = "hold"  # this delivery waits for a person
    ASK_FIND = "ask-find"  # the destination has this UID: the same object, or another one?
    DESTINATION_FULL = "destination-full"  # everything for it waits, no delivery is blamed
    DESTINATION_BUSY = "destination-busy"  # likewise, for a short while
    DESTINATION_DOWN = "destination-down"  # likewise, for days if need be
    DESTINATION_STOPPED = "destination-stopped"  # likewise, and a person must put it right


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and why; `alert`: a person should look at it, though nothing may be waiting."""

    action: Action
    why: errors.Problem | None = None
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """What has to be known of earlier answers."""

    tries: int = 0  # how often this delivery was refused before
    others_refused: int = 0  # how many other items in a row were refused just before
    others_taken: int = 0  # at how many of its tries in a row most others had been taken between
    is_over: bool = False  # whether it was tried for as long as the settings say


_NO_PAST = Past()

_OTHERS_REFUSED = 2  # by a destination that is itself to blame
_TRIES_ALONE = 3
_TRIES_UNKNOWN = 8


@dataclass(frozen=True, slots=True)
class Row:
    """Statuses `first` to `last`; with `tries`, that many retries and then HOLD."""

    first: int
    last: int
    action: Action
    why: type[errors.Problem] | None
    meaning: str = ""
    alert: bool = False
    tries: int | None = None


_REJECTED, _WARNED = errors.RejectedByDestination, errors.StoredWithWarning

# PS3.4 B.2.3 and PS3.7 9.1.1.1.9, C; the first row that fits counts.
STATUSES = (
    Row(0x0000, 0x0000, Action.SENT, None),
    Row(0x0110, 0x0110, Action.RETRY, errors.ProcessingFailure),
    Row(0x0111, 0x0111, Action.ASK_FIND, errors.AlreadyThere),
    Row(0x0117, 0x0117, Action.HOLD, _REJECTED, "for its UID"),
    Row(0x0122, 0x0122, Action.HOLD, _REJECTED, "for its kind"),
    Row(0x0124, 0x0124, Action.HOLD, errors.NotAuthorised, alert=True),
    Row(0x0210, 0x0212, Action.HOLD, _REJECTED, "not understanding what it was asked"),
    Row(0xA700, 0xA7FF, Action.RETRY, errors.OutOfRoom),
    Row(0xA900, 0xA9FF, Action.HOLD, _REJECTED, "which does not fit its kind"),
    Row(0xB000, 0xB000, Action.SENT, errors.Coerced, alert=True),
    Row(0xB006, 0xB006, Action.SENT, _WARNED, "without some of its elements"),
    Row(0xB007, 0xB007, Action.SENT, _WARNED, "not finding all that belongs to its kind"),
    Row(0xB000, 0xBFFF, Action.SENT, _WARNED, "of an unknown sort", alert=True),
    Row(0xC000, 0xCFFF, Action.RETRY, _REJECTED, "making no sense of it", tries=1),
    Row(0x0000, 0xFFFF, Action.RETRY, _REJECTED, "with an answer unknown to DICOM", tries=3),
)

FAILURES: tuple[tuple[type[errors.Problem], Action], ...] = (
    (errors.ContextRefused, Action.HOLD),
    (errors.CalledAeUnknown, Action.DESTINATION_STOPPED),
    (errors.CallingAeUnknown, Action.DESTINATION_STOPPED),
    (errors.AssociationRejected, Action.DESTINATION_STOPPED),
    (errors.PeerBusy, Action.DESTINATION_BUSY),
    (errors.AssociationFailed, Action.DESTINATION_DOWN),
)

TROUBLES: Mapping[type[errors.Problem], Action] = {
    errors.OutOfRoom: Action.DESTINATION_FULL,
    errors.ProcessingFailure: Action.DESTINATION_DOWN,
}
"""What one image may meet, or all of them: then the destination waits, and no image is blamed."""

_PROBE_WAIT_S = 300.0
_DAY_S = 86400.0


def of_answer(peer: object, answer: Answer, past: Past = _NO_PAST) -> Verdict:
    """What a C-STORE's answer means; `peer` is how sentences name the destination."""
    if answer.status is None:
        return Verdict(_unknown(past), errors.OutcomeUnknown(peer=peer, answer=answer.words))
    row = next(row for row in STATUSES if row.first <= answer.status <= row.last)
    if row.why is None:
        return Verdict(row.action)
    why = row.why(peer=peer, meaning=row.meaning, answer=answer.words)
    return Verdict(_action(row, past), why, row.alert)


def of_failure(problem: errors.AssociationFailed | errors.ContextRefused) -> Verdict:
    """What it means that there is no link, or none for this kind of object."""
    action = next(action for kind, action in FAILURES if isinstance(problem, kind))
    return Verdict(action, problem, alert=action is Action.DESTINATION_STOPPED)


def wait_s(schedule: Retry, tries: int, luck: float) -> float:
    """How long to wait after the `tries`-th failure in a row (1, 2 ...), in seconds.

    There is always a next time: an outage of days costs some hundred tries. `luck` (0 to 1)
    spreads what failed at the same moment over half of the time.
    """
    return _whole_wait_s(schedule, tries) * (1 + luck) / 2


def probe_wait_s(schedule: Retry, luck: float) -> float:
    """How long until a stopped destination is asked again whether it was put right, in seconds."""
    return min(_PROBE_WAIT_S, schedule.longest_s) * (1 + luck) / 2


def is_over(schedule: Retry, tries: int) -> bool:
    """Whether the waits between `tries` tries of one image took as long as the settings say."""
    doublings = _doublings(schedule)
    growing = range(1, min(tries, doublings + 1))
    whole_s = sum(_whole_wait_s(schedule, n) for n in growing)
    whole_s += max(0, tries - 1 - doublings) * schedule.longest_s
    return 0 < schedule.days * _DAY_S <= whole_s / 2  # had luck always been 0


def _whole_wait_s(schedule: Retry, tries: int) -> float:
    doubled = schedule.first_s * 2.0 ** min(tries - 1, _doublings(schedule))
    return min(doubled, schedule.longest_s)


def _doublings(schedule: Retry) -> int:
    """After how many of them the longest wait is reached."""
    return math.ceil(math.log2(schedule.longest_s / schedule.first_s))


def _unknown(past: Past) -> Action:
    """One image may upset a peer; one after the other, and it is the peer."""
    if past.others_refused:
        return Action.DESTINATION_DOWN
    return Action.HOLD if past.others_taken >= _TRIES_UNKNOWN else Action.RETRY


def _action(row: Row, past: Past) -> Action:
    if row.action is not Action.RETRY:
        return row.action
    trouble = TROUBLES.get(row.why) if row.why else None
    if trouble and past.others_refused >= _OTHERS_REFUSED:
        return trouble
    return Action.HOLD if _is_hopeless(row, past) else Action.RETRY


def _is_hopeless(row: Row, past: Past) -> bool:
    """Whether it is this one image that the destination will not have.

    Orthanc answers A700 to a data set without Study Instance UID, for ever.
    """
    if row.tries is not None:
        return past.tries >= row.tries
    if row.why is errors.OutOfRoom:
        return past.others_taken >= _TRIES_ALONE
    return bool(past.others_taken) and past.is_over
