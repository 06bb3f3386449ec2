from __future__ import annotations

import os
from threading import Timer
from typing import TYPE_CHECKING

import pytest

from appliance.box import restart

if TYPE_CHECKING:
    from pathlib import Path

SYSTEMCTL = '#!/bin/sh\necho "$@" >>"${0%/*}/asked"\necho "Access denied" >&2\nexit '


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a systemctl that refuses puts down what it was asked for."""
    (tmp_path / "systemctl").write_text(f"{SYSTEMCTL}1\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "asked"


def test_a_machine_that_does_not_start_again_says_so(
    asked: Path, caplog: pytest.LogCaptureFixture
) -> None:
    restart.restart()
    assert asked.read_text() == "reboot\n"
    assert "the box does not start again: systemctl did not" in caplog.text
    assert "Access denied" in caplog.text


def test_who_asked_is_answered_first(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[Timer] = []

    def timer(seconds: float, act: object) -> Timer:
        assert seconds >= 1
        timers.append(Timer(0.01, act))  # type: ignore[arg-type]
        return timers[0]

    monkeypatch.setattr(restart, "Timer", timer)
    restart.restart_soon()
    timers[0].join()
    assert asked.read_text() == "reboot\n"
