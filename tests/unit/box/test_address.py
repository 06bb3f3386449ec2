"""Another address: tried, kept when it is confirmed from there, given up in every other case."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from appliance.box import address, connect, network, state
from appliance.box.address import Changes, after_the_answer, at_once
from appliance.box.connect import Places
from appliance.box.network import Lan, Network
from appliance.box.state import State
from appliance.errors import BadNetwork, NotFromThere, NoTrial, ToolFailed
from appliance.journal.session import Paths
from tests.fakes.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OLD = Network(lan=Lan("10.1.2.3/24", "10.1.2.1"), ntp=("10.0.0.4",))
NEW = {"address": "10.9.9.9/24", "gateway": "10.9.9.1"}
TIMER = "systemctl restart jembatan-network-revert.timer"
NO_TIMER = "systemctl stop jembatan-network-revert.timer"


class Running:
    """A box that runs with a network."""

    def __init__(self, tmp_path: Path) -> None:
        self.places = Places(tmp_path / "data", tmp_path / "run")
        self.places.own.mkdir(parents=True)
        self.tools = Tools()
        self.now_s = 1000.0
        self.addresses: Mapping[str, tuple[str, ...]] = {}
        network.save(self.places.root, OLD)
        connect.write(self.places, OLD)
        state.tell(self.places.told, State("jembatan-abcd1234", "abcd1234", OLD))
        self.changes = Changes(
            self.places, self.tools, at_once, lambda: self.now_s, lambda: self.addresses
        )

    def ask(self, op: str, **request: object) -> Mapping[str, Any]:
        answer = self.changes.operations[op](request)
        assert isinstance(answer, dict)
        return answer

    @property
    def kept(self) -> Network:
        return network.load(self.places.root)

    @property
    def told(self) -> State:
        found = state.told(self.places.told)
        assert found
        return found

    @property
    def lan(self) -> str:
        return (self.places.run / "systemd/network/50-jembatan-lan.network").read_text()


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    given: list[str] = []
    monkeypatch.setattr(connect, "rename", given.append)
    return given


def test_another_address_is_tried_and_not_kept(running: Running) -> None:
    answer = running.ask("network-set", values=NEW)
    assert answer == {"tried": True, "host": "10.9.9.9", "seconds": 120}
    assert running.kept == OLD
    assert "Address=10.9.9.9/24" in running.lan
    trial = running.told.trial
    assert trial
    assert (trial.network.lan.host, trial.until_s) == ("10.9.9.9", 1120.0)
    assert running.tools.told[0] == TIMER  # the way back is open before anything is tried
    assert "networkctl reload" in running.tools.told


def test_confirmed_from_there_it_is_kept(running: Running) -> None:
    running.ask("network-set", values=NEW)
    running.ask("network-confirm", host="10.9.9.9")
    assert running.kept.lan == Lan("10.9.9.9/24", "10.9.9.1")
    assert running.kept.ntp == OLD.ntp
    assert running.told.trial is None
    assert running.tools.told[-1] == NO_TIMER
    assert not running.changes.revert()


@pytest.mark.parametrize(
    "host", ["10.1.2.3", "169.254.77.7", "jembatan-abcd1234.local", "10.9.9.8"]
)
def test_from_anywhere_else_it_is_not_confirmed(running: Running, host: str) -> None:
    running.ask("network-set", values=NEW)
    with pytest.raises(NotFromThere, match=r"10\.9\.9\.9"):
        running.ask("network-confirm", host=host)
    assert running.kept == OLD
    assert running.told.trial


def test_who_stands_before_the_box_may_confirm(running: Running) -> None:
    running.ask("network-set", values=NEW)
    running.ask("network-confirm", host="")
    assert running.kept.lan.host == "10.9.9.9"


def test_an_address_by_dhcp_is_confirmed_at_what_was_given(running: Running) -> None:
    running.ask("network-set", values={"address": "", "gateway": ""})
    with pytest.raises(NotFromThere, match="has not got yet"):
        running.ask("network-confirm", host="10.5.0.7")
    running.addresses = {"lan": ("169.254.77.7", "10.5.0.7")}
    with pytest.raises(NotFromThere):
        running.ask("network-confirm", host="169.254.77.7")
    running.ask("network-confirm", host="10.5.0.7")
    assert running.kept.lan == Lan()


def test_not_confirmed_in_time_the_one_before_is_back(running: Running) -> None:
    running.ask("network-set", values=NEW)
    running.now_s = 1119.0
    assert not running.changes.revert_late()
    running.now_s = 1120.0
    assert running.changes.revert_late()
    assert "Address=10.1.2.3/24" in running.lan
    assert running.told.trial is None
    with pytest.raises(NoTrial):
        running.ask("network-confirm", host="10.9.9.9")


def test_what_failed_on_the_way_back_is_tried_again(running: Running) -> None:
    running.ask("network-set", values=NEW)
    running.now_s = 1120.0
    running.tools.broken = {"networkctl"}
    with pytest.raises(ToolFailed):
        running.changes.revert_late()
    running.tools.broken = set()
    running.tools.told.clear()
    assert running.changes.revert_late()
    assert "networkctl reload" in running.tools.told


def test_after_a_pulled_plug_the_one_before_is_back(running: Running, tmp_path: Path) -> None:
    running.ask("network-set", values=NEW)
    after_it = Places(running.places.root, tmp_path / "another run")
    connect.write(after_it, network.load(after_it.root))
    lan = after_it.run / "systemd/network/50-jembatan-lan.network"
    assert "Address=10.1.2.3/24" in lan.read_text()


def test_a_second_wish_takes_the_place_of_the_first(running: Running) -> None:
    running.ask("network-set", values=NEW)
    running.ask("network-set", values={"address": "10.8.8.8/24", "gateway": ""})
    running.ask("network-confirm", host="10.8.8.8")
    assert running.kept.lan == Lan("10.8.8.8/24")


def test_without_a_way_back_nothing_is_tried(running: Running) -> None:
    running.tools.broken = {"systemctl"}
    with pytest.raises(ToolFailed):
        running.ask("network-set", values=NEW)
    assert "Address=10.1.2.3/24" in running.lan
    assert (running.kept, running.told.trial) == (OLD, None)


@pytest.mark.parametrize("broken", ["networkctl", "nft"])
def test_what_cannot_be_tried_is_given_up(running: Running, broken: str) -> None:
    running.tools.broken = {broken}
    with pytest.raises(ToolFailed):  # the way back fails too, as long as nothing works
        running.ask("network-set", values=NEW)
    running.tools.broken = set()
    assert running.changes.revert()
    assert running.kept == OLD
    assert "Address=10.1.2.3/24" in running.lan


def test_what_fails_once_is_told(running: Running) -> None:
    running.tools.broken_once = {"networkctl"}
    running.ask("network-set", values=NEW)
    assert "Address=10.1.2.3/24" in running.lan
    assert (running.kept, running.told.trial) == (OLD, None)
    assert "could not be tried" in running.told.troubles[0]


def test_who_asked_has_the_answer_first(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_ANSWERED_S", 0)
    done = Event()
    with ExitStack() as at_work:
        at_work.callback(done.set)
        changes = Changes(
            running.places,
            running.tools,
            after_the_answer(running.places, lambda: at_work),
            lambda: running.now_s,
        )
        changes.operations["network-set"]({"values": NEW})
        assert done.wait(10)
    assert "Address=10.9.9.9/24" in running.lan


def test_what_nobody_can_lose_the_box_by_counts_at_once(
    running: Running, names: list[str]
) -> None:
    values = {"hostname": "cr2", "ntp": "10.0.0.5"}
    assert running.ask("network-set", values=values)["tried"] is False
    assert running.kept == Network("cr2", OLD.lan, ntp=("10.0.0.5",))
    assert names == ["cr2"]
    assert running.told.hostname == "cr2"
    assert "systemctl restart systemd-timesyncd.service" in running.tools.told
    running.ask("network-set", values={"hostname": ""})
    assert names[-1] == "jembatan-abcd1234"


def test_another_side_is_tried_for_it_may_be_the_network_of_this_one(running: Running) -> None:
    asked = {"modality-address": "192.168.77.1/24"}
    assert running.ask("network-set", values=asked)["tried"] is True


@pytest.fixture
def retired(running: Running) -> Running:
    """It has been started since it let go of its work."""
    (mark := Paths(running.places.root, running.places.run).away).parent.mkdir()
    mark.touch()
    connect.write(running.places, network.in_force(running.places.root))
    state.tell(running.places.told, State("jembatan-abcd1234", "abcd1234", Network()))
    return running


def no_address(box: Running) -> bool:
    """Neither in the files of networkd nor told as in force."""
    written = "".join(path.read_text() for path in box.places.run.glob("systemd/network/*"))
    return "Address=" not in written and box.told.network.lan == Lan()


@pytest.mark.parametrize(
    "values", [{"ntp": "10.0.0.5"}, {"hostname": "cr2"}, NEW, {"modality-address": "10.7.7.1/24"}]
)
def test_a_retired_box_leaves_the_working_one_its_address(
    retired: Running, names: list[str], values: dict[str, str]
) -> None:
    assert retired.ask("network-set", values=values)["tried"] is False
    assert no_address(retired)
    assert names == []
    assert retired.told.network.ntp == (values.get("ntp", "10.0.0.4"),)
    assert retired.kept == address.wished(OLD, values)  # for when it goes on


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"address": "10.9.9.9"}, r"network: network\.address: .*says nothing of its netmask"),
        ({"gateway": "10.9.9.1"}, r"network\.gateway: .*not in the network of this box"),
        ({"ssh-key": "x"}, r"ssh-key is set by jembatan\.txt"),
        ({"colour": "red"}, "is no key"),
        ({"modality-address": "10.1.2.9/24"}, "must be different networks"),
    ],
)
def test_a_bad_wish_changes_nothing(running: Running, values: dict[str, str], fault: str) -> None:
    told = list(running.tools.told)
    with pytest.raises(BadNetwork, match=fault):
        running.ask("network-set", values=values)
    assert (running.kept, running.tools.told) == (OLD, told)


def test_whoever_stands_before_it_can_have_it_as_new(running: Running) -> None:
    running.ask("network-set", values=NEW)
    running.ask("network-forget")
    assert running.kept == Network()
    assert not (running.places.run / "systemd/network/50-jembatan-lan.network").exists()
    assert running.told.trial is None


def test_only_what_carries_the_page_must_be_tried() -> None:
    assert not address.must_be_tried(Network(), Network(hostname="x", ntp=("10.0.0.4",)))
    assert address.must_be_tried(Network(), Network(lan=Lan(vlan=3)))
