"""Which SOP class an image becomes: by what the profile wants, and what the image can be."""

from __future__ import annotations

import pytest

from appliance.convert import target
from appliance.settings.schema import Profile

CR, SC, US = (
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.6.1",
)
DX = "1.2.840.10008.5.1.4.1.1.1.1"
ENDOSCOPIC, PHOTO = "1.2.840.10008.5.1.4.1.1.77.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4"
US_FRAMES = "1.2.840.10008.5.1.4.1.1.3.1"
BYTES, WORDS, COLOURS = (f"{SC}.{n}" for n in (2, 3, 4))


@pytest.mark.parametrize(
    ("wanted", "modality", "colour", "bits", "expected", "noted"),
    [
        ("CR", "", False, 16, CR, False),
        ("CR", "", True, 8, SC, True),
        ("DX", "", False, 16, DX, False),
        ("DX", "DX", True, 8, SC, True),
        ("US", "", False, 8, US, False),
        ("US", "", True, 8, US, False),
        ("US", "", False, 16, SC, True),
        ("SC", "CR", False, 16, SC, False),
        ("SC", "", True, 16, SC, False),
        ("VL", "", True, 8, PHOTO, False),
        ("VL", "XC", False, 8, PHOTO, False),
        ("VL", "ES", True, 8, ENDOSCOPIC, False),
        ("VL", "ES", True, 16, SC, True),
        ("auto", "CR", False, 16, CR, False),
        ("auto", "CR", True, 8, SC, True),
        ("auto", "DX", False, 16, SC, False),
        ("auto", "US", True, 8, US, False),
        ("auto", "ES", True, 8, ENDOSCOPIC, False),
        ("auto", "XC", True, 8, PHOTO, False),
        ("auto", "OT", True, 8, SC, False),
        ("auto", "", False, 8, SC, False),
        ("PDF", "", False, 8, SC, False),
    ],
)
def test_an_image_becomes_what_it_can_be(
    wanted: str, modality: str, colour: bool, bits: int, expected: str, noted: bool
) -> None:
    profile = Profile(sop_class=wanted, modality=modality)
    uid, note = target.sop_class(profile, colour=colour, bits=bits)
    assert uid == expected
    assert bool(note) is noted


@pytest.mark.parametrize(
    ("wanted", "bits", "expected"),
    [("CR", 16, CR), ("SC", 16, SC), ("DX", 16, SC), ("US", 8, SC), ("VL", 8, SC)],
)
def test_values_below_zero_have_no_place_everywhere(wanted: str, bits: int, expected: str) -> None:
    profile = Profile(sop_class=wanted)
    uid, note = target.sop_class(profile, colour=False, bits=bits, signed=True)
    assert uid == expected
    assert ("below zero" in note) is (wanted not in {"CR", "SC"})
    assert not target.takes_frames(profile, colour=False, bits=bits, signed=True)


@pytest.mark.parametrize(("bits_stored", "expected"), [(0, True), (9, True), (8, False)])
def test_frames_of_words_have_more_than_eight_bits(bits_stored: int, expected: bool) -> None:
    profile = Profile(sop_class="SC", bits_stored=bits_stored)
    assert target.takes_frames(profile, colour=False, bits=16) is expected


def test_a_note_says_what_it_is_not() -> None:
    _, note = target.sop_class(Profile(sop_class="CR"), colour=True)
    assert note == "It is a colour image, which CR cannot be: made a Secondary Capture."
    _, note = target.sop_class(Profile(sop_class="US"), colour=False, bits=16)
    assert "16 bits" in note


def test_dx_for_processing_is_another_class() -> None:
    profile = Profile(sop_class="DX", set={"PresentationIntentType": "FOR PROCESSING"})
    assert target.sop_class(profile, colour=False)[0] == f"{DX}.1"


@pytest.mark.parametrize(
    ("wanted", "colour", "bits", "expected"),
    [
        ("US", False, 8, US_FRAMES),
        ("US", True, 8, US_FRAMES),
        ("US", False, 16, WORDS),
        ("SC", False, 8, BYTES),
        ("SC", False, 16, WORDS),
        ("SC", True, 8, COLOURS),
        ("auto", True, 8, COLOURS),
        ("CR", True, 8, COLOURS),
        ("CR", False, 16, ""),
        ("DX", False, 16, ""),
        ("VL", True, 8, ""),
        ("SC", True, 16, ""),
    ],
)
def test_pages_become_frames_where_the_class_has_frames(
    wanted: str, colour: bool, bits: int, expected: str
) -> None:
    profile = Profile(sop_class=wanted)
    assert target.takes_frames(profile, colour=colour, bits=bits) is bool(expected)
    if expected:
        assert target.sop_class(profile, colour=colour, bits=bits, frames=3)[0] == expected


@pytest.mark.parametrize("uid", [BYTES, WORDS, COLOURS, US, US_FRAMES, ENDOSCOPIC, PHOTO])
def test_there_white_is_the_highest_value(uid: str) -> None:
    assert target.wants_monochrome2(uid)


@pytest.mark.parametrize("uid", [CR, DX, SC])
def test_there_black_may_be_the_highest_value(uid: str) -> None:
    assert not target.wants_monochrome2(uid)


@pytest.mark.parametrize(
    ("uid", "modality"),
    [(CR, "CR"), (DX, "DX"), (US, "US"), (ENDOSCOPIC, "ES"), (PHOTO, "XC"), (SC, "OT")],
)
def test_some_classes_say_a_modality(uid: str, modality: str) -> None:
    assert target.modality(uid) == modality
