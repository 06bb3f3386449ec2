"""What the administrator of a PACS is told of a box, and what a firewall must let through."""

from __future__ import annotations

from appliance.box.firewall import Place
from appliance.desk.setup_sheet import Fact, Machine, Sheet, sheet
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.settings import sop_classes as sop
from appliance.settings import transfer_syntaxes as syntaxes
from appliance.settings.load import parse

BOX = '[box]\nname = "CR 2"\nae_title = "BOX"\n'
PACS = """
[[destination]]
name = "pacs"
host = "10.0.0.5"
port = 104
ae_title = "PACS"
"""
MACHINE = Machine(("10.0.0.2 (eth0)", "192.168.1.2 (eth1)"), Place((8080,)))


def made(text: str, *kinds: tuple[str, str], machine: Machine = MACHINE) -> Sheet:
    settings = parse(BOX + text)
    return sheet(settings, settings.destinations[0], kinds, machine)


def said(facts: tuple[Fact, ...]) -> dict[str, str]:
    return {fact.name: fact.value for fact in facts}


def test_what_is_entered_in_the_pacs() -> None:
    ours = said(made(PACS).ours)
    assert ours == {
        "AE title": "BOX",
        "Host": "10.0.0.2 (eth0) or 192.168.1.2 (eth1)",
        "It may do": "C-ECHO, C-STORE, N-ACTION (storage commitment), C-FIND (Study Root)",
        "Reports go to": "BOX, port 11112",
    }


def test_only_what_is_asked_of_it_is_to_be_allowed() -> None:
    assert "It may do" in said(made(PACS + 'confirm = "response"\n').ours)
    ours = said(made(PACS + 'confirm = "response"\n').ours)
    assert ours["It may do"] == "C-ECHO, C-STORE"
    assert "Reports go to" not in ours
    ours = said(made(PACS + 'confirm = "find"\n').ours)
    assert ours["It may do"] == "C-ECHO, C-STORE, C-FIND (Study Root)"


def test_the_port_of_the_operating_system_counts_too() -> None:
    ours = said(made(PACS, machine=Machine((), Place((443,), 104))).ours)
    assert ours["Reports go to"] == "BOX, port 11112 or 104"
    assert ours["Host"] == "no address is known yet"


def test_what_is_known_of_the_pacs() -> None:
    more = "find = { port = 105 }\ntls = true\nassociations = 3\n"
    assert said(made(PACS + more).theirs) == {
        "AE title": "PACS",
        "Host and port": "10.0.0.5, port 104",
        "TLS": "yes, 1.2 or 1.3",
        "Associations": "3, and one to ask",
        "C-FIND at": "PACS, 10.0.0.5, port 105",
    }


def test_kinds_come_with_all_their_syntaxes() -> None:
    found = made(
        PACS + 'compress = "rle"\n',
        (sop.CR_IMAGE, syntaxes.JPEG_BASELINE),
        (sop.SC_IMAGE, EXPLICIT_LE),
        (sop.CR_IMAGE, IMPLICIT_LE),
    )
    assert [(each.uid, each.syntaxes) for each in found.kinds] == [
        (
            sop.CR_IMAGE,
            (
                *("JPEG Baseline", "Implicit VR Little Endian"),
                *("Explicit VR Little Endian", "RLE Lossless"),
            ),
        ),
        (
            sop.SC_IMAGE,
            ("Explicit VR Little Endian", "Implicit VR Little Endian", "RLE Lossless"),
        ),
    ]


def test_it_stays_one_page() -> None:
    every = [f"1.2.840.10008.5.1.4.1.1.{number}" for number in range(1, 21)]
    found = made(PACS, *((each, syntax) for each in every for syntax in syntaxes.KEPT))
    assert (len(found.kinds), found.more_kinds) == (8, 12)
    assert {len(each.syntaxes) for each in found.kinds} == {6}
    assert {each.syntaxes[-1] for each in found.kinds} == {"5 more"}


def test_worklists_of_its_own_world_only() -> None:
    worklist = """
[[worklist]]
name = "{0}"
host = "10.0.0.7"
port = 5001
ae_title = "RIS"
station_ae_title = "CR2"
environment = "{0}"
"""
    both = worklist.format("production") + worklist.format("test")
    (orders,) = made(PACS + both).orders
    assert said(orders) == {
        "Worklist": "RIS, 10.0.0.7, port 5001",
        "AE title of this box there": "BOX",
        "Scheduled station AE title": "CR2",
    }
