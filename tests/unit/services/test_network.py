"""What comes when something changed: rules, state and the answer on the card follow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.box import network, report, result, state
from appliance.box.connect import Places
from appliance.box.network import Lan, Network
from appliance.box.report import Report, Said
from appliance.box.state import Link, State, Trial
from appliance.call import Server
from appliance.services import network as service
from appliance.settings import access, history
from appliance.settings.clerk import Clerk
from appliance.settings.load import load, settings_path
from tests.fakes.clock import FakeClock
from tests.fakes.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders.box import Box

RECEIVER = """
[[source]]
name = "ct"
kind = "receiver"
allow = [{ ae_title = "CT", host = "192.168.77.9" }]
"""


class Standing:
    """A box that has started."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.places = Places(box.paths.root, box.paths.root / "below-run")
        self.places.own.mkdir()
        self.boot = box.paths.root / "boot"
        self.boot.mkdir()
        (self.boot / result.NAME).write_bytes(result.padded("new"))
        self.tools = Tools()
        state.tell(self.places.told, State("jembatan-abcd1234", "abcd1234"))

    def refresh(self) -> State:
        return service.refresh(self.places, self.box.paths, self.tools, FakeClock(), self.boot)

    def follow(self) -> None:
        service.follow(self.places, self.box.paths, self.tools, FakeClock(), self.boot)

    @property
    def rules(self) -> str:
        return (self.places.told / "rules.nft").read_text()

    @property
    def said(self) -> str:
        return (self.boot / result.NAME).read_text().rstrip()


@pytest.fixture
def standing(box: Box, monkeypatch: pytest.MonkeyPatch) -> Standing:
    monkeypatch.setattr("appliance.box.bootfat._LOCK", Path("/dev/null"))
    monkeypatch.setattr(report, "read", lambda: None)
    links = (Link("lan", is_plugged=True, addresses=("10.1.2.3", "169.254.77.7")),)
    monkeypatch.setattr(service, "_links", lambda: links)
    return Standing(box)


def test_rules_follow_the_settings(standing: Standing) -> None:
    standing.refresh()
    assert "104" not in standing.rules
    history.publish(standing.box.paths.root, RECEIVER)
    standing.refresh()
    assert "tcp dport { 11112, 104 } accept" in standing.rules
    loads = [told for told in standing.tools.told if told.startswith("nft")]
    standing.refresh()
    assert [told for told in standing.tools.told if told.startswith("nft")] == loads


def test_the_card_says_where_the_page_is_and_how_it_is_claimed(standing: Standing) -> None:
    root = standing.box.paths.root
    access.prepare(root)
    standing.refresh()
    assert "https://10.1.2.3/" in standing.said
    assert "abcd1234" not in standing.said  # what opens the data of the card is not on it
    assert "https://169.254.77.7/" in standing.said
    assert f"Claim code:   {access.claim_code(root)} " in standing.said
    access.claim(root, access.claim_code(root), "correct horse battery")
    standing.refresh()
    assert "Claim code" not in standing.said


def test_what_changes_during_a_look_is_looked_at_once_more(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd does not watch meanwhile: a claim, settings and another address, one each time."""
    root, links = standing.box.paths.root, standing.places.told / "links"
    links.mkdir()
    monkeypatch.setattr(service, "LINKS", links)
    access.prepare(root)
    changes: list[Callable[[], object]] = [
        lambda: access.claim(root, access.claim_code(root), "correct horse battery"),
        lambda: history.publish(root, RECEIVER),
        lambda: (links / "2").write_text("10.1.2.4"),
    ]
    looks = []

    def look(*told: object) -> State:
        looks.append(told)
        state = refresh(*told)  # type: ignore[arg-type]
        if changes:
            changes.pop(0)()
        return state

    refresh = service.refresh
    monkeypatch.setattr(service, "refresh", look)
    standing.follow()
    assert len(looks) == 4
    assert "Claim code" not in standing.said
    assert "11112" in standing.rules


def test_what_changes_all_the_time_is_left_to_the_next_look(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, numbers = standing.box.paths.root, iter(range(99))
    monkeypatch.setattr(
        service, "refresh", lambda *_: history.publish(root, f"# {next(numbers)}\n")
    )
    standing.follow()
    assert next(numbers) == 5


def test_the_unit_waits_for_what_is_looked_at() -> None:
    unit = Path("systemd/jembatan-network.path").read_text()
    said = re.findall(r"^PathChanged=(.+)$", unit, re.MULTILINE)
    assert said == [str(path) for path in service.watched(Path("/data"))]


def test_nothing_is_written_to_the_card_when_nothing_changed(standing: Standing) -> None:
    standing.refresh()
    before = (standing.boot / result.NAME).stat()
    standing.refresh()
    after = (standing.boot / result.NAME).stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert after.st_size == result.SIZE


def test_what_the_start_found_stands_there_too(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Report(said=(Said("x", "The card is worn out.", "Get another one."),))
    monkeypatch.setattr(report, "read", lambda: found)
    standing.refresh()
    assert "The card is worn out. Get another one." in standing.said


def test_rules_that_cannot_be_are_told(standing: Standing) -> None:
    standing.tools.broken = {"nft"}
    assert "broken on purpose" in standing.refresh().rules
    assert "broken on purpose" in standing.said
    standing.tools.broken = set()
    assert standing.refresh().rules == ""
    assert "broken" not in standing.said


def test_a_time_zone_is_handed_on_once(standing: Standing) -> None:
    paths = standing.box.paths
    network.save(paths.root, Network("cr2", timezone="Asia/Jakarta"))
    standing.refresh()  # keeper is not there yet
    assert network.load(paths.root).timezone
    keeper = Server(paths.run / "keeper.sock", Clerk(paths.root, lambda: None).operations)
    keeper.start()
    standing.refresh()
    keeper.close()
    assert load(settings_path(paths.root)).box.timezone == "Asia/Jakarta"
    assert network.load(paths.root) == Network("cr2")


def test_what_the_start_said_of_the_text_file_stays(standing: Standing) -> None:
    before = State("j", text=state.Text(faults=("There is a jembatan.txt.txt.",)))
    state.tell(standing.places.told, before)
    standing.refresh()
    assert "jembatan.txt.txt" in standing.said


def test_while_another_address_is_tried_its_rules_are_in_force(standing: Standing) -> None:
    tried = Network(lan=Lan("10.9.9.9/24"))
    before = State("j", network=tried, trial=Trial(tried, 99.0))
    state.tell(standing.places.told, before)
    assert standing.refresh().network == tried


def test_without_a_start_before_it_the_box_is_told_of_all_the_same(standing: Standing) -> None:
    (standing.places.told / "state.json").unlink()
    assert standing.refresh().hostname.startswith("jembatan-")
