from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def machine_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests as root has a machine with a name."""
    monkeypatch.setattr("socket.sethostname", lambda _: None)


@pytest.fixture(autouse=True)
def coverage_goes_on() -> Iterator[None]:
    """A test that traces for itself puts back what it found, or all after it go unmeasured."""
    found = sys.gettrace()
    yield
    assert sys.gettrace() is found


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()
