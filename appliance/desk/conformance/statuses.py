"""Owns the tables of statuses: what each answer leads to, and what is answered here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.desk.conformance.parts import Table
from appliance.desk.conformance.policies import WHAT_IS_DONE
from appliance.dicom import commitment as wording
from appliance.dicom import dimse, provider
from appliance.errors import OutcomeUnknown
from appliance.forward.confirm import ASK_AFTER_S, REASONS, REPORT_WITHIN_S, Step
from appliance.forward.outcome import STATUSES, TROUBLES, Action
from appliance.forward.pledging import UNSUPPORTED
from appliance.sources.callers import reports, storing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.desk.conformance.parts import Row
from appliance.forward.outcome import Row as Status

_HEAD = ("Status", "Category", "Code shown", "Behaviour")
_SUCCESS, _WARNING, _FAILURE = "Success", "Warning", "Failure"

_STEPS: Mapping[Step, str] = {
    Step.CONFIRM: "It counts as confirmed.",
    Step.ASK_LATER: "It is asked for again later, in a new transaction.",
    Step.DENIED: "It is asked for again; then the same bytes are sent again, twice at most; then "
    "it is held. One that was confirmed before is left alone: it was deleted on purpose.",
    Step.FIND: "It is looked for by C-FIND.",
    Step.RESEND: "The same bytes are sent again.",
    Step.HOLD: "It waits for a person.",
}


def of_store() -> Table:
    """What each answer to C-STORE leads to: the table by which it is decided."""
    rows = (*map(_store, STATUSES), _silence())
    return Table("C-STORE-RSP status handling (SCU)", _HEAD, rows)


def to_store() -> Table:
    """What C-STORE is answered with."""
    rows = _answers(
        (
            dimse.SUCCESS,
            (
                "The object and its entry are on the card, synchronised. With "
                '`ack = "forwarded"`: every destination has it.'
            ),
        ),
        (
            storing.OUT_OF_RESOURCES,
            (
                'No room or the card fails; with `ack = "forwarded"`: kept '
                "here, but not forwarded in time, or a person must look at it. Send it again."
            ),
        ),
        (storing.DATA_SET_MISMATCH, "The data set says other UIDs than the command."),
        (
            storing.NOT_UNDERSTOOD,
            (
                "There is no data set; it cannot be read to its end; or its SOP "
                "Instance UID is none."
            ),
        ),
        (provider.SOP_CLASS_UNSUPPORTED, "Not the SOP class of the presentation context."),
    )
    return Table("C-STORE-RSP statuses returned (SCP)", ("Status", "Category", "When"), rows)


def of_action() -> Table:
    """What N-ACTION and N-EVENT-REPORT are answered with."""
    rows = _answers(
        (dimse.SUCCESS, "The request, or the report, is written down."),
        (wording.INVALID_ARGUMENT, "Its data set cannot be read, or names nothing."),
        (
            wording.PROCESSING_FAILURE,
            ("It cannot be written down; a report on a transaction that this box did not ask."),
        ),
        (provider.NO_SUCH_EVENT, "An event type other than 1 and 2."),
        (provider.NO_SUCH_ACTION, "An action type other than 1."),
        (provider.SOP_CLASS_UNSUPPORTED, "Another SOP class than storage commitment."),
        (dimse.UNRECOGNISED_OPERATION, "An operation other than those in this statement."),
        (reports.NOT_AUTHORISED, "Asked by who may report only."),
    )
    title = "N-ACTION-RSP and N-EVENT-REPORT-RSP statuses returned"
    return Table(title, ("Status", "Category", "When"), rows)


def of_request() -> Table:
    """What each answer to an N-ACTION leads to."""
    unsupported = ", ".join(_hex(each) for each in sorted(UNSUPPORTED))
    rows = (
        (_hex(dimse.SUCCESS), _SUCCESS, "The report is waited for."),
        (_hex(wording.DUPLICATE_TRANSACTION), _FAILURE, "Asked again under a new number."),
        (
            unsupported,
            _FAILURE,
            (
                'It cannot be asked: with confirm = "auto" it is asked by C-FIND, '
                "else a person is told."
            ),
        ),
        ("any other", _FAILURE, "It is asked again later."),
    )
    return Table("N-ACTION-RSP status handling (SCU)", ("Status", "Category", "Behaviour"), rows)


def of_reasons() -> Table:
    """What is done about an image of which a PACS reports that it is not safe."""
    rows = tuple(
        (_hex(code), each.meaning, _STEPS[each.step], _STEPS[each.auto])
        for code, each in REASONS.items()
    )
    head = ("Failure reason (0008,1197)", "Meaning", 'With confirm = "commitment"')
    return Table("Failure reasons received", (*head, 'With confirm = "auto"'), rows)


def to_reasons() -> Table:
    """Why an image is reported as not safe."""
    rows = (
        (_hex(wording.NO_SUCH_INSTANCE), "It never came here from this modality."),
        (_hex(wording.CLASS_CONFLICT), "It came with another SOP class."),
        (
            _hex(wording.PROCESSING_FAILURE),
            (
                "Its destinations have not proved to have it: it was "
                "given up, its UID was changed, or it took longer than the wait."
            ),
        ),
    )
    return Table("Failure reasons sent", ("Failure reason (0008,1197)", "When"), rows)


def of_find() -> Table:
    """What each answer to C-FIND leads to, for images and for worklists."""
    pending = ", ".join(_hex(code) for code in sorted(dimse.PENDING))
    rows = (
        (_hex(dimse.SUCCESS), _SUCCESS, "All matches have come."),
        (pending, "Pending", "The match is taken."),
        (_hex(provider.SOP_CLASS_UNSUPPORTED), _FAILURE, "It cannot be asked; it is said so."),
        ("any other", _FAILURE, "What came is not used; it is asked again later."),
    )
    return Table("C-FIND-RSP status handling (SCU)", ("Status", "Category", "Behaviour"), rows)


def asking() -> Table:
    """How long is waited between questions."""
    rows = (
        ("C-FIND, after each answer that shows nothing", _seconds(ASK_AFTER_S)),
        ("Storage commitment, for a report before it is asked anew", _seconds(REPORT_WITHIN_S)),
    )
    return Table("Waits between questions", ("Question", "s, the last one again and again"), rows)


def _store(row: Status) -> Row:
    first, last = _hex(row.first), _hex(row.last)
    is_rest = (row.first, row.last) == (0, 0xFFFF)
    span = "any other" if is_rest else first if first == last else f"{first} to {last}"
    category = _FAILURE if is_rest else _category(row.first)
    return span, category, row.why.code if row.why else "", _behaviour(row)


def _behaviour(row: Status) -> str:
    words = [WHAT_IS_DONE[row.action]]
    if row.tries is not None:
        words.append(f"After {row.tries} {'try' if row.tries == 1 else 'tries'} more it is held.")
    if trouble := TROUBLES.get(row.why) if row.why else None:
        words.append(
            f"Several images in a row: {WHAT_IS_DONE[trouble][:1].lower()}"
            f"{WHAT_IS_DONE[trouble][1:]}"
        )
    if row.alert:
        words.append("A person is told.")
    return " ".join(words)


def _silence() -> Row:
    words = f"What became of it is not known: {WHAT_IS_DONE[Action.RETRY][:1].lower()}"
    return "no answer", "", OutcomeUnknown.code, words + WHAT_IS_DONE[Action.RETRY][1:]


def _category(status: int) -> str:
    """PS3.7 C."""
    if status == dimse.SUCCESS:
        return _SUCCESS
    return _WARNING if status >> 12 == 0xB else _FAILURE  # noqa: PLR2004 - PS3.7 C.4


def _answers(*rows: tuple[int, str]) -> tuple[Row, ...]:
    return tuple((_hex(status), _category(status), when) for status, when in rows)


def _hex(status: int) -> str:
    return f"{status:04X}"


def _seconds(waits: Iterable[float]) -> str:
    return ", ".join(f"{each:g}" for each in waits)
