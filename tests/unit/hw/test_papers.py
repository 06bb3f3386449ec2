"""What hw/ says in words and figures agrees with what the product does."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from appliance.board.button import WINDOWS, Meaning
from hw.hold import needed, rows

HW = Path(__file__).parents[3] / "hw"
README = (HW / "README.md").read_text(encoding="utf-8")


def test_the_readme_begins_with_what_is_out_of_scope() -> None:
    assert README.splitlines()[2] == "## Out of scope"
    assert "IEC 60601-1" in README.split("## ")[1]


def test_the_sum_of_the_power_hold_is_that_of_the_readme() -> None:
    assert "\n".join(rows()) in README


def test_a_hold_is_what_physics_says() -> None:
    hold = needed(10)
    assert hold.joules == pytest.approx(10 * 1.2 * 5.1)
    kept = hold.farads / 2 * (5.0**2 - 2.5**2)
    assert kept * 0.7 * 0.95 * 0.85 == pytest.approx(hold.joules)
    assert hold.each_farads == 2 * hold.farads
    assert needed(20).farads == pytest.approx(2 * hold.farads)


def test_the_buttons_times_are_those_of_the_readme() -> None:
    said = {
        Meaning.STATUS: "up to {until_s:.0f} s",
        Meaning.NETWORK: "{from_s:.0f} to {until_s:.0f} s",
        Meaning.RESET: "held while switching on, {from_s:.0f} to {until_s:.0f} s from when "
        "keeper runs",
    }
    for window in WINDOWS:
        words = said[window.meaning].format(from_s=window.from_s, until_s=window.until_s)
        assert f"| {words} |" in README


def test_every_part_has_a_requirement_and_an_alternative_and_says_whether_it_was_tried() -> None:
    with (HW / "bom.csv").open(encoding="utf-8", newline="") as file:
        parts = list(csv.DictReader(file))
    assert len(parts) > 15
    for part in parts:
        assert all(part.values()), part
        assert part["tried"] in ("yes", "no")
        assert not re.search(r"[$€]|price", " ".join(part.values()))


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (HW / target).exists(), target
