"""What routes may ask of a value, as it is written in the settings."""

from __future__ import annotations

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR

from appliance.errors import BadSettings
from appliance.settings.conditions import Condition, Like, Not, OneOf, Regex, holds, read
from appliance.settings.keywords import TEXTS, UIDS, dictionary
from appliance.settings.load import parse
from appliance.settings.schema import Match, Settings

HEAD = """
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
[[destination]]
name = "pacs"
host = "h"
port = 104
ae_title = "PACS"
"""


def parsed(when: str, more: str = "") -> Settings:
    return parse(f'{more}{HEAD}[[route]]\nto = ["pacs"]\nwhen = {{ {when} }}\n', "f")


def fault(when: str) -> str:
    with pytest.raises(BadSettings) as refused:
        parsed(when)
    (line,) = refused.value.sentence.splitlines()
    return line


@pytest.mark.parametrize(
    ("written", "condition", "words"),
    [
        ('"CR*"', Like("CR*"), '"CR*"'),
        ('["CR", "DX"]', OneOf(("CR", "DX")), '"CR" or "DX"'),
        ('{ in = ["CR"] }', OneOf(("CR",)), '"CR"'),
        ('{ regex = "^C" }', Regex("^C"), 'something with the pattern "^C"'),
        ('{ not = "CR" }', Not(Like("CR")), 'not "CR"'),
        ('{ not = { regex = "^C" } }', Not(Regex("^C")), 'not something with the pattern "^C"'),
        ('{ not = { in = ["CR", "DX"] } }', Not(OneOf(("CR", "DX"))), 'not "CR" or "DX"'),
    ],
)
def test_a_condition_is_read_and_told(written: str, condition: Condition, words: str) -> None:
    (route,) = parsed(f"Modality = {written}").routes
    assert route.when["Modality"] == condition
    assert str(condition) == words


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("Modality = 3", "must be a text, a list of texts, or one of {"),
        ('Modality = { like = "CR" }', "must be a text, a list of texts, or one of {"),
        ('Modality = { regex = "C", not = "D" }', "must be a text, a list of texts, or one of {"),
        ("Modality = [3]", "must be a text, a list of texts, or one of {"),
        ("Modality = []", "must not be an empty list"),
        ('Modality = { regex = "(" }', "is not a regular expression: "),
        (r'Modality = "C\u0007"', "must be one line without control characters"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(when: str, reason: str) -> None:
    assert fault(when).startswith(f"f: route[1].when.Modality: {reason}")


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ('time = "7pm"', "'7pm' is not a time of the day such as 19:00-06:00"),
        ('time = { regex = "1" }', "'1' is not a time of the day such as 19:00-06:00"),
        ('time = { not = ["1-2"] }', "'1-2' is not a time of the day such as 19:00-06:00"),
        ('weekday = "Saturday"', "'Saturday' must be one of mon, tue, wed, thu, fri, sat, sun"),
        (
            'Modalty = "CR"',
            "'Modalty' is not a DICOM keyword that can be used here; did you mean ",
        ),
        ('PixelData = "CR"', "'PixelData' is not a DICOM keyword that can be used here"),
    ],
)
def test_what_is_asked_must_be_something_that_can_be_asked(when: str, reason: str) -> None:
    assert fault(when).startswith(f"f: route[1].when: {reason}")


def test_what_could_not_be_read_of_a_source_is_one_fault_and_not_two() -> None:
    assert fault("source = 3").startswith("f: route[1].when.source: must be a text")


def test_a_route_for_sources_that_are_not_there_is_told_as_it_is_written() -> None:
    found = fault('source = { regex = "^us" }')
    reason = 'there is no source named something with the pattern "^us"'
    assert found == f"f: route[1].when.source: {reason}"


def test_every_keyword_whose_value_is_text_or_numbers_may_be_asked_for() -> None:
    no = {"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "AT", "NONE"}
    told = {
        entry[4]
        for tag, entry in DicomDictionary.items()
        if entry[4] and not set(dictionary_VR(tag).split(" or ")) & no
    }
    assert dictionary() == told
    assert told >= TEXTS | UIDS
    assert parsed('Rows = "2140", PhotometricInterpretation = "MONO*"').routes


@pytest.mark.parametrize(
    ("span", "time", "lies_in_it"),
    [
        ("19:00-06:00", "19:00", True),
        ("19:00-06:00", "05:59", True),
        ("19:00-06:00", "06:00", False),
        ("08:00-16:00", "07:59", False),
        ("08:00-16:00", "", False),
    ],
)
def test_a_time_lies_in_a_stretch_of_the_day(span: str, time: str, lies_in_it: bool) -> None:
    assert holds("time", read(span), time) is lies_in_it


def test_time_and_weekday_are_written_like_any_other_condition() -> None:
    when = 'time = ["19:00-06:00", "12:00-13:00"], weekday = { not = ["sat", "sun"] }'
    (route,) = parsed(when).routes
    assert list(map(str, route.when.values())) == [
        '"19:00-06:00" or "12:00-13:00"',
        'not "sat" or "sun"',
    ]


def test_spaces_and_empty_components_at_the_end_make_no_difference() -> None:
    assert holds("PatientName", read("SITI"), "SITI^^ ")
    assert holds("ImageType", read("PRIMARY"), "ORIGINAL \\PRIMARY ")


def test_all_routes_count_unless_the_first_is_to_decide() -> None:
    assert parsed('Modality = "CR"').routing.match is Match.ALL
    more = '[routing]\nmatch = "first"\n'
    assert parsed('Modality = "CR"', more).routing.match is Match.FIRST


def test_where_the_first_decides_nothing_may_stand_behind_one_that_takes_all() -> None:
    text = f'[routing]\nmatch = "first"\n{HEAD}' + '[[route]]\nto = ["pacs"]\n' * 3
    with pytest.raises(BadSettings) as refused:
        parse(text, "f")
    reason = "can never match: route[1] has no conditions and takes every image"
    assert refused.value.sentence.splitlines() == [
        f"f: route[2].when: {reason}",
        f"f: route[3].when: {reason}",
    ]
    assert len(parse(HEAD + '[[route]]\nto = ["pacs"]\n' * 3).routes) == 3
