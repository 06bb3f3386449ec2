"""The token says on which box's word a stick stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from appliance.box import token
from appliance.box.token import Token, Word

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"move": "m", "word": "released"}'])
def test_half_a_token_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "charge.json").write_bytes(content)
    assert token.read(tmp_path) is None


def test_a_token_of_somebody_elses_hand_is_none(tmp_path: Path) -> None:
    token.write(tmp_path, Token("m", Word.TAKEN, "a"))
    said = json.loads((tmp_path / "charge.json").read_bytes())
    (tmp_path / "charge.json").write_text(json.dumps({**said, "word": "released"}))
    assert token.read(tmp_path) is None
