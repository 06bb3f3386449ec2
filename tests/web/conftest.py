from __future__ import annotations

import socket
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from appliance import durable
from appliance.call import Server
from appliance.settings import access
from appliance.settings.clerk import Clerk
from appliance.web.app import create_app
from appliance.web.doors import Doors
from tests.builders.box import Box
from tests.web.browser import Person, browser
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


@pytest.fixture
def person(box: Box, served: int, claimed: bytes, tmp_path: Path) -> Iterator[Person]:
    """Somebody who is logged in at the page."""
    durable.publish(box.paths.etc / "access.json", claimed)
    with browser(tmp_path / "chromium", f"http://127.0.0.1:{served}") as person:
        person.visit("/login")
        person.fill("Password", PASSWORD)
        person.press("Log in")
        person.sees("Three steps, and images travel")
        yield person


@pytest.fixture
def served(box: Box) -> Iterator[int]:
    """The port at which the page of a box is served where only keeper runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    doors = Doors(create_app(box.paths, box.clock))
    doors.open(listening)
    thread = Thread(target=doors.run, daemon=True)
    thread.start()
    yield port
    doors.close()
    thread.join()
