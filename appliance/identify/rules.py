"""Owns the decision whose image it is; pure. Without proof it raises; it never guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import EvidenceDisagrees, IdentityUnproven, NoDate, NoIdentity
from appliance.identify import moments, names
from appliance.identify.matching import SPEAKERS
from appliance.identify.names import Verdict
from appliance.model import Identity, ItemState, Origin
from appliance.settings.keywords import UIDS
from appliance.settings.schema import Profile, Trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from appliance.model import Body, Evidence

_MUST_AGREE = ("PatientID", "IssuerOfPatientID", "PatientBirthDate", "AccessionNumber")
"""Where two speakers may not contradict each other; names differ in spelling and are not here."""

_KEY = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "AccessionNumber")

UNREAD = frozenset({ItemState.ARRIVED, ItemState.QUARANTINED})
"""Where what was read once is tried again, or could not be: it stands for no other copy."""

_PERSON = ("PatientID", "IssuerOfPatientID", "PatientName")
_CAME_AS = "CameAs"
_STUDY = ("StudyInstanceUID", "SeriesInstanceUID")

_PATIENT = """
    PatientName PatientID IssuerOfPatientID TypeOfPatientID OtherPatientIDs OtherPatientNames
    PatientBirthDate PatientBirthTime PatientSex PatientAge PatientSize PatientWeight
    PatientAddress PatientTelephoneNumbers PatientMotherBirthName PatientComments
    AdditionalPatientHistory MedicalRecordLocator AdmissionID IssuerOfAdmissionID
    AccessionNumber StudyID StudyDescription ReferringPhysicianName RequestedProcedureID
    RequestedProcedureDescription ScheduledProcedureStepID
"""
_OF_A_PATIENT = frozenset(_PATIENT.split())

_OF_ONE_EXAM = frozenset(
    {"AccessionNumber", "AdmissionID", "RequestedProcedureID", "ScheduledProcedureStepID"}
)
"""Numbers that two patients never share, as they may a physician or what an exam is called."""


def claimed(evidence: Evidence) -> Mapping[str, str]:
    """All that the speakers say, DICOM keyword to value; nothing is decided yet."""
    keywords = dict.fromkeys(c.keyword for c in evidence.claims if c.origin in SPEAKERS)
    said = {keyword: evidence.get(keyword, *SPEAKERS) for keyword in keywords}
    return {keyword: value for keyword, value in said.items() if value}


def said_of(evidence: Evidence, number: str) -> Mapping[str, str]:
    """What the speakers say, as far as it may stand beside a PatientID that somebody decided.

    What was said of a patient stays only where everybody who names one names this one; else it is
    empty, and UIDs that came are another study's.
    """
    said = claimed(evidence)
    named = {c.value for c in evidence.claims if c.keyword == "PatientID" and c.value}
    if named == {number}:
        return said
    return {k: "" if k in _OF_A_PATIENT else v for k, v in said.items() if k not in UIDS}


def own_words(evidence: Evidence, said: Mapping[str, str]) -> Mapping[str, str]:
    """What a person says of a patient, without the numbers of an exam that came as another's.

    A form began with them, or they were copied from what the device says: under them the one's
    image would be filed as the other's exam.
    """
    if not _names_another(evidence, said):
        return said
    came = {(c.keyword, _folded(c.value)) for c in evidence.claims if c.keyword in _OF_ONE_EXAM}
    return {k: v for k, v in said.items() if (k, _folded(v)) not in came}


def _names_another(evidence: Evidence, said: Mapping[str, str]) -> bool:
    """Whether anybody beside the image names another patient: by number, else by name."""
    numbers = {_folded(c.value) for c in evidence.claims if c.keyword == "PatientID" and c.value}
    if numbers:
        return numbers != {_folded(said.get("PatientID", ""))}
    return is_another(claimed(evidence), said)


def only_beside(evidence: Evidence) -> frozenset[tuple[str, str]]:
    """Whose image of which exam the sidecars say it is, as far as it does not say so itself."""
    return frozenset(
        (keyword, value)
        for keyword, value in beside(evidence)
        if keyword in _OF_A_PATIENT | {*_STUDY}
        and not evidence.get(keyword, Origin.HEADER, Origin.FILENAME)
    )


def beside(evidence: Evidence) -> frozenset[tuple[str, str]]:
    """All that the sidecars say, keyword and value."""
    said = (claim for claim in evidence.claims if claim.origin is Origin.SIDECAR)
    return frozenset((claim.keyword, claim.value) for claim in said)


def identity_key(said: Mapping[str, str]) -> str:
    """Whose image of which exam somebody says it is, for comparing; "" where nobody does."""
    return "\n".join(_spelled(keyword, said.get(keyword, "")) for keyword in _KEY).rstrip("\n")


def is_told_better(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether `now` says of patient and exam all that `before` did, and nothing else of it."""
    said = {keyword: _spelled(keyword, before.get(keyword, "")) for keyword in _KEY}
    return all(not word or word == _spelled(k, now.get(k, "")) for k, word in said.items())


def is_another(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two claims are of two patients: by their numbers, and by names where both tell."""
    numbers = [_folded(said.get("PatientID", "")) for said in (one, other)]
    if all(numbers) and numbers[0] != numbers[1]:
        return True
    verdicts = {names.compare(mine, theirs) for mine in _names(one) for theirs in _names(other)}
    return Verdict.DIFFERS in verdicts and Verdict.AGREES not in verdicts


def _names(said: Mapping[str, str]) -> Sequence[str]:
    """The patient's name, and the one before somebody put it right."""
    return [said[keyword] for keyword in ("PatientName", _CAME_AS) if said.get(keyword)]


def person_in(said: Mapping[str, str]) -> Mapping[str, str]:
    """What of it names the patient."""
    return {keyword: said[keyword] for keyword in _PERSON if said.get(keyword)}


def renamed(said: Mapping[str, str], before: Mapping[str, str]) -> Mapping[str, str]:
    """Whom an image names whose patient's name was put right, but not the number.

    Others of its study still come with the name that `before` has, and are of no other patient.
    """
    return {**person_in(said), _CAME_AS: before.get("PatientName", "")}


def studies(bodies: Iterable[Body], said: Mapping[str, str]) -> set[str]:
    """The UIDs of the studies and series that an image came in."""
    told = [said, *(body.attributes for body in bodies)]
    return {str(uid) for each in told for keyword in _STUDY if (uid := each.get(keyword))}


def decide(name: str, evidence: Evidence, profile: Profile | None) -> Identity:
    """The identity an image may be sent under.

    Raises NoIdentity, EvidenceDisagrees, IdentityUnproven or NoDate. `profile` None is the
    contract's case of a source without one: what a modality wrote into a DICOM header is trusted.
    """
    said = dict(claimed(evidence))
    if not said.get("PatientID"):
        raise NoIdentity(where=_where(profile))
    must_agree(name, evidence)
    if not _is_trusted(evidence, profile):
        raise IdentityUnproven(who=f"Patient {said['PatientID']}")
    said.update(exam_date(name, evidence, profile or Profile()))
    return Identity(said, "trust")


def exam_date(
    name: str, evidence: Evidence, profile: Profile, *, worklist: moments.Moment | None = None
) -> Mapping[str, str]:
    """StudyDate, and StudyTime where the same place tells it; `worklist` is what an order says.

    Raises NoDate.
    """
    if said := moments.told(evidence, profile):
        return {"StudyDate": said.date, "StudyTime": said.time}
    if worklist and Origin.WORKLIST in profile.date:
        time = f"{worklist.at:%H%M%S}" if worklist.at else ""
        return {"StudyDate": f"{worklist.day:%Y%m%d}", "StudyTime": time}
    raise NoDate(where=f"{name} ({', '.join(profile.date)})")


def must_agree(name: str, evidence: Evidence) -> None:
    """Speakers may add to each other, not contradict. Raises EvidenceDisagrees."""
    for keyword in _MUST_AGREE:
        said = _by_speaker(evidence, keyword)
        if len({_folded(value) for value in said.values()}) > 1:
            raise _disagreement(name, keyword, said)


def names_must_agree(name: str, evidence: Evidence) -> None:
    """Nor about the name, where that is to prove somebody. Raises EvidenceDisagrees."""
    said = _by_speaker(evidence, "PatientName")
    spellings = list(said.values())
    if any(names.compare(spellings[0], each) is Verdict.DIFFERS for each in spellings[1:]):
        raise _disagreement(name, "PatientName", said)


def _by_speaker(evidence: Evidence, keyword: str) -> Mapping[Origin, str]:
    return {o: value for o in SPEAKERS if (value := evidence.get(keyword, o))}


def _disagreement(name: str, keyword: str, said: Mapping[Origin, str]) -> EvidenceDisagrees:
    words = " and ".join(f"the {origin} says {value}" for origin, value in said.items())
    return EvidenceDisagrees(name=name, keyword=keyword, words=words)


def _is_trusted(evidence: Evidence, profile: Profile | None) -> bool:
    if profile is None:
        return bool(evidence.get("PatientID", Origin.HEADER))
    return profile.identity is Trust.TRUST


def _spelled(keyword: str, value: str) -> str:
    """A value so that two spellings of the same are one; damaged names stay as they are."""
    if keyword == "PatientName" and not names.is_damaged(value):
        return " ".join(names.words(value))
    return _folded(value)


def _folded(value: str) -> str:
    """Values that differ in outer spaces or trailing component delimiters only are the same."""
    return value.strip().rstrip("^= ")


def _where(profile: Profile | None) -> str:
    if profile is None:
        return "the file's own header, and its source has no profile that looks elsewhere"
    return "the file's header, its name or a sidecar"
