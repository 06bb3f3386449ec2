"""Proves updates in the booted box: A to B to A with queue and settings as they were, and every
bundle that must not win: which slot runs afterwards, and what the page says of it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.prove.guest_media import labelled_stick
from tests.prove.image_bundles import FORBIDDEN, LOSING, Bundles
from tests.prove.image_page import GONE
from tests.prove.image_rig import BOOT_S
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
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
    appliance, hospital, moment = rig.ready()
    with appliance:
        appliance.go_on(moment)
        hospital.begin()
        queued(hospital)
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


def stick_with(rig: Rig, bundle: Path) -> Path:
    """A stick labelled for updates."""
    return labelled_stick(rig.folder("stick") / "stick.img", LABEL, bundle)


def _same(appliance: Appliance, before: State, when: str) -> None:
    if (now := state(appliance)) != before:
        appliance.fail(f"{when} the box is not as before: {now} instead of {before}")


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
    appliance.plug_stick("stick", stick_with(rig, variant.make(bundles)))

    def is_refused() -> bool:
        last = updates(appliance).get("last") or {}
        problem = last.get("problem") or {}
        return last.get("stage") == "refused" and problem.get("code") == variant.code

    _wait(appliance, f"{name}: refused", is_refused, INSTALL_S)
    appliance.pull("stick")
    said = updates(appliance)
    if said["slot"] != slot:
        appliance.fail(f"{name}: slot {said['slot']} runs, which was {slot}")
    rig.say(f"{name}: refused ({variant.code}: {said['last']['problem']['sentence']})")


def _falls_back(rig: Rig, name: str, variant: Variant, bundles: Bundles) -> None:
    """Installed, started, given up; the slot from before runs again."""
    appliance, _, _ = rig.ready()
    slot = updates(appliance)["slot"]
    started = time.monotonic()
    appliance.plug_stick("stick", stick_with(rig, variant.make(bundles)))

    def has_fallen_back() -> bool:
        last = updates(appliance).get("last") or {}
        return last.get("stage") == "fell-back"

    _wait(appliance, f"{name}: back in the slot from before", has_fallen_back, _FALL_BACK_S)
    appliance.pull("stick")
    appliance.page.wait(BOOT_S)
    said = updates(appliance)
    if said["slot"] != slot:
        appliance.fail(f"{name}: slot {said['slot']} runs, which was {slot}")
    seconds = time.monotonic() - started
    sentence = said["last"]["problem"]["sentence"]
    rig.say(f"{name}: slot {slot} runs again after {seconds:.0f} s; the page says: {sentence}")


def _wait(appliance: Appliance, what: str, look: Callable[[], bool], seconds: float) -> None:
    try:
        wait_for(what, look, seconds, 3)
    except NotProved as reason:
        appliance.fail(f"{reason}; the page says {updates(appliance)}")
