"""Whose image it is: every way the evidence can agree, disagree, or be missing."""

from __future__ import annotations

import pytest

from appliance.errors import EvidenceDisagrees, IdentityUnproven, NoDate, NoIdentity
from appliance.identify.rules import claimed, decide, identity_key
from appliance.model import Claim, Evidence, Origin
from appliance.settings.schema import Profile, Trust

TRUSTED = Profile(name="cr", identity=Trust.TRUST)
DATE = (Origin.HEADER, "StudyDate", "20260102")


def evidence(*claims: tuple[Origin, str, str]) -> Evidence:
    return Evidence(tuple(Claim(*claim) for claim in claims))


def test_a_header_that_names_its_patient_is_trusted_without_a_profile() -> None:
    found = decide("a.dcm", evidence((Origin.HEADER, "PatientID", "P1"), DATE), None)
    assert found.values["PatientID"] == "P1"
    assert found.values["StudyDate"] == "20260102"
    assert found.proof == "trust"


@pytest.mark.parametrize("origin", [Origin.FILENAME, Origin.SIDECAR])
def test_without_a_profile_only_the_header_is_trusted(origin: Origin) -> None:
    with pytest.raises(IdentityUnproven):
        decide("a.tif", evidence((origin, "PatientID", "P1"), DATE), None)


@pytest.mark.parametrize("origin", [Origin.HEADER, Origin.FILENAME, Origin.SIDECAR])
def test_a_trusted_profile_may_hear_every_speaker(origin: Origin) -> None:
    found = decide("a.tif", evidence((origin, "PatientID", "P1"), DATE), TRUSTED)
    assert found.values["PatientID"] == "P1"


@pytest.mark.parametrize("origin", [Origin.EXIF, Origin.MTIME, Origin.ARRIVAL])
def test_nobody_else_may_name_a_patient(origin: Origin) -> None:
    with pytest.raises(NoIdentity):
        decide("a.tif", evidence((origin, "PatientID", "P1"), DATE), TRUSTED)


def test_a_name_without_an_id_is_not_a_patient() -> None:
    with pytest.raises(NoIdentity):
        decide("a.dcm", evidence((Origin.HEADER, "PatientName", "DOE^JANE"), DATE), None)


def test_a_profile_holds_unless_it_says_trust() -> None:
    with pytest.raises(IdentityUnproven):
        decide("a.dcm", evidence((Origin.HEADER, "PatientID", "P1"), DATE), Profile(name="cr"))


@pytest.mark.parametrize("keyword", ["PatientID", "AccessionNumber", "PatientBirthDate"])
def test_speakers_that_disagree_are_never_believed(keyword: str) -> None:
    said = evidence(
        (Origin.HEADER, "PatientID", "P1"),
        (Origin.HEADER, keyword, "one"),
        (Origin.FILENAME, keyword, "two"),
        DATE,
    )
    if keyword == "PatientID":
        said = evidence((Origin.HEADER, keyword, "one"), (Origin.FILENAME, keyword, "two"), DATE)
    with pytest.raises(EvidenceDisagrees) as caught:
        decide("a.dcm", said, TRUSTED)
    assert caught.value.code == "identity-conflict"
    assert "header says one" in caught.value.sentence
    assert "filename says two" in caught.value.sentence


def test_outer_spaces_are_no_disagreement() -> None:
    said = evidence(
        (Origin.HEADER, "PatientID", "P1 "), (Origin.FILENAME, "PatientID", "P1"), DATE
    )
    assert decide("a.dcm", said, TRUSTED).values["PatientID"] == "P1 "


def test_an_exam_date_is_taken_from_the_places_of_the_profile_in_its_order() -> None:
    said = evidence(
        (Origin.FILENAME, "PatientID", "P1"),
        (Origin.EXIF, "StudyDate", "20260101"),
        (Origin.EXIF, "StudyTime", "101112"),
        (Origin.SIDECAR, "StudyDate", "20260303"),
        (Origin.MTIME, "StudyDate", "20260404"),
    )
    first = decide("a.jpg", said, TRUSTED)
    assert (first.values["StudyDate"], first.values["StudyTime"]) == ("20260101", "101112")
    sidecar_first = Profile(name="cr", identity=Trust.TRUST, date=("sidecar", "exif"))
    second = decide("a.jpg", said, sidecar_first)
    assert (second.values["StudyDate"], second.values["StudyTime"]) == ("20260303", "")


def test_no_date_is_invented_from_the_files_own_time() -> None:
    said = evidence(
        (Origin.FILENAME, "PatientID", "P1"),
        (Origin.MTIME, "StudyDate", "20260404"),
        (Origin.ARRIVAL, "StudyDate", "20260404"),
    )
    with pytest.raises(NoDate):
        decide("a.jpg", said, TRUSTED)
    allowed = Profile(name="cr", identity=Trust.TRUST, date=("header", "mtime"))
    assert decide("a.jpg", said, allowed).values["StudyDate"] == "20260404"


def test_the_key_of_an_identity_ignores_dates_and_descriptions() -> None:
    one = claimed(evidence((Origin.FILENAME, "PatientID", "P1"), DATE))
    two = claimed(evidence((Origin.HEADER, "PatientID", "P1 ")))
    assert identity_key(one) == identity_key(two) != ""


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "AccessionNumber"])
def test_the_key_of_an_identity_tells_patients_and_exams_apart(keyword: str) -> None:
    base = {"PatientID": "P1", "PatientName": "DOE", "AccessionNumber": "A1"}
    assert identity_key(base) != identity_key({**base, keyword: "other"})


def test_nobody_has_no_key() -> None:
    assert identity_key({"StudyDate": "20260102"}) == ""
