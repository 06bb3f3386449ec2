"""Owns the proof by worklist: whose image it is, and which order it answers; pure.

Sent without a person is only what points to exactly one patient, by two identifiers that each
agree, where nothing contradicts and where modality and time fit. Whatever is short of that raises:
WorklistNone where an order may still come, everything else for a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import (
    AccessionOfAnother,
    ClockDisagrees,
    ModalityUntold,
    NameDamaged,
    NoIdentity,
    OneIdentifier,
    OrderContradicts,
    OrderUnreadable,
    PatientsAlike,
    WorklistMany,
    WorklistNone,
)
from appliance.identify import moments, names, requested, rules
from appliance.identify.matching import IDENTIFIERS, Case, is_one_person, match, value
from appliance.identify.names import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.identify.matching import Match
    from appliance.model import Identity, Order

_ENOUGH = 2


class Proof(NamedTuple):
    """An identity, and by what it is proved, in a sentence."""

    identity: Identity
    words: str


def prove(case: Case, told: Iterable[Order]) -> Proof:
    """The identity of an image, by what worklists told of the days around it.

    Raises a Held: WorklistNone where a late order may still prove it.
    """
    _must_be_usable(case)
    matches = [match(case, order) for order in told]
    proving = [each for each in matches if _proves(each)]
    _must_not_contradict(case, matches, proving)
    if not proving:
        raise _unproven(case, matches)
    _must_be_one_person(case, proving)
    order = _the_order(case, proving)
    agreeing = _called(proving[0].agreeing())
    words = f"{agreeing} agree with one patient of the worklist {order.worklist}"
    return Proof(
        requested.identity(order, case, "worklist"),
        f"{words[0].upper()}{words[1:]}: {requested.person(order)}. "
        f"The order is {requested.exam(order)}.",
    )


def _proves(found: Match) -> bool:
    return len(found.agreeing()) >= _ENOUGH and not found.differing()


# --- what the image itself must be clear about -------------------------------------------------


def _must_be_usable(case: Case) -> None:
    rules.must_agree(case.name, case.evidence)
    rules.names_must_agree(case.name, case.evidence)
    for name in case.said("PatientName"):
        if names.is_damaged(name):
            raise NameDamaged(name=name)
    if not case.usable():
        raise NoIdentity(where=f"the header or the name of {case.name}, or a file beside it")
    exam = case.exam
    if exam and not case.unsure and moments.ahead(exam, case.arrived_at) > moments.TOLERANCE:
        raise ClockDisagrees(exam=exam, came=moments.came(case.arrived_at))
    rules.exam_date(case.name, case.evidence, case.profile, worklist=case.when)
    if not case.modality:
        raise ModalityUntold(name=case.name)


# --- who it is -----------------------------------------------------------------------------------


def _must_not_contradict(case: Case, matches: Sequence[Match], proving: Sequence[Match]) -> None:
    """One number with two people, one person with two numbers, an order of somebody else."""
    for found in matches:
        differing, agreeing = found.differing(), found.agreeing()
        if differing and ("PatientID" in agreeing or (len(agreeing) >= _ENOUGH and not proving)):
            raise OrderContradicts(
                ours=ours(case),
                worklist=found.order.worklist,
                theirs=requested.person(found.order),
                what=_called(differing),
            )
    with_accession = [found for found in matches if found.accession is Verdict.AGREES]
    others = [found for found in with_accession if found.differing()]
    if others and len(others) == len(with_accession):
        accession = value(others[0].order, "AccessionNumber")
        theirs = requested.person(others[0].order)
        raise AccessionOfAnother(ours=ours(case), accession=accession, theirs=theirs)


def _unproven(case: Case, matches: Sequence[Match]) -> Exception:
    for found in matches:
        if (
            found.agreeing()
            and not found.differing()
            and (what := requested.unreadable(found.order))
        ):
            return _cannot_be_read(case, found.order, what)
    if len(case.usable()) < _ENOUGH:
        return OneIdentifier(what=_called(case.usable()), who=ours(case))
    partly = [found for found in matches if found.agreeing() and not found.differing()]
    if partly:
        return OneIdentifier(
            what=_called(partly[0].agreeing()), who=requested.person(partly[0].order)
        )
    why = f"nobody of that name and number is on it for {case.when.day}"
    return WorklistNone(who=ours(case), why=why)


def _must_be_one_person(case: Case, proving: Sequence[Match]) -> None:
    """Whoever fits but is not surely the same is another one: two of them are one too many."""
    first = proving[0].order
    people = [first] + [f.order for f in proving[1:] if not is_one_person(first, f.order)]
    if len(people) > 1:
        them = "; ".join(requested.person(order) for order in people)
        raise PatientsAlike(who=ours(case), count=len(people), them=them)


# --- which order it answers ----------------------------------------------------------------------


def _the_order(case: Case, proving: Sequence[Match]) -> Order:
    fitting = [found for found in proving if _fits(found)]
    if not fitting:
        raise WorklistNone(who=ours(case), why=_misfit(case, proving))
    if accessions := case.said("AccessionNumber"):
        picked = [found for found in fitting if found.accession is Verdict.AGREES]
        if not picked:
            why = f"none has accession number {accessions[0]}"
            raise WorklistNone(who=ours(case), why=why)
        fitting = picked
    order = requested.as_one([found.order for found in fitting])
    if order is None:
        listed = "; ".join(requested.exam(found.order) for found in fitting)
        raise WorklistMany(who=ours(case), count=len(fitting), orders=listed)
    if what := requested.unreadable(order):
        raise _cannot_be_read(case, order, what)
    return order


def _fits(found: Match) -> bool:
    return found.modality is Verdict.AGREES and found.is_in_time


def _misfit(case: Case, proving: Sequence[Match]) -> str:
    listed = "; ".join(requested.exam(found.order) for found in proving)
    return f"this is {case.modality} of {case.when}, ordered is {listed}"


def _cannot_be_read(case: Case, order: Order, what: str) -> OrderUnreadable:
    return OrderUnreadable(worklist=order.worklist, who=ours(case), what=what)


def ours(case: Case) -> str:
    """Whom the device names."""
    return ", ".join(
        requested.in_words(keyword, word)
        for keyword in IDENTIFIERS
        for word in case.said(keyword)[:1]
    )


def _called(keywords: Iterable[str]) -> str:
    called = {**IDENTIFIERS, "PatientSex": "sex"}
    return " and ".join(called[keyword] for keyword in keywords)
