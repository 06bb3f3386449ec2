from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.box.identity import name_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_box_keeps_its_name_and_has_one_of_its_own(tmp_path: Path) -> None:
    name = name_of(tmp_path / "one")
    assert name_of(tmp_path / "one") == name
    assert name_of(tmp_path / "two") != name
    assert len(name) == 9


def test_half_a_name_is_made_anew(tmp_path: Path) -> None:
    name_of(tmp_path)
    (tmp_path / "box" / "name").write_text("half")
    assert len(name_of(tmp_path)) == 9
