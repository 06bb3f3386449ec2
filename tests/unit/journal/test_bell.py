from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import pytest

from appliance.journal.bell import Bell, hang, ring
from tests.unit.journal.processes import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Bell]:
    bell = Bell(hang(tmp_path, "deliver"))
    yield bell
    bell.close()


def test_a_ring_wakes(bell: Bell, tmp_path: Path) -> None:
    assert not bell.wait(0)
    ring(tmp_path, "deliver")
    assert bell.wait(5)
    assert not bell.wait(0)


def test_a_ring_before_the_wait_is_not_lost(bell: Bell, tmp_path: Path) -> None:
    with process(
        "from appliance.journal.bell import ring; ring(box.paths.root, 'deliver')", tmp_path
    ) as other:
        other.rest()
    assert bell.wait(0)


def test_many_rings_are_one_reason_to_look_and_never_block(bell: Bell, tmp_path: Path) -> None:
    for _ in range(5000):
        ring(tmp_path, "deliver")
    assert bell.wait(0)
    assert not bell.wait(0)


def test_nobody_listening_is_nobody_s_trouble(tmp_path: Path) -> None:
    ring(tmp_path, "deliver", "keeper")
    Bell(hang(tmp_path, "deliver")).close()
    ring(tmp_path, "deliver")


def test_a_bell_takes_the_place_of_a_dead_one(bell: Bell, tmp_path: Path) -> None:
    new = Bell(hang(tmp_path, "deliver"))
    ring(tmp_path, "deliver")
    assert new.wait(5)
    assert not bell.wait(0)
    new.close()


def test_others_are_rung_beside_it(bell: Bell, tmp_path: Path) -> None:
    ring(tmp_path, "keeper", "deliver")
    assert select.select([bell], [], [], 5)[0] == [bell]


def test_something_else_wakes_too_and_is_no_ring(bell: Bell) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        assert not bell.wait(5, ours)
        assert ours.recv(1) == b"x"
