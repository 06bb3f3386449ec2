"""What the scan of a box's ports says of each."""

from __future__ import annotations

import socket

import pytest

from tests.peers.orthanc import free_port
from tests.prove.image_scan import asked

pytestmark = pytest.mark.network


def test_who_listens_is_open_and_who_does_not_refuses() -> None:
    closed = free_port()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        is_open = listening.getsockname()[1]
        found = dict(asked("127.0.0.1", [is_open, closed]))
    assert found == {is_open: "open", closed: "refused"}


def test_nobody_there_is_silent_or_barred() -> None:
    found = dict(asked("192.0.2.1", [80]))
    assert found.keys() == {80}
    assert found[80] != "open"
