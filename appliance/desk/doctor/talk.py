"""Owns the doctor's first steps in DICOM: association, echo, what may be sent."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance import errors
from appliance.desk.doctor.remedies import filled, remedies
from appliance.desk.doctor.report import Entry, State
from appliance.desk.doctor.subject import Found
from appliance.dicom.association import Link
from appliance.dicom.echo import VERIFICATION, echo
from appliance.dicom.names import name_of
from appliance.dicom.pdu import Context
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE

if TYPE_CHECKING:
    from appliance.desk.doctor.subject import Visit

_ECHO = ((VERIFICATION, IMPLICIT_LE),)
_ALLOW = Entry("{pacs}, what {calling} may store", "{sop_class}", "{syntax}")


def met(visit: Visit) -> errors.AssociationFailed | None:
    """Why it agrees to no association; it is asked once only."""
    if not visit.is_met:
        visit.is_met = True
        try:
            Link.open(visit.target, _ECHO, visit.limits.patience).release()
        except errors.AssociationFailed as problem:
            visit.refusal = problem
    return visit.refusal


def association(visit: Visit) -> str | Found:
    """It knows both titles. Raises AssociationFailed."""
    problem = met(visit)
    if isinstance(problem, errors.CalledAeUnknown):
        return _called_otherwise(visit, problem)
    if problem:
        raise problem
    return f"it is called {visit.target.called} and lets {visit.target.calling} in"


def answer(visit: Visit) -> str | Found:
    """It answers a C-ECHO. Raises AssociationFailed, EchoFailed."""
    try:
        visit.seconds = echo(visit.target, visit.clock, visit.limits.patience)
    except errors.ContextRefused:
        return Found("it does not offer the echo; images can be sent all the same", State.UNKNOWN)
    return f"it answered after {visit.seconds * 1000:.0f} ms"


def contexts(visit: Visit) -> str | Found:
    """It takes what this box sends there, as it is encoded. Raises AssociationFailed."""
    wanted = [Context(*kind) for kind in visit.subject.kinds]
    offers = [*wanted, *(Context(each.sop_class_uid, EXPLICIT_LE) for each in wanted)]
    with Link.open(visit.target, dict.fromkeys(offers), visit.limits.patience) as link:
        plain = [Context(each.sop_class_uid, IMPLICIT_LE) for each in wanted]
        offered = dict.fromkeys([*offers, *plain])
        visit.accepted = tuple(each for each in offered if link.accepts(*each))
        refused = [link.rejected(*each) for each in wanted if not _taken_as(visit, each)]
    if refused:
        return _refused(visit, refused)
    return "it takes " + "; ".join(_words(each, _taken_as(visit, each)) for each in wanted)


def _called_otherwise(visit: Visit, problem: errors.CalledAeUnknown) -> Found:
    """Capitals are the commonest slip: is it there under the same letters?"""
    called = visit.target.called
    entries = remedies(problem.code, visit.facts)
    for other in dict.fromkeys((called.upper(), called.lower())):
        if other != called and _is_called(visit, other):
            entries = (Entry(str(visit.facts["here"]), "`ae_title`", other),)
    return Found(problem.sentence, State.FAILED, problem.hint, problem.code, entries)


def _is_called(visit: Visit, title: str) -> bool:
    with suppress(errors.AssociationFailed):
        target = replace(visit.target, called=title)
        Link.open(target, _ECHO, visit.limits.patience).release()
        return True
    return False


def _refused(visit: Visit, refused: list[errors.ContextRefused]) -> Found:
    sentences = " ".join(each.sentence for each in refused)
    entries = tuple(
        entry for each in refused for entry in filled((_ALLOW,), {**visit.facts, **each.facts})
    )
    first = refused[0]
    return Found(sentences, State.FAILED, first.hint, first.code, entries)


def _taken_as(visit: Visit, wanted: Context) -> str:
    """The syntax in which it goes there: what is refused as it is, is unpacked; "" for none."""
    syntaxes = (wanted.transfer_syntax_uid, EXPLICIT_LE, IMPLICIT_LE)
    taken = (each for each in syntaxes if (wanted.sop_class_uid, each) in visit.accepted)
    return next(taken, "")


def _words(context: Context, taken_as: str) -> str:
    words = f"{name_of(context.sop_class_uid)} as {name_of(taken_as)}"
    if taken_as == context.transfer_syntax_uid:
        return words
    return f"{words}, unpacked for it from {name_of(context.transfer_syntax_uid)}"
