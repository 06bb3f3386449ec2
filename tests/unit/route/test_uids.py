"""Derived UIDs: the same input gives the same one anywhere, and a study is one exam."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import pytest

from appliance.model import Body, BodyKind, Identity
from appliance.route import uids

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAM = {
    "PatientID": "4711",
    "PatientName": "SITI",
    "AccessionNumber": "A1",
    "StudyDate": "20260102",
}


def body(digest: str = "d1", number: int = 1) -> Body:
    return Body(number, BodyKind.PIXELS, "1.2.840.10008.1.2.1", digest, ())


def instance(values: Mapping[str, str] = EXAM, digest: str = "d1", number: int = 1) -> str:
    return uids.sop_instance_uid(body(digest, number), Identity(values, "trust"))


def study(source: str = "cr", /, **values: str) -> str:
    return uids.study_uid(Identity({**EXAM, **values}, "trust"), source)


def series(study_uid: str = "1.2", modality: str = "CR", source: str = "cr", **said: str) -> str:
    return uids.series_uid(study_uid, modality, source, said)


@pytest.mark.parametrize("uid", [instance(), study(), series()])
def test_a_derived_uid_is_a_uuid_as_one_number(uid: str) -> None:
    assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]{0,38})", uid)
    assert len(uid) <= 64
    assert uuid.UUID(int=int(uid.removeprefix("2.25."))).variant == uuid.RFC_4122


def test_uids_never_change_between_versions() -> None:
    """What was sent under them is at the PACS; another one would be a duplicate there."""
    assert instance() == "2.25.259111963917414001421442018251051744203"
    assert study() == "2.25.236424836633695230058256746746220752611"
    assert series() == "2.25.261657225949987417296193519459876940556"


def test_the_same_image_of_the_same_patient_is_the_same_object() -> None:
    assert instance() == instance(dict(reversed(EXAM.items())))


def test_another_image_is_another_object() -> None:
    assert len({instance(), instance(digest="d2"), instance(number=2)}) == 3


@pytest.mark.parametrize("keyword", sorted(EXAM))
def test_what_a_person_corrects_becomes_another_object(keyword: str) -> None:
    assert instance({**EXAM, keyword: "X"}) != instance()


def test_four_films_of_one_exam_are_one_study() -> None:
    films = [
        study(StudyTime=f"10{n:02}00", InstanceNumber=str(n), SeriesNumber=str(n))
        for n in range(4)
    ]
    assert len(set(films)) == 1


def test_an_accession_number_is_one_study_whatever_the_day_and_the_source() -> None:
    assert study("cr", StudyDate="20260103") == study("us")


@pytest.mark.parametrize(
    "other", [{"PatientID": "4712"}, {"IssuerOfPatientID": "H2"}, {"AccessionNumber": "A2"}]
)
def test_another_patient_issuer_or_accession_is_another_study(other: dict[str, str]) -> None:
    assert study(**other) != study()


def test_without_an_accession_number_a_study_is_a_patients_day_at_a_source() -> None:
    day = study(AccessionNumber="")
    assert day == study(AccessionNumber="", StudyTime="1200")
    assert day not in {
        study("us", AccessionNumber=""),
        study(AccessionNumber="", StudyDate="20260103"),
        study(AccessionNumber="", PatientID="4712"),
        study(AccessionNumber="20260102"),
    }


def test_a_study_uid_that_is_known_is_kept() -> None:
    assert study(StudyInstanceUID="1.2.840.1") == "1.2.840.1"


@pytest.mark.parametrize("wrong", ["1.2.x", "1..2", "1", "1." * 40 + "1"])
def test_a_study_uid_that_is_none_is_not(wrong: str) -> None:
    assert study(StudyInstanceUID=wrong) == study()


def test_values_cannot_run_into_each_other() -> None:
    assert study(IssuerOfPatientID="A", PatientID="B") != study(
        IssuerOfPatientID="", PatientID="AB"
    )


def test_films_without_series_evidence_are_one_series() -> None:
    assert series() == series(InstanceNumber="2")


def test_a_series_is_of_one_study_modality_source_and_description() -> None:
    different = {
        series(),
        series("1.3"),
        series(modality="OT"),
        series(source="us"),
        series(SeriesNumber="2"),
        series(SeriesDescription="Thorax"),
        series(ProtocolName="Thorax"),
    }
    assert len(different) == 7
