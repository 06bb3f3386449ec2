from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.settings import access
from appliance.settings.clerk import Clerk
from tests.builders.box import Box
from tests.web.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A box whose keeper answers."""
    box = Box(tmp_path)
    access.prepare(tmp_path)
    keeper = Server(box.paths.run / "keeper.sock", Clerk(tmp_path, lambda: None).operations)
    keeper.start()
    yield box
    keeper.close()
    box.close()


@pytest.fixture
def stranger(box: Box) -> Visitor:
    """Somebody who has just opened the page of a new box."""
    return Visitor(box)


@pytest.fixture
def owner(stranger: Visitor) -> Visitor:
    """Somebody who has claimed the box."""
    stranger.claim()
    return stranger
