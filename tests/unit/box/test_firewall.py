"""Every port: the table for the hospital's firewall people, and the rules made of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box.firewall import Opening, Place, on_the_box, openings, rules
from appliance.box.network import Lan, Modality, Network
from appliance.settings.load import parse
from appliance.settings.schema import Settings
from tests.fakes.tools import Tools

if TYPE_CHECKING:
    from pathlib import Path

PACS = """
[[destination]]
name = "pacs"
host = "10.0.0.5"
port = 104
ae_title = "PACS"
"""
MODALITY = """
[[source]]
name = "us"
kind = "receiver"
allow = [{ ae_title = "US", host = "10.0.0.9", port = 4242 }]
"""
SHARE = '[[source]]\nname = "s"\nkind = "share"\n'
CLOCK = Opening("this box", "10.0.0.5", "UDP 123, TCP 80", "is its clock right? (may stay shut)")
WAYS = {
    "images and reports": (
        PACS,
        [
            Opening("this box", "10.0.0.5", "TCP 104", "DICOM: images"),
            Opening("10.0.0.5", "this box", "TCP 11112", "DICOM: reports on stored images"),
            CLOCK,
        ],
    ),
    "asked elsewhere": (
        PACS + 'confirm = "find"\nfind = { host = "10.0.0.6", port = 105 }\n',
        [
            Opening("this box", "10.0.0.5", "TCP 104", "DICOM: images"),
            Opening("this box", "10.0.0.6", "TCP 105", "DICOM: are images stored?"),
            CLOCK,
        ],
    ),
    "a modality": (
        MODALITY,
        [
            Opening("10.0.0.9", "this box", "TCP 11112", "DICOM: images of a modality"),
            Opening("this box", "10.0.0.9", "TCP 4242", "DICOM: reports to a modality"),
        ],
    ),
    "a share of the box": (
        SHARE + 'hosted = true\nuser = "cr"\npassword = "x"\nhosts = ["10.0.0.8"]\n',
        [Opening("10.0.0.8", "this box", "TCP 445", "SMB: a share of this box")],
    ),
    "a share of the modality, by name": (
        SHARE + 'mount = "//cr.example/export"\n',
        [
            Opening("this box", "cr.example", "TCP 445, 139", "SMB: its share"),
            Opening("this box", "name servers", "UDP and TCP 53", "names of hosts (DNS)"),
        ],
    ),
}


def opened(text: str) -> list[Opening]:
    always = {"the page of this box", "the time (NTP)"}
    found = openings(parse(text), Place((8080,)))
    return [each for each in found if each.what not in always]


@pytest.mark.parametrize("way", WAYS)
def test_every_connection_has_its_line(way: str) -> None:
    text, wanted = WAYS[way]
    assert opened(text) == wanted


def test_both_ports_of_a_box_are_named() -> None:
    assert openings(parse(PACS), Place((443,), 104))[1].port == "TCP 11112, 104"
    assert openings(Settings(), Place((443, 80)))[0] == Opening(
        "whoever looks after it", "this box", "TCP 443, 80", "the page of this box"
    )


def test_a_box_has_more_than_a_workstation() -> None:
    network = Network(
        lan=Lan(dns=("10.0.0.10",)),
        modality=Modality("192.168.77.1/24", dhcp=True),
        ntp=("time.hospital.example", "10.0.0.4"),
        ssh_keys=("ssh-ed25519 A",),
    )
    found = {
        (each.opened_by, each.to, each.port) for each in openings(Settings(), on_the_box(network))
    }
    assert found == {
        ("whoever looks after it", "this box", "TCP 443, 80"),
        ("whoever looks after it", "this box", "TCP 22"),
        ("this box", "time.hospital.example, 10.0.0.4", "UDP 123"),
        ("this box", "10.0.0.10", "UDP and TCP 53"),
        ("this box", "DHCP servers", "UDP 67"),
        ("DHCP servers", "this box", "UDP 68"),
        ("the modality", "this box", "UDP 67"),
        ("its own network", "this box", "UDP 5353"),
        ("anybody", "this box", "ICMP echo"),
        ("this box", "an address", "TCP 443"),
    }


@pytest.mark.parametrize("servers", [(), ("time.hospital.example",), ("10.0.0.4",)])
def test_a_box_asks_for_names_unless_every_server_is_an_address(servers: tuple[str, ...]) -> None:
    found = openings(Settings(), on_the_box(Network(ntp=servers)))
    asks = any(each.what == "names of hosts (DNS)" for each in found)
    assert asks is (servers != ("10.0.0.4",))


def test_with_an_address_of_its_own_no_dhcp_server_is_asked() -> None:
    network = Network(lan=Lan("10.1.2.3/24"))
    tos = {each.to for each in openings(Settings(), on_the_box(network))}
    assert "DHCP servers" not in tos


@pytest.mark.parametrize(
    "network",
    [
        Network(),
        Network(modality=Modality("192.168.77.1/24", dhcp=True), ssh_keys=("k",)),
        Network(lan=Lan("10.1.2.3/24", vlan=20)),
    ],
)
@pytest.mark.parametrize("text", ["", *(text for text, _ in WAYS.values())])
def test_every_line_that_lets_in_is_a_rule_that_nft_takes(
    network: Network, text: str, tmp_path: Path
) -> None:
    settings = parse(text)
    said = rules(settings, network)
    file = tmp_path / "rules"
    file.write_text(said)
    Tools()("nft", "--file", str(file))
    for each in openings(settings, on_the_box(network)):
        kind, _, ports = each.port.partition(" ")
        if each.to == "this box" and kind != "ICMP":
            assert f"{kind.lower()} dport {{ {ports} }} accept" in said
    assert said.count("policy drop") == 2
    assert said.count(" accept") == said.count(" dport ") + 6
