"""Proves the set-up by text file in the booted image: cases good and bad, each written onto the
card as a person does, then a start; afterwards the card says in plain words what was wrong, and
the box goes by what was right.

A case is a folder below tests/data/jembatan-txt: jembatan.txt and what lies beside it on the card;
expected.toml says which lines are at fault, what must be in force and what the card must say.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.prove.image_rig import BOOT_S, RESULT
from tests.prove.machine import CHECKOUT, NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.prove.image_card import Card
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

CASES = CHECKOUT / "tests" / "data" / "jembatan-txt"
LEAST = 15

_EXPECTED = "expected.toml"
_FAULT = re.compile(r"\bline (\d+)\b|\bthis file is\b")
"""Without a number it is the whole of it: 0."""
_ANSWER_S = 240
_EVERY = 2
"""Every second case: each is a boot."""
_KEPT, _SETTINGS = "/data/box/network.toml", "/data/etc/jembatan.toml"
_NO_ZONE = "UTC"


@dataclass(frozen=True)
class Case:
    """One card as somebody prepared it."""

    name: str
    files: Mapping[str, bytes]
    faults: Sequence[int]
    network: Mapping[str, Any]
    says: Sequence[str]


def cases() -> Iterator[Case]:
    """All there are."""
    for folder in sorted(path for path in CASES.glob("*") if (path / _EXPECTED).exists()):
        expected = tomllib.loads((folder / _EXPECTED).read_text(encoding="utf-8"))
        yield Case(
            folder.name,
            {path.name: path.read_bytes() for path in folder.iterdir() if path.name != _EXPECTED},
            expected.get("faults", []),
            expected.get("network", {}),
            expected.get("says", []),
        )


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    found = list(cases())[::_EVERY]
    if len(found) < LEAST:
        message = f"only {len(found)} cases of jembatan.txt in {CASES}, {LEAST} wanted"
        raise NotProved(message)
    fresh = _booted_once(rig)
    wrong = []
    for case in found[: rig.rounds]:
        faults = _tried(rig, fresh, case)
        rig.say(f"{case.name}: {'as expected' if not faults else '; '.join(faults)}")
        wrong += [f"{case.name}: {fault}" for fault in faults]
    if wrong:
        raise NotProved("\n".join(wrong))
    return f"{len(found[: rig.rounds])} cases, each a boot: what was right in force, the rest told"


def _booted_once(rig: Rig) -> Card:
    """A card whose data are made: what a first boot does on top is none of this part's."""
    with rig.new("setup") as appliance:
        appliance.start()
        appliance.page.wait(BOOT_S)
        appliance.cut()
        return appliance.card


def _tried(rig: Rig, fresh: Card, case: Case) -> list[str]:
    """What is not as expected after a start with that card."""
    card = fresh.layer(rig.folder("case") / "card.qcow2")
    for name, content in case.files.items():
        card.write(name, content)
    faults: list[str] = []

    def is_as_expected() -> bool:
        said = (card.read(RESULT) or b"").decode(errors="replace").rstrip()
        faults[:] = differences(case, said, _kept(appliance))
        return not faults

    with rig.new("case", hand=True, card=card) as appliance:
        appliance.start()
        try:
            wait_for("the answer", is_as_expected, _ANSWER_S, 2)
        except NotProved as reason:
            return [str(reason), *faults, appliance.console()[-500:]]
        appliance.cut()
    return [*filter(None, [card.fat_faults()])]


def _kept(appliance: Appliance) -> Mapping[str, Any]:
    """What is in force: the box's own record of it, and its time zone, which its settings have as
    soon as there are any.
    """
    zone = _read(appliance, _SETTINGS).get("box", {}).get("timezone", _NO_ZONE)
    return {**_read(appliance, _KEPT), **({} if zone == _NO_ZONE else {"timezone": zone})}


def _read(appliance: Appliance, path: str) -> dict[str, Any]:
    done = appliance.hand.run("cat", path, check=False)
    return tomllib.loads(done.text) if done.status == 0 else {}


def differences(case: Case, said: str, kept: Mapping[str, Any]) -> Iterator[str]:
    """What is not as the case expects it: pure."""
    lines = [int(number or 0) for number in _FAULT.findall(said)]
    if set(lines) != set(case.faults):
        yield f"faults told of lines {lines}, expected {list(case.faults)}: {said!r}"
    if kept != case.network:
        yield f"in force is {dict(kept)}, expected {dict(case.network)}"
    for text in case.says:
        if text not in said:
            yield f"the card does not say {text!r}: {said!r}"
