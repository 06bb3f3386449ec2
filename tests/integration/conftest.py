"""Owns what several integration tests start from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appliance.board.disk import Room
from tests.builders.posing import Posing
from tests.builders.scene import Scene
from tests.builders.wired import Wired, a_film

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.settings.schema import Profile

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


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Callable[..., Wired]]:
    """Makes serial sources, each on a cable of its own."""
    made: list[Wired] = []

    def make(profile: Profile | None = None, **settings: Any) -> Wired:
        made.append(Wired(tmp_path / f"wired{len(made)}", profile, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def film() -> bytes:
    content = a_film(200_000)
    assert len(content) == 200_000
    return content


@pytest.fixture
def posing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Posing]:
    monkeypatch.setattr("appliance.sources.media.agreement.room", lambda _: Room(100, 90))
    drive = Posing(tmp_path)
    yield drive
    drive.close()
