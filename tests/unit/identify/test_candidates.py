"""Which orders a person is shown, the likeliest first, and why."""

from __future__ import annotations

import pytest

from appliance.identify.candidates import ranked
from tests.builders.identities import BUDI, case, order, says
from tests.builders.scenarios import OF_SITI

CASE = case(says(**OF_SITI, AccessionNumber="A1"))


def reasons(**values: str) -> tuple[str, ...]:
    (only,) = ranked(CASE, [order(**values)])
    return only.reasons


def test_the_likeliest_comes_first() -> None:
    typo = order(key="typo", PatientID="4771", AccessionNumber="")
    swapped = order(key="swapped", PatientID="9", PatientName="SITI^RAHAYU", AccessionNumber="")
    other = order(BUDI, key="other", AccessionNumber="A2")
    right = order(key="right")
    found = ranked(CASE, [other, swapped, typo, right])
    assert [one.order.key for one in found] == ["right", "typo", "swapped", "other"]


def test_among_equals_the_nearest_in_time_comes_first() -> None:
    keys = ["0900", "1000", "2000"]
    orders = [order(key=key, ScheduledProcedureStepStartTime=key) for key in reversed(keys)]
    undated = order(key="never", ScheduledProcedureStepStartDate="")
    found = ranked(CASE, [undated, *orders])
    assert [one.order.key for one in found] == ["1000", "0900", "2000", "never"]


def test_all_that_agrees_is_said() -> None:
    assert reasons() == (
        "the same patient ID",
        "the same name",
        "the same birth date",
        "the same accession number",
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"PatientID": "4771"}, "a similar patient ID"),
        ({"PatientID": "004711"}, "the patient ID differs in zeros or capitals only"),
        ({"PatientID": "9"}, "another patient ID"),
        ({"PatientName": "SITI^RAHAYU"}, "the same names in another order"),
        ({"PatientName": "RAHAYU^SIT"}, "a similar name"),
        ({"PatientName": "SANTOSO^BUDI"}, "another name"),
        ({"PatientBirthDate": "19800206"}, "a similar birth date"),
        ({"PatientBirthDate": "19511231"}, "another birth date"),
        ({"PatientSex": "M"}, "another sex"),
        ({"AccessionNumber": "A9"}, "another accession number"),
        ({"Modality": "CT"}, "ordered is CT, this is CR"),
        ({"ScheduledProcedureStepStartDate": "20240311"}, "scheduled for another time"),
    ],
)
def test_what_differs_is_said_with_how_much(values: dict[str, str], words: str) -> None:
    assert words in reasons(**values)


def test_a_damaged_name_is_shown_by_its_likeness() -> None:
    (one,) = ranked(case(says(**OF_SITI | {"PatientName": "R?HAYU^SITI"})), [order()])
    assert "a similar name" in one.reasons


def test_where_the_exam_has_no_time_the_nearest_day_comes_first() -> None:
    film = says(StudyDate="20240314")
    days = ["20240312", "20240315"]
    orders = [order(key=day, ScheduledProcedureStepStartDate=day) for day in days]
    assert [one.order.key for one in ranked(case(film), orders)] == ["20240315", "20240312"]


def test_an_image_of_nobody_has_a_choice_by_time() -> None:
    early = order(key="early", ScheduledProcedureStepStartTime="0100")
    (first, _) = ranked(case(), [early, order(BUDI, key="near")])
    assert first.order.key == "near"
    assert first.when == "2024-03-14 10:00"
    assert first.reasons == ()
