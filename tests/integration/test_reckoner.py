"""The daily account with real archives: what they show of a day, asked the night after."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from appliance.desk.days import days
from appliance.forward.reckoner import Reckoner
from appliance.journal.days import Asked
from appliance.settings.schema import Box, Confirm, Destination, Settings
from tests.peers.orthanc import free_port, orthanc
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.desk.days import There
    from appliance.dicom.association import Target
    from tests.builders.scene import Scene

DAY = date(2026, 3, 14)
NIGHT = datetime(2026, 3, 15, 3, 1, tzinfo=UTC)


def destination(name: str, target: Target) -> Destination:
    return Destination(name, target.host, target.port, target.called)


def settings(*destinations: Destination) -> Settings:
    return Settings(box=Box(timezone="UTC"), destinations=destinations)


def account(scene: Scene) -> There:
    (day,) = days(scene.box.journal, DAY, DAY, UTC)
    (there,) = day.there
    return there


def night(scene: Scene, *destinations: Destination, turns: int = 2) -> Reckoner:
    """Whoever asks at night, after so many turns."""
    scene.box.clock.is_set(NIGHT)
    reckoner = Reckoner(settings(*destinations), scene.box.journal, scene.box.clock)
    for _ in range(turns):
        reckoner.turn()
    return reckoner


def test_what_an_administrator_removed_is_told_and_not_sent_again(
    scene: Scene, tmp_path: Path
) -> None:
    items = [scene.image(f"P{number}") for number in range(3)]
    with orthanc(tmp_path / "orthanc") as pacs, scene.lane(pacs.target) as lane:
        scene.turn(lane, 4)
        night(scene, destination("pacs", pacs.target))
        assert (account(scene).confirmed, account(scene).shows) == (3, 3)
        gone = next(s for s in pacs.instances().values() if s.tags["PatientID"] == "P1")
        pacs.delete("instances", gone.id)
        scene.box.clock.passes(hours=1)
        reckoner = Reckoner(
            settings(destination("pacs", pacs.target)), scene.box.journal, scene.box.clock
        )
        assert reckoner.turn() > 0  # asked once a night, not again and again
        scene.box.journal.days.note("2026-03-14", "cr", "pacs", stale())
        reckoner.turn()
        scene.turn(lane, 3)
        assert pacs.count() == 2
    assert (account(scene).shows, account(scene).missing) == (2, (items[1],))


def stale() -> Asked:
    """Told while the day was not over."""
    return Asked(3, 3, (), "2026-03-14T23:00:00.000+00:00")


def test_who_cannot_be_asked_is_not_said_to_lack_anything(scene: Scene, tmp_path: Path) -> None:
    scene.image()
    with (
        storescp(tmp_path / "scp") as scp,
        scene.lane(scp.target, confirm=Confirm.RESPONSE) as lane,
    ):
        scene.turn(lane, 2)
        night(scene, destination("pacs", scp.target))
    there = account(scene)
    assert (there.confirmed, there.shows, there.missing) == (1, None, ())
    assert there.asked_at


def test_one_that_does_not_answer_keeps_nobody_waiting(scene: Scene, tmp_path: Path) -> None:
    scene.image()
    with orthanc(tmp_path / "orthanc") as pacs, scene.lane(pacs.target) as lane:
        scene.turn(lane, 2)
        silent = Destination("old", "127.0.0.1", free_port(), "OLD")
        night(scene, silent, destination("pacs", pacs.target))
    assert account(scene).shows == 1


def test_a_pacs_that_is_off_at_night_is_asked_again(scene: Scene, tmp_path: Path) -> None:
    scene.image()
    with orthanc(tmp_path / "orthanc") as pacs, scene.lane(pacs.target) as lane:
        scene.turn(lane, 2)
        off = Destination("pacs", "127.0.0.1", free_port(), "OFF")
        reckoner = night(scene, off, turns=1)
        assert reckoner.turn() == 600
        assert account(scene).asked_at == ""
        scene.box.clock.passes(minutes=31)
        night(scene, destination("pacs", pacs.target))
    assert account(scene).shows == 1
