"""jembatan.txt as people write it: each case is a folder, and what the box makes of it."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from appliance.box import first_boot, network, result, state, wishes
from appliance.box.board import Board, Kind
from appliance.box.connect import Places
from appliance.box.network import Network
from appliance.clock import SystemClock
from tests.fakes.tools import Tools

CASES = sorted(Path("tests/data/jembatan-txt").iterdir())
BOARD = Board("10000000abcd1234", "Raspberry Pi 4 Model B", Kind.RPI, None)


class Card:
    """A box's boot partition, and what the box keeps of its own."""

    def __init__(self, tmp_path: Path, case: Path | None = None) -> None:
        self.boot = tmp_path / "boot"
        self.places = Places(tmp_path / "data", tmp_path / "run")
        self.places.root.mkdir()
        self.tools = Tools()
        if case:
            shutil.copytree(case, self.boot, ignore=shutil.ignore_patterns("expected.toml"))
        else:
            self.boot.mkdir()
        (self.boot / result.NAME).write_bytes(result.padded("nothing yet\n"))

    def start(self) -> state.State:
        return first_boot.prepare(self.places, BOARD, self.tools, self.boot)

    @property
    def kept(self) -> dict[str, Any]:
        return network.changed(network.load(self.places.root))

    def said(self, now: state.State) -> str:
        result.publish(self.boot, result.text(now, result.Claim(), SystemClock()))
        return (self.boot / result.NAME).read_bytes().decode()

    def everything(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.boot.iterdir())


@pytest.fixture(autouse=True)
def lock_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.box.bootfat._LOCK", Path("/dev/null"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_as_people_write_it(case: Path, tmp_path: Path) -> None:
    expected = tomllib.loads((case / "expected.toml").read_text())
    card = Card(tmp_path, case)
    now = card.start()
    assert numbers(now.text.faults) == expected["faults"]
    assert card.kept == network.changed(network.of(lists(expected["network"])))
    said = card.said(now)
    assert [text for text in expected["says"] if text not in said] == []
    for secret in expected.get("wiped", ()):
        assert secret.encode() not in card.everything()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_was_read_is_not_read_again(case: Path, tmp_path: Path) -> None:
    card = Card(tmp_path, case)
    first = card.start()
    network.save(card.places.root, Network(hostname="set-on-the-page"))
    assert card.start().text == first.text
    assert card.kept == {"hostname": "set-on-the-page"}


TEMPLATE = Path("appliance/box/jembatan.txt").read_bytes()


def test_the_file_as_it_comes_names_every_key_and_says_nothing() -> None:
    assert (CASES[0] / "jembatan.txt").read_bytes() == TEMPLATE
    offered = re.findall(rb"^# ([a-z0-9-]+) = ", TEMPLATE, re.MULTILINE)
    assert set(wishes.KEYS) == {key.decode() for key in offered}


def test_what_the_file_offers_may_be_written() -> None:
    """With its # taken away; what needs the hospital's own files and keys aside."""
    free = re.sub(rb"(?m)^# (?=(?!8021x|ca |ssh)[a-z0-9-]+ = )", b"", TEMPLATE)
    reading = wishes.read(free, Network(), lambda *_: b"")
    assert reading.faults == ()
    assert set(reading.groups) == {"name", "lan", "modality", "time", "timezone", "wifi"}
    assert reading.network.lan.address == "10.1.2.3/24"


def numbers(faults: tuple[str, ...]) -> list[int]:
    words = [fault.partition(":")[0] for fault in faults]
    lines = [int(word.removeprefix("line ")) if word.startswith("line ") else 0 for word in words]
    return list(dict.fromkeys(lines))


def lists(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
