"""Owns the terminal that tests of commands type at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)
