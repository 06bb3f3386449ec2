"""Tag edits and letters in the settings: what may be asked for, and what is said of the rest."""

from __future__ import annotations

import pytest

from appliance.errors import BadSettings
from appliance.settings.load import parse

PACS = '[[destination]]\nname = "pacs"\nhost = "h"\nport = 104\nae_title = "PACS"\n'
CR = '[[profile]]\nname = "cr"\n'

EDITS = """
remove = ["StationName"]
copy = { StudyID = "AccessionNumber" }
template = { AccessionNumber = "{PatientID}-{StudyDate}" }
map = { PatientSex = { "L" = "M", "P" = "F", "" = "O" } }
set = { InstitutionName = "RSUD", PixelIntensityRelationshipSign = "-1" }
"""


def faults(text: str) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        parse(text, "f")
    return caught.value.sentence.splitlines()


@pytest.mark.parametrize("table", [CR, PACS])
def test_profiles_and_destinations_have_the_same_edits(table: str) -> None:
    settings = parse(table + EDITS, "f")
    (edits,) = settings.profiles or settings.destinations
    assert edits.remove == ("StationName",)
    assert edits.copy == {"StudyID": "AccessionNumber"}
    assert edits.template == {"AccessionNumber": "{PatientID}-{StudyDate}"}
    assert edits.map == {"PatientSex": {"L": "M", "P": "F", "": "O"}}
    assert edits.set == {"InstitutionName": "RSUD", "PixelIntensityRelationshipSign": "-1"}


@pytest.mark.parametrize("table", [CR, PACS])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('remove = ["StationNam"]', "did you mean StationName?"),
        ('remove = ["StudyInstanceUID"]', "is not a DICOM keyword that can be used here"),
        ('copy = { StudyID = "PatientNumber" }', "'PatientNumber' is not a DICOM keyword"),
        ('copy = { SOPInstanceUID = "PatientID" }', "'SOPInstanceUID' is not a DICOM keyword"),
        ('template = { StudyID = "{PatientNumber}" }', "'PatientNumber' is not a DICOM keyword"),
        ('template = { StudyID = "RSUD" }', "is not a text such as {PatientID}-{AccessionNumber}"),
        ('template = { StudyID = "{PatientID" }', "is not a text such as"),
        ('template = { StudyID = "{PatientID!r}" }', "is not a text such as"),
        ('template = { StudyID = "{{PatientID}}" }', "is not a text such as"),
        ('map = { Sex = { "M" = "F" } }', "'Sex' is not a DICOM keyword"),
        ('map = { PatientSex = "F" }', "must be a table"),
        ('map = { PatientSex = { "M" = 1 } }', "must be text in quotes"),
        ('map = { PatientSex = { "M" = "a\\nb" } }', "must be one line"),
        ('set = { PixelData = "x" }', "'PixelData' is not a DICOM keyword"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(table: str, line: str, expected: str) -> None:
    (fault,) = faults(f"{table}{line}")
    assert expected in fault


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 100", "ISO_IR 6"])
def test_a_destination_may_have_letters_of_its_own(charset: str) -> None:
    text = f'{PACS}charset = "{charset}"\ntransliterate = true'
    (destination,) = parse(text, "f").destinations
    assert (destination.charset, destination.transliterate) == (charset, True)


def test_other_letters_are_not_written() -> None:
    (fault,) = faults(f'{PACS}charset = "GBK"')
    assert "charset: must be one of ISO_IR 192, ISO_IR 100, ISO_IR 6" in fault


@pytest.mark.parametrize(
    ("sop_class", "modality", "fitting"),
    [("US", "CR", "US or IVUS"), ("VL", "CR", "XC or ES"), ("DX", "CR", "DX")],
)
def test_a_modality_fits_its_class(sop_class: str, modality: str, fitting: str) -> None:
    text = f'{CR}sop_class = "{sop_class}"\nmodality = '
    (fault,) = faults(f'{text}"{modality}"')
    assert fault.endswith(f'cr.modality: must be {fitting} with sop_class = "{sop_class}"')
    for good in fitting.split(" or "):
        assert parse(f'{text}"{good}"', "f").profiles[0].modality == good
