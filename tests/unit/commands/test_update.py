"""`jembatan update`: what it says, and what it exits with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from appliance.__main__ import main
from appliance.call import Server
from appliance.errors import NoHelper
from tests.builders.updating import Bench
from tests.fakes.rauc import bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.board.mount import Mounted


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A box below tmp_path, whose steward answers."""
    bench = Bench(tmp_path)
    steward = Server(tmp_path / "run" / "steward.sock", bench.updates.operations)
    steward.start()
    yield bench
    steward.close()


def jembatan(bench: Bench, *words: str) -> int:
    return main(["update", *words, "--root", str(bench.root)])


def file(bench: Bench, content: bytes) -> str:
    path = bench.root / "u.raucb"
    path.write_bytes(content)
    return str(path)


def test_the_status_is_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert jembatan(bench, "status") == 0
    assert capsys.readouterr().out == (
        "Version 0.4.0, slot A.\nSlot B: 0.3.0, ready to go back to.\n"
    )
    assert jembatan(bench, "status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["slot"] == "A"


def test_a_file_is_installed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    path = file(bench, bundle("0.5.0+schema.4"))
    assert jembatan(bench, "install", path, "--no-restart") == 0
    assert capsys.readouterr().out == "Version 0.5.0 is installed; it runs after a restart.\n"
    assert not bench.restarted.is_set()
    assert jembatan(bench, "install", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["last"]["version"] == "0.5.0"
    assert bench.restarted.wait(5)
    assert jembatan(bench, "status") == 0
    assert "Last update: u.raucb, installed" in capsys.readouterr().out


def test_what_is_refused_is_said_and_fails(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(bench, bundle(signed=False))
    assert jembatan(bench, "install", path) == 1
    assert "is not signed by" in capsys.readouterr().err
    assert jembatan(bench, "install", "http://example.org/u.raucb") == 1
    assert "begins with https://" in capsys.readouterr().err
    assert jembatan(bench, "status") == 0
    assert "is not signed by" in capsys.readouterr().out


def test_a_stick_that_is_let_be_is_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    def mount() -> Mounted:
        raise NoHelper(what="USB", why="the devices service does not answer")

    bench.updates.take_from_stick(mount, "JEMBATAN-UPDATE")
    bench.wait()
    assert jembatan(bench, "status") == 0
    assert "Nothing was installed from the last stick: " in capsys.readouterr().out


def test_where_nobody_answers_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["update", "status", "--root", str(tmp_path)]) == 1
    assert "steward" in capsys.readouterr().err
