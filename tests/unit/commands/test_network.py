"""`jembatan network` and `jembatan ports`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from appliance.__main__ import main
from appliance.box import connect, network, state
from appliance.box.address import Changes
from appliance.box.connect import Places
from appliance.box.network import Dot1x, Lan, Network
from appliance.box.state import Link, State, Text
from appliance.call import Server
from tests.fakes.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = Network(lan=Lan("10.1.2.3/24"), dot1x=Dot1x("peap", "box", password="geheim"))
LINKS = (Link("lan", is_plugged=True, addresses=("10.1.2.3",)), Link("modality", is_plugged=False))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A box whose steward answers."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    places = Places(tmp_path, tmp_path)
    places.own.mkdir()
    network.save(tmp_path, OLD)
    connect.write(places, OLD)
    said = Text("x", ("line 4: nothing",))
    state.tell(places.told, State("jembatan-abcd1234", "abcd1234", OLD, LINKS, text=said))
    calls = Server(tmp_path / "run" / "steward.sock", Changes(places, Tools()).operations)
    calls.start()
    yield tmp_path
    calls.close()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(said(capsys, *words, "--json"))


def test_how_it_is(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "network", "show", "--root", str(root))
    for words in ("jembatan-abcd1234.local", "lan: 10.1.2.3", "no cable", "line 4: nothing"):
        assert words in shown
    told = document(capsys, "network", "show", "--root", str(root))
    assert told["network"]["lan"] == {"address": "10.1.2.3/24"}
    assert "geheim" not in shown + json.dumps(told)


def test_another_address_is_tried_and_confirmed_where_one_is(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--root", str(root))
    answer = document(capsys, "network", "set", "address=10.9.9.9/24", *where)
    assert answer == {"tried": True, "host": "10.9.9.9", "seconds": 120}
    assert "10.9.9.9, until it is confirmed" in said(capsys, "network", "show", *where)
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5000 10.1.2.3 22")
    assert main(["network", "confirm", *where]) == 1
    assert "only shown from 10.9.9.9" in capsys.readouterr().err
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5000 10.9.9.9 22")
    assert "kept" in said(capsys, "network", "confirm", *where)
    assert network.load(root).lan.host == "10.9.9.9"
    assert network.load(root).dot1x == OLD.dot1x


def test_it_can_be_given_up(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--root", str(root))
    words = said(capsys, "network", "set", "address=10.9.9.9/24", *where)
    assert "`jembatan network confirm` from 10.9.9.9" in words
    assert document(capsys, "network", "revert", *where) == {}
    assert main(["network", "revert", *where]) == 1
    assert "No network is being tried" in capsys.readouterr().err


def test_what_is_wrong_is_said_by_its_key(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--root", str(root))
    assert main(["network", "set", "gateway=10.7.7.7", *where]) == 1
    assert "network.gateway: 10.7.7.7 is not in the network" in capsys.readouterr().err
    assert "in force now" in said(capsys, "network", "set", "ntp=10.0.0.4", *where)


def test_every_port_is_told_of_a_box_and_of_a_workstation(
    root: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, "ports", "--root", str(root))
    assert {"TCP 443, 80", "UDP 5353", "UDP 123"} <= {each["port"] for each in found}
    elsewhere = str(tmp_path_factory.mktemp("workstation"))
    assert "TCP 8080" in said(capsys, "ports", "--root", elsewhere)
    assert main(["network", "show", "--root", elsewhere]) == 1
    assert "a workstation's is its own affair" in capsys.readouterr().err
