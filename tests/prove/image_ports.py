"""Proves what stands open: every TCP port of the booted box looked at from both of its networks,
its UDP sockets counted inside, all held against the table that firewall people are given.

A new box, unclaimed, whose modality has a network of its own; then one that is claimed and set up.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.prove.image_card import Card
from tests.prove.image_inside import reads
from tests.prove.image_rig import BOOT_S
from tests.prove.image_wire import cable
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.prove.guest_hand import Hand
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig
    from tests.prove.image_wire import Cable

_ALWAYS = "169.254.77.7"
_LAPTOP = "169.254.1.1/16"
_MODALITY_SIDE = "192.168.50.1"
_MODALITY = "192.168.50.9/24"
_TEXT = f"""modality-address = {_MODALITY_SIDE}/24
"""
_BEHIND = 4242
"""A port of the laptop, which a modality must not reach through the box."""

TCP: Mapping[str, frozenset[int]] = {
    "lan, new box": frozenset({80, 443}),
    "modality, new box": frozenset(),
    "lan, set up": frozenset({80, 443, 104, 445, 11112}),
}
"""What the table says."""
UDP = frozenset({68, 546, 5353, 5355})
"""Clients of DHCP, mDNS, LLMNR."""


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    with ExitStack() as stack:
        lan = stack.enter_context(cable("lan", _LAPTOP))
        modality = stack.enter_context(cable("mod", _MODALITY))
        faults = [*_new(rig, lan, modality)]
    with cable("lan", "10.0.2.2/24", _LAPTOP) as lan:
        faults += _set_up(rig, lan)
    if faults:
        raise NotProved("\n".join(faults))
    return "every TCP port of both sides is as the table says, nothing is forwarded between them"


def _new(rig: Rig, lan: Cable, modality: Cable) -> Iterator[str]:
    """No DHCP, no name server: a laptop on its cable."""
    folder = rig.folder("ports")
    card = Card.flashed(rig.built.image, folder / "card.qcow2", 4)
    card.write("jembatan.txt", _TEXT.encode())
    with rig.new("ports", hand=True, card=card) as appliance:
        appliance.cables = (lan, modality)
        appliance.start()
        _wait(appliance, lan)
        rig.say(f"a laptop on the box's cable, no DHCP: the page is at https://{_ALWAYS}")
        yield from _scanned(rig, lan, _ALWAYS, "lan, new box")
        yield from _scanned(rig, modality, _MODALITY_SIDE, "modality, new box")
        yield from _sockets(rig, appliance.hand)
        yield from _forwarded(rig, lan, modality)


def _set_up(rig: Rig, lan: Cable) -> Iterator[str]:
    appliance, _, moment = rig.ready()
    appliance.cables = (lan,)
    # Its memory is of another network socket: it starts with that moment's card.
    appliance.card = moment.card.layer(appliance.new_layer())
    with appliance:
        appliance.start()
        _wait(appliance, lan)
        _wait_for_services(appliance)
        yield from _scanned(rig, lan, _ALWAYS, "lan, set up")
        yield from _scanned(rig, lan, _own(appliance.hand, lan), "lan, set up")
        yield from _sockets(rig, appliance.hand)
    appliance.cables = ()


def _wait(appliance: Appliance, lan: Cable) -> None:
    try:
        wait_for("the page", lambda: lan.answers(f"https://{_ALWAYS}/healthz"), BOOT_S, 2)
    except NotProved as reason:
        appliance.fail(f"at {_ALWAYS}: {reason}")


def _wait_for_services(appliance: Appliance) -> None:
    """The page answers before every service that starts beside it listens."""

    def do_listen() -> bool:
        return TCP["lan, set up"] <= _listening(appliance.hand, "-lnt")

    try:
        wait_for("every service", do_listen, BOOT_S, 2)
    except NotProved as reason:
        appliance.fail(f"{reason}: {sorted(_listening(appliance.hand, '-lnt'))} listen")


def _scanned(rig: Rig, end: Cable, address: str, side: str) -> Iterator[str]:
    found = end.scan(address)
    rig.say(f"{side} ({address}), TCP 1-65535: {found}")
    if set(found["open"]) != TCP[side]:
        yield f"{side} ({address}): open are {found['open']}, the table says {sorted(TCP[side])}"


def _own(hand: Hand, lan: Cable) -> str:
    """Its own IPv6 address, with the device to reach it by."""
    said = reads(hand, "ip", "-6", "-oneline", "address", "show", "dev", "lan", "scope", "link")
    found = re.search(r"inet6 (fe80:[0-9a-f:]+)/", said)
    if not found:
        message = f"the box has no link-local IPv6 address: {said}"
        raise NotProved(message)
    return f"{found[1]}%{lan.name}"


def _sockets(rig: Rig, hand: Hand) -> Iterator[str]:
    """What listens inside, whether or not the firewall lets anybody in."""
    tcp = _listening(hand, "-lnt")
    udp = _listening(hand, "-lnu")
    rig.say(f"listening inside: TCP {sorted(tcp)}, UDP {sorted(udp)}")
    if more := udp - UDP:
        yield f"UDP {sorted(more)} listens, which the table does not know"


def _listening(hand: Hand, kind: str) -> set[int]:
    """Ports that are open to more than the box itself."""
    rows = (line.split() for line in reads(hand, "ss", "-H", kind).splitlines())
    local = [row[3] for row in rows]
    return {
        int(address.rpartition(":")[2])
        for address in local
        if not address.startswith(("127.", "[::1]"))
    }


def _forwarded(rig: Rig, lan: Cable, modality: Cable) -> Iterator[str]:
    """The modality sends everything to the box, asking for the laptop."""
    laptop = _LAPTOP.partition("/")[0]
    modality.run("ip", "route", "add", "default", "via", _MODALITY_SIDE)
    lan.run("ip", "route", "add", "default", "via", _ALWAYS)
    before = _heard(lan)
    modality.run("ping", "-c", "3", "-W", "1", laptop)
    modality.answers(f"http://{laptop}:{_BEHIND}/")
    through = _heard(lan) - before
    rig.say(f"from the modality's side to the laptop's: {through} packets came through")
    if through:
        yield f"{through} packets went through the box from one network to the other"


def _heard(end: Cable) -> int:
    """Packets of ICMP and TCP that the computer there was sent."""
    said = end.run("cat", "/proc/net/snmp").stdout
    tables: dict[str, dict[str, int]] = {}
    for names, values in re.findall(r"^(\w+: [A-Z].*)\n\w+: (.*)$", said, re.MULTILINE):
        kind, _, columns = names.partition(": ")
        tables[kind] = dict(zip(columns.split(), map(int, values.split()), strict=True))
    return tables["Icmp"]["InMsgs"] + tables["Tcp"]["InSegs"]
