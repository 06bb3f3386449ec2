"""`jembatan hw test` on a machine that is none of its boards."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance import __main__ as command_line
from appliance.box import notary
from appliance.box.board import board
from appliance.commands import hw

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)

    def run(*words: str) -> tuple[int, str]:
        status = command_line.main(["hw", "test", "--root", str(tmp_path), *words])
        return status, capsys.readouterr().out

    return run


def test_what_is_bad_is_said_with_what_to_do_and_the_exit_status(run: Run) -> None:
    status, out = run("--only", "board")
    assert status == 1
    assert "BAD   board: no Raspberry Pi" in out
    assert "expected: Raspberry Pi 4" in out
    assert "-> Use one of these boards" in out
    assert out.endswith("1 parts: 0 good, 1 bad, 0 cannot be told.\n")


def test_what_cannot_be_told_is_no_failure(run: Run) -> None:
    status, out = run("--only", "panel", "--json")
    assert status == 0
    parts = json.loads(out)["parts"]
    assert {part["verdict"] for part in parts} == {"cannot be told"}
    assert set(parts[0]) == {"name", "verdict", "found", "expected", "what_to_do"}


def test_the_parts_are_those_that_the_command_line_knows() -> None:
    options = Namespace(root=Path("/data"), serial="", wait=1)
    assert tuple(hw.tries(options, hw.Nobody())) == command_line._HW_PARTS  # noqa: SLF001


def test_a_part_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    with pytest.raises(SystemExit) as left:
        run("--only", "engine")
    assert left.value.code == 2


def test_the_label_of_a_board_is_written(tmp_path: Path) -> None:
    file = tmp_path / "label.svg"
    words = ["hw", "label", str(file), "--serial", "100000003D1F89AB"]
    assert command_line.main([*words, "--fingerprint", ":".join(["ab"] * 32)]) == 0
    assert "https://jembatan-3d1f89ab.local" in file.read_text()
    assert "AB:AB" in file.read_text()


def test_the_label_of_this_box_has_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(board(), serial="100000003d1f89ab")
    monkeypatch.setattr("appliance.commands.label.board", lambda: here)
    own = notary.prepare(tmp_path, ["jembatan-3d1f89ab.local"])
    file = tmp_path / "label.svg"
    assert command_line.main(["hw", "label", str(file), "--root", str(tmp_path)]) == 0
    said = file.read_text()
    assert own[:47] in said
    assert own[48:] in said


def test_a_fingerprint_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "label.svg"
    words = ["hw", "label", str(file), "--serial", "1", "--fingerprint", "AB:CD"]
    assert command_line.main(words) == 1
    assert "not 32 bytes" in capsys.readouterr().err
    assert not file.exists()
