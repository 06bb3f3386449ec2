"""Owns what an answer means: tables from statuses and failures to what is done next; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance import errors

if TYPE_CHECKING:
    from appliance.dicom.sender import Answer


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

    tries: int = 0  # how often this delivery has got the same kind of answer before
    others_refused: int = 0  # other items in a row that were refused for lack of room, up to now
    others_taken: bool = False  # whether the destination took others between this one's tries


_NO_PAST = Past()

_OTHERS_REFUSED_WHEN_FULL = 2
_TRIES_ALONE = 3
_TRIES_UNKNOWN = 8


@dataclass(frozen=True, slots=True)
class _Row:
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
_STATUSES = (
    _Row(0x0000, 0x0000, Action.SENT, None),
    _Row(0x0110, 0x0110, Action.RETRY, errors.ProcessingFailure),
    _Row(0x0111, 0x0111, Action.ASK_FIND, errors.AlreadyThere),
    _Row(0x0117, 0x0117, Action.HOLD, _REJECTED, "for its UID"),
    _Row(0x0122, 0x0122, Action.HOLD, _REJECTED, "for its kind"),
    _Row(0x0124, 0x0124, Action.HOLD, errors.NotAuthorised, alert=True),
    _Row(0x0210, 0x0212, Action.HOLD, _REJECTED, "not understanding what it was asked"),
    _Row(0xA700, 0xA7FF, Action.RETRY, errors.OutOfRoom),
    _Row(0xA900, 0xA9FF, Action.HOLD, _REJECTED, "which does not fit its kind"),
    _Row(0xB000, 0xB000, Action.SENT, errors.Coerced, alert=True),
    _Row(0xB006, 0xB006, Action.SENT, _WARNED, "without some of its elements"),
    _Row(0xB007, 0xB007, Action.SENT, _WARNED, "not finding all that belongs to its kind"),
    _Row(0xB000, 0xBFFF, Action.SENT, _WARNED, "of an unknown sort", alert=True),
    _Row(0xC000, 0xCFFF, Action.RETRY, _REJECTED, "making no sense of it", tries=1),
    _Row(0x0000, 0xFFFF, Action.RETRY, _REJECTED, "with an answer unknown to DICOM", tries=3),
)

_FAILURES: tuple[tuple[type[errors.Problem], Action], ...] = (
    (errors.ContextRefused, Action.HOLD),
    (errors.CalledAeUnknown, Action.DESTINATION_STOPPED),
    (errors.CallingAeUnknown, Action.DESTINATION_STOPPED),
    (errors.AssociationRejected, Action.DESTINATION_STOPPED),
    (errors.PeerBusy, Action.DESTINATION_BUSY),
    (errors.AssociationFailed, Action.DESTINATION_DOWN),
)

_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 1800.0
_DOUBLINGS = 9
_PROBE_WAIT_S = 300.0


def of_answer(peer: object, answer: Answer, past: Past = _NO_PAST) -> Verdict:
    """What a C-STORE's answer means; `peer` is how sentences name the destination."""
    if answer.status is None:
        alone = past.others_taken and past.tries >= _TRIES_UNKNOWN
        action = Action.HOLD if alone else Action.RETRY
        return Verdict(action, errors.OutcomeUnknown(peer=peer, answer=answer.words))
    row = next(row for row in _STATUSES if row.first <= answer.status <= row.last)
    if row.why is None:
        return Verdict(row.action)
    why = row.why(peer=peer, meaning=row.meaning, answer=answer.words)
    return Verdict(_action(row, past), why, row.alert)


def of_failure(problem: errors.AssociationFailed | errors.ContextRefused) -> Verdict:
    """What it means that there is no link, or none for this kind of object."""
    action = next(action for kind, action in _FAILURES if isinstance(problem, kind))
    return Verdict(action, problem, alert=action is Action.DESTINATION_STOPPED)


def wait_s(tries: int, random: float) -> float:
    """How long to wait after the `tries`-th failure in a row (1, 2 ...): up to half an hour.

    It never gives up: an outage of days costs some hundred tries. `random` (0 to 1) spreads what
    failed at the same moment.
    """
    whole_s = min(_FIRST_WAIT_S * 2.0 ** min(tries - 1, _DOUBLINGS), _LONGEST_WAIT_S)
    return whole_s * (1 + random) / 2


def probe_wait_s(random: float) -> float:
    """How long to wait before a stopped destination is asked again whether it was put right."""
    return _PROBE_WAIT_S * (1 + random) / 2


def _action(row: _Row, past: Past) -> Action:
    if row.why is errors.OutOfRoom:
        return _action_without_room(past)
    if row.tries is not None and past.tries >= row.tries:
        return Action.HOLD
    return row.action


def _action_without_room(past: Past) -> Action:
    """Is the destination full, or does it only say so of this one item?

    Orthanc answers A700 to a data set without Study Instance UID, for ever.
    """
    if past.others_refused >= _OTHERS_REFUSED_WHEN_FULL:
        return Action.DESTINATION_FULL
    if past.others_taken and past.tries >= _TRIES_ALONE:
        return Action.HOLD
    return Action.RETRY
