"""Owns an old box and its spare, made once for each file of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.spares import Room, copied, room

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return room(tmp_path_factory.mktemp("template"))


@pytest.fixture
def here(template: Room, tmp_path: Path) -> Room:
    return copied(template, tmp_path / "room")
