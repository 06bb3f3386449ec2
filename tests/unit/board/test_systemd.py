"""What a service tells systemd, and what it takes over from it."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from appliance.board.systemd import Notifier, inherited_sockets
from tests.fakes.systemd import FakeSystemd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[float], FakeSystemd]]:
    made: list[FakeSystemd] = []

    def make(watchdog_s: float) -> FakeSystemd:
        made.append(FakeSystemd(tmp_path, watchdog_s))
        for name, value in made[-1].environment.items():
            monkeypatch.setenv(name, value)
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_service_says_ready_alive_and_stopping(systemd: Callable[[float], FakeSystemd]) -> None:
    listening = systemd(30)
    notifier = Notifier()
    notifier.ready()
    notifier.beat()
    notifier.stopping()
    assert listening.heard() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]
    assert notifier.beat_every_s == 15


def test_without_a_watchdog_nobody_wants_signs_of_life(
    systemd: Callable[[float], FakeSystemd],
) -> None:
    listening = systemd(0)
    notifier = Notifier()
    notifier.beat()
    assert listening.heard() == []
    assert notifier.beat_every_s == math.inf


def test_a_systemd_that_went_away_is_no_trouble(systemd: Callable[[float], FakeSystemd]) -> None:
    listening = systemd(0)
    notifier = Notifier()
    listening.close()
    notifier.ready()


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    Notifier().ready()
    assert inherited_sockets() == []


TAKES_OVER = """
import os
from appliance.board.systemd import inherited_sockets
os.environ["LISTEN_PID"] = str(os.getpid())
(bell,) = inherited_sockets()
print(bell.family.name, bell.type.name, bell.recv(9).decode())
"""


def test_a_socket_that_systemd_bound_is_taken_over(tmp_path: Path) -> None:
    path = str(tmp_path / "convert.bell")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as clapper,
    ):
        bell.bind(path)
        clapper.sendto(b"!", path)
        done = subprocess.run(
            [sys.executable, "-c", f"import os; os.dup2({bell.fileno()}, 3)\n{TAKES_OVER}"],
            pass_fds=[bell.fileno()],
            env={**os.environ, "LISTEN_FDS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "AF_UNIX SOCK_DGRAM !\n"
