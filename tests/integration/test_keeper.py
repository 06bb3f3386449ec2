"""keeper as the process it is: ready, lamps, calls, bells, and it leaves when told to."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from appliance.call import ask
from appliance.errors import NobodyAnswers, Recoding, ServiceGone
from appliance.journal.away import is_away
from appliance.journal.bell import Bell, hang
from appliance.journal.charge import Charge
from appliance.model import ItemState
from appliance.settings import access
from appliance.settings.current import Current
from tests.builders.box import Box
from tests.fakes.systemd import FakeSystemd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


BELLS = ("convert", "watch", "deliver", "share")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[FakeSystemd]:
    systemd = FakeSystemd(tmp_path, watchdog_s=1)
    yield systemd
    systemd.close()


@pytest.fixture
def bells(tmp_path: Path) -> Iterator[dict[str, Bell]]:
    bells = {name: Bell(hang(tmp_path / "run", name)) for name in BELLS}
    yield bells
    for bell in bells.values():
        bell.close()


@pytest.fixture
def keeper(tmp_path: Path, systemd: FakeSystemd) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "appliance.services.keeper", "--root", str(tmp_path)],
        env={**os.environ, **systemd.environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert systemd.heard(10, most=1) == ["READY=1"]
        yield keeper
        keeper.kill()


def drawn(keeper: subprocess.Popen[str]) -> str:
    assert keeper.stderr
    return keeper.stderr.readline()


def test_a_new_box_gets_its_code_its_lamps_and_its_settings(
    tmp_path: Path, keeper: subprocess.Popen[str], bells: dict[str, Bell]
) -> None:
    assert "idle: everything that came was delivered" in drawn(keeper)
    socket = tmp_path / "run" / "keeper.sock"
    code = access.claim_code(tmp_path)
    ask(socket, {"op": "claim", "code": code, "password": "correct horse"})
    assert access.claimed(tmp_path)
    ask(socket, {"op": "settings", "toml": '[box]\nname = "A"'})
    assert Current(tmp_path).get().box.name == "A"
    assert bells["watch"].wait(5)
    assert bells["deliver"].wait(5)
    assert socket.stat().st_mode & 0o777 == 0o600


def test_what_nobody_converts_makes_keeper_ring(
    tmp_path: Path, bells: dict[str, Bell], request: pytest.FixtureRequest
) -> None:
    box = Box(tmp_path)
    box.item(ItemState.ARRIVED)
    box.close()
    keeper = request.getfixturevalue("keeper")
    assert "working: images are on their way" in drawn(keeper)
    assert bells["convert"].wait(5)


def test_what_nobody_unpacks_makes_keeper_ring(
    tmp_path: Path, bells: dict[str, Bell], request: pytest.FixtureRequest
) -> None:
    box = Box(tmp_path)
    box.item(ItemState.ROUTED)
    why = Recoding(peer="PACS", wanted="that", syntax="this")
    box.journal.recodings.ask(box.take_up(), {1: "1.2"}, why, pixels=True)
    box.close()
    request.getfixturevalue("keeper")
    assert bells["convert"].wait(5)


def test_what_an_earlier_keeper_said_of_services_is_looked_at_anew(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    box = Box(tmp_path)
    gone = ServiceGone(does="shows the page")
    box.journal.custody.set_place("service", "web", "trouble", gone)
    keeper = request.getfixturevalue("keeper")
    assert "service web: all is well again" in drawn(keeper)
    assert "idle: everything that came was delivered" in drawn(keeper)
    assert [row["code"] for row in box.journal.ledger.places()] == [""]
    box.close()


def test_what_nobody_takes_any_more_needs_a_person(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    film = tmp_path / "shares" / "gone" / "film.tif"
    film.parent.mkdir(parents=True)
    film.write_bytes(b"film")
    keeper = request.getfixturevalue("keeper")
    assert "Nobody takes 1 file in the folder of the share gone" in drawn(keeper)
    assert "needs a person" in drawn(keeper)


def test_what_a_cut_left_half_way_is_made_good_and_told(
    tmp_path: Path, bells: dict[str, Bell], request: pytest.FixtureRequest
) -> None:
    """A share has looked before keeper did, and looks again only when it is told to."""
    box = Box(tmp_path)
    box.journal.charge.set(Charge.LEAVING, "m")
    box.close()
    request.getfixturevalue("keeper")
    assert bells["share"].wait(5)
    assert bells["watch"].wait(5)
    assert not is_away(box.paths)


def test_it_gives_signs_of_life_and_leaves_when_told(
    tmp_path: Path, keeper: subprocess.Popen[str], systemd: FakeSystemd
) -> None:
    assert systemd.heard(10, most=3) == ["WATCHDOG=1"] * 3
    keeper.terminate()
    assert keeper.wait(10) == 0
    assert systemd.heard()[-1] == "STOPPING=1"
    with pytest.raises(NobodyAnswers):
        ask(tmp_path / "run" / "keeper.sock", {"op": "settings"})
