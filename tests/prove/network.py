"""Proves the network of a running box: another address is tried, kept, given up; ports follow.

A real systemd with systemd-networkd, D-Bus and nft in namespaces, the units in their sandboxes, a
cable to somebody at its other end. An address is tried and confirmed from there, which needs the
page's own way (the steward); another one is not confirmed and is gone after 120 s; a share that
is added to the settings opens its port and no other. Takes about three minutes.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from typing import TYPE_CHECKING

from tests.prove.machine import CHECKOUT, NotProved, booted, wait_for

if TYPE_CHECKING:
    from tests.prove.machine import Machine

JEMBATAN = ("/opt/jembatan/bin/python", "-m", "appliance")
RESULT = "/boot/jembatan/jembatan-result.txt"
TEXT = "address = 10.1.2.3/24\r\ngateway = 10.1.2.1\r\nntp = 10.1.2.9\r\ncolour = red\r\n"
ALWAYS = "169.254.77.7"
SHARE = """
[[source]]
name = "us"
kind = "share"
hosted = true
user = "us"
password = "x"
"""
PREPARE = """
from pathlib import Path
from appliance.box import first_boot, tool
from appliance.box.board import Board, Kind
from appliance.box.connect import Places
here = Board("00000000abcd1234", "proof", Kind.VM, None)
print(first_boot.prepare(Places(Path("/data")), here, tool.run))
"""
TIMEOUT_S = 60.0


def main() -> int:
    """Prove it all; 0, or 1 with the reason and the machine's log."""
    if os.geteuid():
        say("this proof makes namespaces and mounts: run it as root")
        return 1
    with booted() as machine:
        try:
            prove(machine)
        except NotProved as reason:
            say(f"NOT PROVED: {reason}")
            say(machine.run("journalctl", "--no-pager", "--lines=60", check=False))
            return 1
    say("proved")
    return 0


def prove(machine: Machine) -> None:
    """The steps in their order."""
    wait_for("systemd", lambda: "bus" not in machine.run("systemctl", "list-jobs", check=False))
    a_cable_is_plugged(machine)
    the_box_starts_as_its_text_file_says(machine)
    the_card_answers(machine)
    ports_follow_the_settings(machine)
    an_address_is_kept_when_it_is_confirmed(machine)
    an_address_is_given_up_when_it_is_not(machine)


def a_cable_is_plugged(machine: Machine) -> None:
    """What the image has, and boot.sh has not."""
    for folder, place in (("network", "network"), ("", "system")):
        kept = machine.path(f"/usr/lib/systemd/{place}")
        for file in (CHECKOUT / "systemd" / folder).glob("90-*" if folder else "*.timer"):
            text = file.read_text().replace(
                "Kind=!*", "Name=lan"
            )  # a veth is of a kind of its own
            (kept / file.name).write_text(text)
    machine.path("/boot/jembatan").mkdir(parents=True)
    machine.path("/boot/jembatan/jembatan.txt").write_text(TEXT)
    machine.run("systemctl", "daemon-reload")
    machine.run("ip", "link", "add", "lan", "type", "veth", "peer", "name", "hospital")
    machine.run("ip", "link", "set", "hospital", "up")


def the_box_starts_as_its_text_file_says(machine: Machine) -> None:
    """As jembatan-start.service does it before the network."""
    said = machine.run(JEMBATAN[0], "-c", PREPARE)
    if "troubles=()" not in said or "rules=''" not in said:
        raise NotProved(said)
    started = time.monotonic()
    machine.run("systemctl", "start", "systemd-networkd.service", "dbus.service")
    has(machine, "10.1.2.3/24", ALWAYS)
    say(f"10.1.2.3 and {ALWAYS} {time.monotonic() - started:.1f} s after systemd-networkd started")
    table = machine.run("nft", "list", "ruleset")
    if "policy drop" not in table or " 443" not in table or " 445" in table:
        raise NotProved(table)


def the_card_answers(machine: Machine) -> None:
    """jembatan-network.path saw that addresses came."""
    wait_for(
        "the answer on the card",
        lambda: "https://10.1.2.3/" in machine.path(RESULT).read_text(),
        TIMEOUT_S,
    )
    said = machine.path(RESULT).read_text()
    code = re.search(r"Claim code: +(\S+)", said)
    if "line 4: 'colour' is no key" not in said or not code or "abcd1234" in said:
        raise NotProved(said)
    say("jembatan-result.txt: the addresses, what is wrong on line 4, the claim code; no serial")


def ports_follow_the_settings(machine: Machine) -> None:
    """keeper publishes settings; nobody tells the firewall, it sees."""
    machine.path("/root/share.toml").write_text(SHARE)
    started = time.monotonic()
    machine.run(*JEMBATAN, "config", "import", "/root/share.toml", "--root", "/data")
    wait_for("port 445", lambda: "445" in machine.run("nft", "list", "ruleset"), TIMEOUT_S)
    say(f"port 445 open {time.monotonic() - started:.1f} s after a share was added")


def an_address_is_kept_when_it_is_confirmed(machine: Machine) -> None:
    """By the steward; from the address before it is refused."""
    change(machine, "10.9.9.9/24", "10.9.9.1")
    has(machine, "10.9.9.9/24", ALWAYS)
    old = confirm(machine, "10.1.2.3")
    if "only shown from 10.9.9.9" not in old:
        raise NotProved(old)
    new = confirm(machine, "10.9.9.9")
    kept = machine.path("/data/box/network.toml").read_text()
    if "10.9.9.9/24" not in kept:
        raise NotProved(new + kept)
    active = machine.run("systemctl", "is-active", "jembatan-network-revert.timer", check=False)
    say(f"10.9.9.9 confirmed from there and kept; its timer is {active.strip()}")


def an_address_is_given_up_when_it_is_not(machine: Machine) -> None:
    """The timer is systemd's: the steward is gone, and keeper is killed, while it runs."""
    change(machine, "10.8.8.8/24", "10.8.8.1")
    has(machine, "10.8.8.8/24", ALWAYS)
    started = time.monotonic()
    machine.run("systemctl", "stop", "jembatan-steward.service", "jembatan-keeper.service")
    has(machine, "10.9.9.9/24", ALWAYS, patience_s=180)
    took_s = time.monotonic() - started
    if took_s < 100:
        raise NotProved(str(took_s))
    say(f"10.8.8.8 given up by itself {took_s:.0f} s later; 10.9.9.9 is back")


def change(machine: Machine, address: str, gateway: str) -> None:
    words = (f"address={address}", f"gateway={gateway}", "--root", "/data", "--json")
    answer = json.loads(machine.run(*JEMBATAN, "network", "set", *words))
    if answer["seconds"] != 120:
        raise NotProved(str(answer))


def confirm(machine: Machine, host: str) -> str:
    """As somebody does who came by that address of the box."""
    came = f"SSH_CONNECTION=10.0.0.1 1 {host} 22"
    return machine.run(
        "env", came, *JEMBATAN, "network", "confirm", "--root", "/data", check=False
    )


def has(machine: Machine, *addresses: str, patience_s: float = TIMEOUT_S) -> None:
    def shown() -> bool:
        said = machine.run("ip", "-brief", "-4", "address", "show", "lan")
        return all(address in said for address in addresses)

    wait_for(" and ".join(addresses), shown, patience_s)


def say(*words: str) -> None:
    """Tell, at once."""
    print(*words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
