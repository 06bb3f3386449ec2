"""The network's part of a start: nothing that a person wrote, and nothing that fails, ends it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.box import card_text, connect, first_boot, network, result, state
from appliance.box.network import Dot1x, Lan, Modality, Network
from appliance.journal.charge import Charge
from tests.builders.box import Box
from tests.fakes.clock import FakeClock
from tests.unit.box.test_jembatan_txt import BOARD, Card

if TYPE_CHECKING:
    from pathlib import Path

WIRED = "8021x = peap\r\n8021x-identity = x\r\n8021x-password = geheim\r\n8021x-ca = none\r\n"


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def write(card: Card, text: str) -> None:
    (card.boot / "jembatan.txt").write_bytes(text.encode())


def test_a_box_without_the_file_is_as_new(card: Card) -> None:
    now = card.start()
    assert (now.hostname, now.network, now.troubles) == ("jembatan-abcd1234", Network(), ())
    assert not (card.places.run / "systemd").exists()
    assert "tcp dport { 443, 80 } accept" in (card.places.told / "rules.nft").read_text()
    assert "none was read" in card.said(now)


def test_a_file_with_two_endings_is_told(card: Card) -> None:
    (card.boot / "jembatan.txt.txt").write_text("hostname = cr2")
    now = card.start()
    assert "Windows hides the ending" in card.said(now)


def test_rules_that_were_made_before_are_not_made_anew(card: Card) -> None:
    card.start()
    kept = (card.places.own / "rules.nft").read_text()
    (card.places.own / "rules.nft").write_text(kept + "# as it was\n")
    (card.places.told / "rules.nft").unlink()
    card.start()
    assert "# as it was" in (card.places.told / "rules.nft").read_text()


def test_without_rules_the_network_is_there_and_that_is_told(card: Card) -> None:
    card.tools.broken = {"nft"}
    write(card, "address = 10.1.2.3/24")
    now = card.start()
    assert now.network.lan.host == "10.1.2.3"
    assert "broken on purpose" in card.said(now)


def test_data_that_stays_closed_leaves_the_box_within_reach(card: Card) -> None:
    write(card, "address = 10.1.2.3/24")
    now = first_boot.prepare(card.places, BOARD, card.tools, card.boot, is_open=False)
    assert now.network == Network()
    first_boot.answer(now, ["This card is of another board."], FakeClock(), card.boot)
    said = (card.boot / result.NAME).read_text()
    assert "This card is of another board." in said
    assert "https://169.254.77.7/" in said
    assert not card.places.own.exists()


def test_a_changed_file_is_read_again_and_stars_are_the_password_from_before(card: Card) -> None:
    write(card, WIRED)
    card.start()
    text = (card.boot / "jembatan.txt").read_text()
    assert "8021x-password = ******" in text
    write(card, text + "hostname = cr2\r\n")
    now = card.start()
    assert now.text.faults == ()
    assert now.network.hostname == "cr2"
    assert now.network.dot1x == Dot1x("peap", "x", password="geheim")


def test_a_pulled_plug_before_the_wiping_means_that_it_is_read_once_more(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(card, WIRED)
    with monkeypatch.context() as before:
        before.setattr(card_text, "_overwrite", lambda *_: None)
        card.start()
    assert "geheim" in (card.boot / "jembatan.txt").read_text()
    assert card.start().network.dot1x.password == "geheim"
    assert "geheim" not in (card.boot / "jembatan.txt").read_text()
    assert card.start().text.faults == ()


def test_a_password_with_a_fault_beside_it_stays_to_be_corrected(card: Card) -> None:
    write(card, WIRED + "8021x-server = a b\r\n")
    card.start()
    assert "geheim" in (card.boot / "jembatan.txt").read_text()


def test_who_may_log_in_is_asked_for_and_taken_back(card: Card) -> None:
    keys = card.places.own / "ssh" / "authorized_keys"
    network.save(card.places.root, Network(ssh_keys=("ssh-ed25519 AAAA it",)))
    card.start()
    assert keys.read_text() == "ssh-ed25519 AAAA it\n"
    write(card, "ssh-key = off")
    card.start()
    assert not keys.exists()


def test_what_is_not_wanted_any_more_goes(card: Card) -> None:
    write(card, "address = 10.1.2.3/24\nntp = 10.0.0.4\nvlan = 7")
    card.start()
    files = {path.name for path in card.places.run.rglob("50-*")}
    assert files == {
        "50-jembatan-lan.network",
        "50-jembatan-vlan.netdev",
        "50-jembatan-vlan.network",
        "50-jembatan.conf",
    }
    write(card, "address = dhcp\nntp = none")
    card.start()
    assert not list(card.places.run.rglob("50-*"))


def test_networkd_may_read_what_the_steward_writes(card: Card) -> None:
    before = os.umask(0o007)
    try:
        connect.write(card.places, Network(lan=Lan("10.1.2.3/24"), ntp=("10.0.0.4",)))
    finally:
        os.umask(before)
    for place in ("systemd/network", "systemd/timesyncd.conf.d", "jembatan-net"):
        assert (card.places.run / place).stat().st_mode & 0o777 == 0o755
    for file in card.places.run.rglob("50-*"):
        assert file.stat().st_mode & 0o777 == 0o644


def test_what_is_kept_is_what_was_wished(card: Card) -> None:
    wished = Network("cr2", Lan("10.1.2.3/24", dns=("10.1.2.10",)), ntp=('a"b\\c', "é"))
    network.save(card.places.root, wished)
    assert network.load(card.places.root) == wished
    network.network_path(card.places.root).write_text("lan = 3\nhostname = 4\n[new]\nx = 1\n")
    assert network.load(card.places.root) == Network()
    network.network_path(card.places.root).write_text("= damaged")
    assert network.load(card.places.root) == Network()


def test_what_a_spare_box_has_taken_over_is_that_boxs(card: Card) -> None:
    network.save(card.places.root, Network("cr2", Lan("10.1.2.3/24"), ntp=("10.0.0.4",)))
    (card.places.root / "etc").mkdir()
    (card.places.root / "etc" / "handed-over").touch()
    now = card.start()
    assert now.network == Network(ntp=("10.0.0.4",))
    assert now.hostname == "jembatan-abcd1234"
    assert network.load(card.places.root).hostname == "cr2"


@pytest.mark.parametrize("charge", [Charge.LEAVING, Charge.COMING])
def test_a_handover_that_was_cut_off_leaves_the_box_where_it_was(
    card: Card, charge: Charge
) -> None:
    kept = Network("cr2", Lan("10.1.2.3/24", vlan=7), Modality("192.168.77.1/24"))
    network.save(card.places.root, kept)
    (card.places.root / "etc").mkdir()
    before = card.start()
    rules = (card.places.told / "rules.nft").read_text()
    box = Box(card.places.root)
    box.journal.charge.set(charge, "m")
    box.close()
    now = card.start()
    assert (now.network, now.hostname) == (kept, "cr2") == (before.network, before.hostname)
    assert (card.places.told / "rules.nft").read_text() == rules


def test_nobody_is_told_a_password(card: Card) -> None:
    secret = Network(dot1x=Dot1x("peap", "x", password="geheim", key_password="geheim"))
    state.tell(card.places.told, state.State("j", network=secret))
    assert "geheim" not in (card.places.told / "state.json").read_text()
    told = state.told(card.places.told)
    assert told
    assert told.network.dot1x == Dot1x("peap", "x")


def test_a_long_answer_is_cut_at_its_size(card: Card) -> None:
    faults = tuple(f"line {number}: ü nothing" for number in range(1000))
    said = result.text(state.State("j", text=state.Text("x", faults)), result.Claim(), FakeClock())
    content = result.padded(said)
    assert len(content) == result.SIZE
    assert "and more: see the page Network" in content.decode()
