"""Proves updates in the booted box: A to B to A with queue and settings as they were, and every
bundle that must not win: which slot runs afterwards, and what the page says of it.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.prove.guest_media import labelled_stick
from tests.prove.image_bundles import FORBIDDEN, LOSING, Bundles
from tests.prove.image_page import GONE
from tests.prove.image_rig import BOOT_S
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.prove.image_bundles import Variant
    from tests.prove.image_hospital import Hospital
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

LABEL = "JEMBATAN-UP"
"""A FAT has room for eleven letters."""
FILMS = 6
INSTALL_S = 1200
"""From the stick to the started system."""
_FALL_BACK_S = 2400
"""Three starts, each up to the time limit of the health check."""
_QUEUED_S = 300
_REDONE_S = 240
_SLOT = re.compile(r"^Slot ([AB]), attempts left", re.MULTILINE)


@dataclass(frozen=True)
class State:
    """What an update must not touch, as the page tells it."""

    items: dict[str, int]
    sources: list[str]
    destinations: list[str]
    settings: str


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    bundles = Bundles(rig.built, rig.folder("bundles"))
    with waiting(rig) as (appliance, hospital):
        before = state(appliance)
        for way, slot in (("stick", "B"), ("page", "A")):
            seconds = _installed(rig, bundles.good(), way, slot)
            rig.say(f"{way}: into slot {slot}, running and good after {seconds:.0f} s")
            _same(appliance, before, f"after the update by {way}")
        for name, variant in FORBIDDEN.items():
            _refused(rig, name, variant, bundles)
        for name, variant in LOSING.items():
            _falls_back(rig, name, variant, bundles)
        _same(appliance, before, "at the end")
        hospital.pacs.come()
        hospital.reckon()
    count = len(FORBIDDEN) + len(LOSING)
    return (
        f"A to B to A, {len(before.items)} kinds of items and the settings untouched; "
        f"{count} bundles that must not win did not; all {FILMS} queued films delivered at the end"
    )


@contextmanager
def waiting(rig: Rig) -> Iterator[tuple[Appliance, Hospital]]:
    """The appliance that is ready, at work, with films that wait for a PACS that is away."""
    appliance, hospital, moment = rig.ready()
    with appliance:
        appliance.go_on(moment)
        hospital.begin()
        queued(hospital)
        yield appliance, hospital


def queued(hospital: Hospital) -> None:
    """The PACS is away, films come all the same, and wait."""
    hospital.pacs.go()
    for film in hospital.next_films(FILMS):
        hospital.put_on_share(film)

    def waiting() -> bool:
        document = hospital.appliance.page.status()
        return bool(sum(one["waiting"] for one in document["destinations"]) >= FILMS)

    wait_for("films waiting for the PACS", waiting, _QUEUED_S, 2)


def state(appliance: Appliance) -> State:
    """How it is now."""
    document = appliance.page.status()
    return State(
        document["items"],
        [one["name"] for one in document["sources"]],
        [one["name"] for one in document["destinations"]],
        appliance.page.get("/settings").words,
    )


def updates(appliance: Appliance) -> dict[str, Any]:
    """What the page says of updates; nothing while it is away."""
    with suppress(NotProved, *GONE):
        return appliance.page.document("/api/v1/updates")
    return {}


def begun(appliance: Appliance) -> list[str]:
    """The slots that U-Boot began since the machine was switched on, in their order."""
    return _SLOT.findall(appliance.console())


def stick_with(rig: Rig, bundle: Path) -> Path:
    """A stick labelled for updates."""
    return labelled_stick(rig.folder("stick") / "stick.img", LABEL, bundle)


def _same(appliance: Appliance, before: State, when: str) -> None:
    if (now := state(appliance)) != before:
        appliance.fail(f"{when} the box is not as before: {now} instead of {before}")


def same_again(appliance: Appliance, before: State, when: str) -> None:
    """The same after a cut: what was only worked out, and not promised, may be worked out anew."""

    def is_same() -> bool:
        return state(appliance) == before

    with suppress(NotProved):
        wait_for("the box as before", is_same, _REDONE_S, 3)
    _same(appliance, before, when)


def _installed(rig: Rig, bundle: Path, way: str, slot: str) -> float:
    appliance, _, _ = rig.ready()
    started = time.monotonic()
    _BY[way](rig, appliance, bundle)
    _wait(appliance, "good", partial(is_good, appliance, slot), INSTALL_S)
    if way == "stick":
        appliance.pull("stick")
    return time.monotonic() - started


def is_good(appliance: Appliance, slot: str) -> bool:
    """Whether the last update runs in that slot and was found good."""
    said = updates(appliance)
    stage = (said.get("last") or {}).get("stage")
    is_here: bool = said.get("slot") == slot and stage == "good" and not said["on_trial"]
    return is_here


def _by_stick(rig: Rig, appliance: Appliance, bundle: Path) -> None:
    appliance.plug_stick("stick", stick_with(rig, bundle))


def _by_page(_: Rig, appliance: Appliance, bundle: Path) -> None:
    appliance.page.send_file("/settings/updates", bundle.name, bundle.read_bytes())


_BY: dict[str, Callable[[Rig, Appliance, Path], None]] = {"stick": _by_stick, "page": _by_page}


def _refused(rig: Rig, name: str, variant: Variant, bundles: Bundles) -> None:
    """Not installed at all, and the page says why."""
    appliance, _, _ = rig.ready()
    slot = updates(appliance)["slot"]
    problem = _ended(rig, variant.make(bundles), "refused", INSTALL_S)
    if problem["code"] != variant.code:
        appliance.fail(f"{name}: refused as {problem['code']}, not as {variant.code}")
    if (now := updates(appliance)["slot"]) != slot:
        appliance.fail(f"{name}: slot {now} runs, which was {slot}")
    rig.say(f"{name}: refused ({variant.code}: {problem['sentence']})")


def _falls_back(rig: Rig, name: str, variant: Variant, bundles: Bundles) -> None:
    """Installed, started, given up; the slot from before runs again."""
    appliance, _, _ = rig.ready()
    slot, other = updates(appliance)["slot"], updates(appliance)["other"]["slot"]
    bundle = variant.make(bundles)
    started, before = time.monotonic(), len(begun(appliance))
    problem = _ended(rig, bundle, "fell-back", _FALL_BACK_S)
    appliance.page.wait(BOOT_S)
    seconds = time.monotonic() - started
    if (now := updates(appliance)["slot"]) != slot:
        appliance.fail(f"{name}: slot {now} runs, which was {slot}")
    tried = begun(appliance)[before:].count(other)
    if not tried:
        appliance.fail(f"{name}: slot {other} was never begun")
    rig.say(
        f"{name}: slot {other} begun {tried} times, slot {slot} runs again after {seconds:.0f} s; "
        f"the page says: {problem['sentence']}"
    )


def _ended(rig: Rig, bundle: Path, stage: str, seconds: float) -> dict[str, Any]:
    """Bring an update by stick, wait until it came to that end; the problem that is told."""
    appliance, _, _ = rig.ready()
    last: dict[str, Any] = {}

    def has_ended() -> bool:
        last.clear()
        last.update(updates(appliance).get("last") or {})
        told = (last.get("name"), (last.get("problem") or {}).get("sentence", ""))
        return last.get("stage") == stage and any(bundle.name in each for each in told if each)

    appliance.plug_stick("stick", stick_with(rig, bundle))
    _wait(appliance, f"{bundle.name}: {stage}", has_ended, seconds)
    appliance.pull("stick")
    problem: dict[str, Any] = last["problem"]
    return problem


def _wait(appliance: Appliance, what: str, look: Callable[[], bool], seconds: float) -> None:
    try:
        wait_for(what, look, seconds, 3)
    except NotProved as reason:
        appliance.fail(f"{reason}; the page says {updates(appliance)}")
