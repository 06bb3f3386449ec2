"""What an image takes over from its order, and what of the device's word stays."""

from __future__ import annotations

from dataclasses import replace

from appliance.identify import requested
from appliance.identify.proof import prove
from tests.builders.identities import BUDI, SITI, TODAY, case, order, says
from tests.builders.scenarios import OF_SITI

CODE = {"CodeValue": "THX", "CodingSchemeDesignator": "99LOCAL", "CodeMeaning": "Thorax"}


def test_patient_and_request_are_the_orders_word_and_the_rest_the_devices() -> None:
    told = says(**OF_SITI, BodyPartExamined="CHEST", PatientWeight="62", AdmissionID="OLD")
    ordered = order(PatientName="Rahayu^Siti^^Ny", AdmissionID="ADM1")
    values = prove(case(told), [ordered]).identity.values
    assert values == {
        "PatientID": "4711",
        "PatientName": "Rahayu^Siti^^Ny",
        "PatientBirthDate": "19800205",
        "PatientSex": "F",
        "PatientWeight": "62",
        "AdmissionID": "ADM1",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": "SARI",
        "StudyInstanceUID": "1.2.826.0.1.1",
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        **TODAY,
    }


def test_of_another_patient_only_what_is_not_of_a_patient_stays() -> None:
    told = says(**OF_SITI, BodyPartExamined="CHEST", PatientWeight="62", StudyInstanceUID="1.2.3")
    identity = requested.identity(order(BUDI, StudyInstanceUID=""), case(told), "person")
    assert identity.proof == "person"
    assert identity.values["PatientName"] == "SANTOSO^BUDI"
    assert identity.values["PatientWeight"] == ""
    assert identity.values["BodyPartExamined"] == "CHEST"
    assert "StudyInstanceUID" not in identity.values


def test_an_order_without_an_accession_number_leaves_none() -> None:
    told = says(**OF_SITI, AccessionNumber="MADE-UP")
    identity = requested.identity(order(AccessionNumber=""), case(told), "person")
    assert identity.values["AccessionNumber"] == ""


def test_the_request_becomes_sequences() -> None:
    ordered = replace(
        order(
            RequestedProcedureDescription="Chest X-ray",
            ScheduledProcedureStepDescription="Thorax PA",
        ),
        codes={
            "ScheduledProtocolCodeSequence": (CODE,),
            "RequestedProcedureCodeSequence": (CODE,),
        },
    )
    assert requested.request(ordered) == {
        "RequestAttributesSequence": [
            {
                "RequestedProcedureID": "RP1",
                "RequestedProcedureDescription": "Chest X-ray",
                "ScheduledProcedureStepID": "SPS1",
                "ScheduledProcedureStepDescription": "Thorax PA",
                "ScheduledProtocolCodeSequence": [CODE],
            }
        ],
        "ProcedureCodeSequence": [CODE],
    }


def test_an_order_that_says_nothing_of_its_request_leaves_no_sequence() -> None:
    bare = order(RequestedProcedureID="", ScheduledProcedureStepID="")
    assert requested.request(bare) == {}


def test_of_several_steps_only_what_they_share_is_said() -> None:
    steps = [order(), order(key="k2", ScheduledProcedureStepID="SPS2")]
    one = requested.as_one(steps)
    assert one is not None
    assert one.values["RequestedProcedureID"] == "RP1"
    assert "ScheduledProcedureStepID" not in one.values


def test_an_order_without_its_person_cannot_be_taken_over() -> None:
    assert requested.unreadable(order()) == ""
    assert requested.unreadable(order(PatientName="")) == "the name"
    assert requested.unreadable(order(PatientName="M?LLER")) == "the name"
    assert requested.unreadable(order(PatientID="")) == "the patient ID"


def test_in_words() -> None:
    ordered = order(ScheduledProcedureStepDescription="Thorax PA")
    assert requested.person(ordered) == "4711, RAHAYU^SITI, born 1980-02-05"
    assert requested.exam(ordered) == "CR, Thorax PA, accession number A1, 2024-03-14 10:00"
    assert requested.person(order({"PatientID": SITI["PatientID"]})) == "4711"
