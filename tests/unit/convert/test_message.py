"""Messages say whose images come, or nothing: never half, never two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.convert import message, sidecar
from appliance.errors import SidecarUnclear

if TYPE_CHECKING:
    from pathlib import Path

PID = b"PID|1||4711^^^RS^MR||SITI^AMINAH^^JR^DR||19800102|F\r"
HEAD = b"MSH|^~\\&|US|ROOM2|BOX|RS|20260506120000||ORU^R01|M1|P|2.3||||||8859/1\r"
HL7 = HEAD + PID + b"OBR|1|P1|F1||||20260506103000|||||||||||A123\r"
ASTM = b"H|\\^&|||US\rP|1|4711|LAB9||SITI^AMINAH||19800102|F\rL|1|N\r"
SITI = {"PatientID": "4711", "PatientBirthDate": "19800102", "PatientSex": "F"}


def said(content: bytes) -> dict[str, str]:
    return dict(message.read(content, "a", ""))


@pytest.mark.parametrize("ends", [b"\r", b"\n", b"\r\n"])
def test_an_hl7_message_names_its_patient_and_order(ends: bytes) -> None:
    assert said(HL7.replace(b"\r", ends)) == {
        **SITI,
        "IssuerOfPatientID": "RS",
        "PatientName": "SITI^AMINAH^^DR^JR",
        "PlacerOrderNumberImagingServiceRequest": "P1",
        "FillerOrderNumberImagingServiceRequest": "F1",
        "AccessionNumber": "A123",
        "StudyDate": "20260506",
        "StudyTime": "103000",
    }


def test_an_astm_message_names_its_patient() -> None:
    assert said(ASTM) == {**SITI, "PatientName": "SITI^AMINAH"}
    assert said(b"1" + ASTM) == said(ASTM)


def test_of_several_identifiers_only_the_medical_records_counts() -> None:
    several = PID.replace(b"4711^^^RS^MR", b"99^^^X^NI~4711^^^RS^MR")
    assert said(HEAD + several)["PatientID"] == "4711"
    assert "PatientID" not in said(HEAD + several.replace(b"^MR", b"^XX"))


def test_letters_are_read_in_the_declared_character_set() -> None:
    assert said(HEAD + PID.replace(b"SITI", b"\xdcMIT"))["PatientName"].startswith("ÜMIT")


@pytest.mark.parametrize(
    "content",
    [
        HEAD + PID + PID.replace(b"4711", b"4712"),
        ASTM.replace(b"L|1|N\r", b"P|2|4712\rL|1|N\r"),
        ASTM.replace(b"L|1|N\r", b""),
        b"something else",
        HEAD.replace(b"8859/1", b"") + PID.replace(b"SITI", b"\xdcMIT"),
        HL7 + b"x" * message.MOST_BYTES,
        b"MSH|" + b"^~" * 50 + PID,
    ],
    ids=["two-hl7", "two-astm", "cut-off-astm", "neither", "letters", "endless", "separators"],
)
def test_what_is_not_clear_is_no_evidence(content: bytes) -> None:
    with pytest.raises(SidecarUnclear):
        said(content)


def test_a_message_without_a_patient_says_nothing_of_one() -> None:
    assert message.patient(said(HEAD)) == ""


def test_an_answer_names_the_message_and_turns_sender_and_receiver() -> None:
    assert message.answer(HL7, "AA", "20260506") == (
        b"MSH|^~\\&|BOX|RS|US|ROOM2|20260506||ACK|M1|P|2.3\rMSA|AA|M1\r"
    )
    assert message.answer(b"\xff", "AE", "20260506").endswith(b"MSA|AE|\r")


def test_a_message_speaks_of_what_it_was_kept_with(tmp_path: Path) -> None:
    path = tmp_path / "b.hl7"
    path.write_bytes(HL7)
    assert sidecar.read(path, "b.hl7", "any.tif", "")["PatientID"] == "4711"
