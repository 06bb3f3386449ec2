"""Two spellings of a name: what is the same, what is not, and what nobody can tell."""

from __future__ import annotations

import pytest

from appliance.identify.names import Verdict, compare, is_damaged, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DOE^JANE", "doe^jane"),
        ("DOE^JANE^^^", "DOE^JANE"),
        ("  DOE ^ JANE ", "DOE^JANE"),
        ("VAN  DER BERG^JAN", "VAN DER BERG^JAN"),
        ("DOE JANE MARY", "DOE^JANE^MARY"),
        ("DOE JANE", "DOE^JANE^^DR"),
        ("DOE_JANE", "DOE^JANE"),
        ("Doe, Jane", "DOE^JANE"),
        ("VAN_DER_BERG^JAN", "Van der Berg^Jan"),
        ("DOE^JANE^^DR", "DOE^JANE"),
        ("STRA\xdfE^EVA", "stra\xdfe^eva"),
        ("\uff94\uff8f\uff80\uff9e", "\u30e4\u30de\u30c0"),  # half and full width katakana
        ("DOE^JANE=", "DOE^JANE"),
        ("A^B=C^D", "A^B=C^D=E^F"),
        ("=\u738b^\u5c0f\u6771", "Wang^XiaoDong=\u738b^\u5c0f\u6771"),
    ],
)
def test_the_same_name(one: str, other: str) -> None:
    assert compare(one, other) is compare(other, one) is Verdict.AGREES


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DOE^JANE", "JANE^DOE"),
        ("JANE DOE", "DOE^JANE"),
        ("JANE_DOE", "DOE^JANE"),
        ("DOE^JANE", "DOE"),
        ("DOE^JANE", "DOE^JAN"),
        ("DOE^JANE", "DOE^JANE^MARY"),
        ("DOE^JANE^^^II", "DOE^JANE^^^III"),
        ("DOE^JANE^^MR", "DOE^JANE^^MRS"),
        ("VAN DER^BERG", "VAN^DER BERG"),
        ("MULLER", "M\xdcLLER"),
        ("WEISS", "WEI\xdf"),
        ("A^B=C^D", "A^B=C^E"),
        ("O'NEILL", "ONEILL"),
        ("SITI-NUR", "SITI NUR"),
    ],
)
def test_another_name(one: str, other: str) -> None:
    assert compare(one, other) is compare(other, one) is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "DOE"),
        ("^^^", "DOE"),
        ("=\u738b^\u5c0f\u6771", "Wang^XiaoDong"),
        ("==\u3084\u307e\u3060", "==\u3084\u307e\u3060"),  # a reading is shared by many
        ("M?LLER", "M?LLER"),
        ("M\xc3\xbcller", "M\xc3\xbcller"),
    ],
)
def test_nobody_can_tell(one: str, other: str) -> None:
    assert compare(one, other) is compare(other, one) is Verdict.SILENT


@pytest.mark.parametrize(
    "name",
    [
        "M\xc3\xbcller",  # UTF-8 read as Latin-1
        "\xd0\u0160\xd0\xbe\xd1\u201a",  # UTF-8 read as Windows-1252
        "M\ufffdller",
        "M?ller",
        "\x93\xfa",  # Shift-JIS read as Latin-1: control characters
        "DOE\x1b$B",  # an escape sequence nobody followed
    ],
)
def test_damaged_names(name: str) -> None:
    assert is_damaged(name)


@pytest.mark.parametrize(
    "name", ["DOE^JANE", "M\xfcller^Bj\xf6rn", "\u738b^\u5c0f\u6771", "\xc3ngel", "\xc5ngstr\xf6m"]
)
def test_letters_that_are_rare_but_right(name: str) -> None:
    assert not is_damaged(name)


def test_the_words_of_a_name_are_those_of_its_first_group() -> None:
    assert words("Van Der^Berg^^DR^II=X^Y") == ("van", "der", "berg", "ii")
    assert words("=\u738b^\u5c0f\u6771") == ("\u738b", "\u5c0f\u6771")
    assert words("^^") == ()
