from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance import durable
from appliance.call import Server
from appliance.settings import access
from appliance.settings.clerk import Clerk
from tests.builders.box import Box
from tests.web.visitor import PASSWORD, Visitor

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


@pytest.fixture(scope="session")
def claimed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a claim leaves behind; made once, for passwords are slow on purpose."""
    root = tmp_path_factory.mktemp("claimed")
    access.prepare(root)
    access.claim(root, access.claim_code(root), PASSWORD)
    return (root / "etc" / "access.json").read_bytes()


@pytest.fixture
def owner(stranger: Visitor, claimed: bytes) -> Visitor:
    """Somebody who has claimed the box."""
    durable.publish(stranger.box.paths.etc / "access.json", claimed)
    stranger.is_let_in()
    return stranger
