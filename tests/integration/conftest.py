"""Owns what several integration tests start from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder in memory, if there is one: for tests of what is said, not of what is on disk."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def scene(memory: Path) -> Iterator[Scene]:
    """A box with a lane to try."""
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        made = Scene(Path(folder))
        yield made
        made.box.close()
