"""Owns the decision whose image it is; pure. Without proof it raises; it never guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import EvidenceDisagrees, IdentityUnproven, NoDate, NoIdentity
from appliance.model import Identity, Origin
from appliance.settings.schema import Profile, Trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.model import Evidence

_SPEAKERS = (Origin.HEADER, Origin.SIDECAR, Origin.FILENAME)
"""Who may say whose image it is; where they agree, the richest speaks first."""

_MUST_AGREE = ("PatientID", "IssuerOfPatientID", "PatientBirthDate", "AccessionNumber")
"""Where two speakers may not contradict each other; names differ in spelling and are not here."""

_KEY = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "AccessionNumber")

_DATES = ("StudyDate", "AcquisitionDate", "ContentDate", "SeriesDate")
_TIMES = {
    "StudyDate": "StudyTime",
    "AcquisitionDate": "AcquisitionTime",
    "ContentDate": "ContentTime",
    "SeriesDate": "SeriesTime",
}


def claimed(evidence: Evidence) -> Mapping[str, str]:
    """All that the speakers say, DICOM keyword to value; nothing is decided yet."""
    keywords = dict.fromkeys(c.keyword for c in evidence.claims if c.origin in _SPEAKERS)
    said = {keyword: evidence.get(keyword, *_SPEAKERS) for keyword in keywords}
    return {keyword: value for keyword, value in said.items() if value}


def identity_key(said: Mapping[str, str]) -> str:
    """Whose image somebody says it is, for comparing; "" where nobody names a patient."""
    if not said.get("PatientID"):
        return ""
    return "\n".join(_folded(said.get(keyword, "")) for keyword in _KEY)


def decide(name: str, evidence: Evidence, profile: Profile | None) -> Identity:
    """The identity an image may be sent under.

    Raises NoIdentity, EvidenceDisagrees, IdentityUnproven or NoDate. `profile` None is the
    contract's case of a source without one: what a modality wrote into a DICOM header is trusted.
    """
    said = dict(claimed(evidence))
    if not said.get("PatientID"):
        raise NoIdentity(where=_where(profile))
    for keyword in _MUST_AGREE:
        _agree(name, evidence, keyword)
    if not _is_trusted(evidence, profile):
        raise IdentityUnproven(who=f"Patient {said['PatientID']}")
    said.update(exam_date(name, evidence, profile or Profile()))
    return Identity(said, "trust")


def exam_date(name: str, evidence: Evidence, profile: Profile) -> Mapping[str, str]:
    """StudyDate, and StudyTime where the same place tells it. Raises NoDate."""
    for place in profile.date:
        for keyword in _DATES:
            if date := evidence.get(keyword, Origin(place)):
                time = evidence.get(_TIMES[keyword], Origin(place))
                return {"StudyDate": date, "StudyTime": time}
    raise NoDate(where=f"{name} ({', '.join(profile.date)})")


def _agree(name: str, evidence: Evidence, keyword: str) -> None:
    said = {o: value for o in _SPEAKERS if (value := evidence.get(keyword, o))}
    if len({_folded(value) for value in said.values()}) > 1:
        words = " and ".join(f"the {origin} says {value}" for origin, value in said.items())
        raise EvidenceDisagrees(name=name, keyword=keyword, words=words)


def _is_trusted(evidence: Evidence, profile: Profile | None) -> bool:
    if profile is None:
        return bool(evidence.get("PatientID", Origin.HEADER))
    return profile.identity is Trust.TRUST


def _folded(value: str) -> str:
    """Values that differ in outer spaces or trailing component delimiters only are the same."""
    return value.strip().rstrip("^= ")


def _where(profile: Profile | None) -> str:
    if profile is None:
        return "the file's own header, and its source has no profile that looks elsewhere"
    return "the file's header, its name or a sidecar"
