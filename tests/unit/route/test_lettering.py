"""What a destination can say: letters fit, are held, or are written plainly; never a "?"."""

from __future__ import annotations

import pytest

from appliance.errors import CannotSay
from appliance.route.lettering import Lettering

LATIN, PLAIN = "ISO_IR 100", "ISO_IR 6"


@pytest.mark.parametrize(
    ("charset", "name", "expected"),
    [
        # Names that fit are not touched, whatever is allowed.
        (PLAIN, "SITI", "SITI"),
        (LATIN, "Müller^Jörg", "Müller^Jörg"),
        (PLAIN, "Müller^Jörg", "Muller^Jorg"),
        (PLAIN, "Mu\u0308ller", "Muller"),  # the accent as a character of its own
        (LATIN, "Mu\u0308ller", "Müller"),
        (PLAIN, "Łukasz^Ødegård", "Lukasz^Odegard"),
        (LATIN, "Łukasz^Ødegård", "Lukasz^Ødegård"),
        (PLAIN, "Дмитрий", "Dmitriy"),
        # A name that is there in letters does not need its other spellings (PS3.5 6.2.1.1).
        (PLAIN, "Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou"),
        (LATIN, "Müller=山田", "Müller"),
        (PLAIN, "Müller^^^Dr.", "Muller^^^Dr."),
    ],
)
def test_a_name_in_letters_that_can_be_said(charset: str, name: str, expected: str) -> None:
    lettering = Lettering(charset, "pacs", transliterate=True)
    assert lettering.fitted("PatientName", "PN", name) == expected


@pytest.mark.parametrize(
    ("charset", "name"),
    [(PLAIN, "Müller"), (LATIN, "Łukasz"), (PLAIN, "Yamada=山田"), (LATIN, "王^小东")],
)
def test_without_leave_a_name_waits_for_a_person(charset: str, name: str) -> None:
    with pytest.raises(CannotSay, match=name.replace("^", ".")) as caught:
        Lettering(charset, "pacs").fitted("PatientName", "PN", name)
    assert caught.value.code == "unencodable-name"


@pytest.mark.parametrize(
    "name",
    [
        "王^小东",  # read in many ways
        "山田^太郎",
        "=山田^太郎",
        "^^=山田",
        "\ue000",  # private use: nobody knows
        "\uff21\uff3e\uff22",  # would become a delimiter of DICOM's own
        "\uff21\uff1d\uff22",
        "\uff21\uff3c\uff22",
        "誰\uff1f",
        "\uff1f",
    ],
)
def test_what_has_no_sure_spelling_waits_for_a_person(name: str) -> None:
    with pytest.raises(CannotSay):
        Lettering(PLAIN, "pacs", transliterate=True).fitted("PatientName", "PN", name)


def test_text_that_is_no_name_keeps_its_equals_signs() -> None:
    lettering = Lettering(PLAIN, "pacs", transliterate=True)
    assert lettering.fitted("StudyDescription", "LO", "Schädel=x") == "Schadel=x"
