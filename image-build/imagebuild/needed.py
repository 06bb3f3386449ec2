"""Owns what a board must be able to do before it has its root file system: find its card, restart.

Read from the board's own device tree and from the kernel's own tables, so that a kernel in which a
driver has become a module is refused where that module is not in the initial RAM disk. What a
driver drives that is built in stands in no table: what no module claims is taken to be built in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagebuild import devicetree
from imagebuild.errors import NotEarly
from imagebuild.modules import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Set
    from pathlib import Path

    from imagebuild.devicetree import Node

_CLAIM = re.compile(r"alias of:N\S*?T\S*?C(\S+?)(?:C\*)? (\S+)")
_REFERRING = {
    "clocks": "#clock-cells",
    "dmas": "#dma-cells",
    "gpio": "#gpio-cells",
    "gpios": "#gpio-cells",
    "mboxes": "#mbox-cells",
    "mmc-pwrseq": "",
    "pinctrl-0": "",
    "power-domains": "#power-domain-cells",
    "resets": "#reset-cells",
    "supply": "",
}
"""Properties that name other devices (by their whole name, or by what is behind its last `-`), and
where such a device says how many numbers follow its own."""
_RESTARTING = {"brcm,bcm2835-pm-wdt": "bcm2835_wdt"}
"""Devices that restart a board by a module which no device tree names: drivers/mfd/bcm2835-pm.c
makes a device of its own for it."""
_PSCI = ("arm,psci-1.0", "arm,psci-0.2", "arm,psci")
"""Firmware that restarts a board when Linux asks for it, with what is built in."""


def require_early(
    trees: Mapping[str, bytes],
    claims: Mapping[str, Set[str]],
    early: Iterable[str],
    loadable: Iterable[str],
) -> None:
    """Refuse what is not enough for every board. Raises NotEarly with all that is missing.

    `trees`: .dtb files by name; `claims`: as `read_claims` gives them; `early`: paths of the
    modules in the initial RAM disk; `loadable`: those of all modules, the others are built in.
    """
    late = {name_of(path) for path in loadable} - {name_of(path) for path in early}
    found = [
        f"{name}: {text}"
        for name, tree in trees.items()
        for text in missing(devicetree.read(tree), claims, late)
    ]
    if found:
        raise NotEarly(findings="; ".join(found))


def missing(tree: Node, claims: Mapping[str, Set[str]], late: Set[str]) -> Iterator[str]:
    """What a board lacks, a sentence each. `late`: modules that are not there so early."""
    for device in _for_the_card(tree):
        drivers = set().union(*(claims.get(name, ()) for name in device.texts("compatible")))
        if drivers and drivers <= late:
            yield f"its card wants {device.name}, and so {' or '.join(sorted(drivers))}"
    there = {name for chain in tree.chains() for name in chain[0].texts("compatible")}
    drivers = {_RESTARTING[name] for name in there & _RESTARTING.keys()}
    if not drivers and not there.intersection(_PSCI):
        yield "what restarts it is not known"
    elif drivers & late:
        yield f"a restart wants {' and '.join(sorted(drivers & late))}"


def _for_the_card(tree: Node) -> list[Node]:
    """The controllers of cards that a board has, and all that one of them refers to in the end."""
    chains = list(tree.chains())
    known = {chain[0].cells("phandle"): chain for chain in chains}
    waiting = [chain for chain in chains if chain[0].name.startswith("mmc@")]
    found: dict[int, Node] = {}
    while waiting:
        chain = waiting.pop()
        # The state of a pin is no device: the controller of pins that it lies in is one.
        device = next((node for node in chain if node.texts("compatible")), None)
        if device is None or not device.is_enabled or id(device) in found:
            continue
        found[id(device)] = device
        waiting += _referred(device, known)
    return list(found.values())


def _referred(
    device: Node, known: Mapping[tuple[int, ...], tuple[Node, ...]]
) -> Iterator[tuple[Node, ...]]:
    for name in device.properties:
        counted = _REFERRING.get(name, _REFERRING.get(name.rpartition("-")[2]))
        cells = device.cells(name) if counted is not None else ()
        while cells:
            chain = known.get(cells[:1], ())
            follow = chain[0].cells(counted) if chain and counted else ()
            cells = cells[1 + sum(follow) :]
            if chain:
                yield chain


def read_claims(folder: Path) -> dict[str, set[str]]:
    """By what device trees call a device, the modules that drive it; of a kernel's folder."""
    found: dict[str, set[str]] = {}
    for line in (folder / "modules.alias").read_text(encoding="utf-8").splitlines():
        if claim := _CLAIM.fullmatch(line):
            found.setdefault(claim[1], set()).add(claim[2])
    return found
