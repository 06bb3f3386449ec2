"""The label: what stands on it, and that its code is the address."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import segno

from appliance.desk.label import HEIGHT_MM, WIDTH_MM, Label, svg

FINGERPRINT = ":".join(f"{at:02X}" for at in range(32))
LABEL = Label("100000003d1f89ab", "jembatan-3d1f89ab", FINGERPRINT)


def texts(label: Label) -> list[str]:
    tree = ElementTree.fromstring(svg(label))
    return [each.text or "" for each in tree.iter() if each.tag.endswith("text")]


def test_it_says_where_the_box_is_which_one_and_how_it_is_known() -> None:
    said = texts(LABEL)
    assert "https://jembatan-3d1f89ab.local" in said
    assert "https://169.254.77.7" in said
    assert "Serial 100000003d1f89ab" in said
    assert ":".join(said[-3:-1]) == FINGERPRINT
    assert said[-1] == "Transfers images. Not a medical device."


def test_its_code_is_the_address() -> None:
    rows = [list(row) for row in segno.make("https://jembatan-3d1f89ab.local/", error="m").matrix]
    dark = re.findall(r"M(\d+) (\d+)h1v1h-1z", svg(LABEL))
    assert {(int(x), int(y)) for x, y in dark} == {
        (x, y) for y, row in enumerate(rows) for x, bit in enumerate(row) if bit
    }


def test_what_is_not_known_is_left_to_be_written() -> None:
    blank = texts(Label("", "jembatan-unknown"))
    assert sum("_ _ _" in line for line in blank) == 3


def test_it_has_the_size_of_the_paper() -> None:
    assert f'width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm"' in svg(LABEL)


def test_texts_from_outside_are_no_markup() -> None:
    assert "<b>" not in svg(Label("<b>", "a&b"))
