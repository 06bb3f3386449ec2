"""What stands in the way of a handover, and what goes along with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.gadget import Gadget, Looks
from appliance.intake.accept import Intake
from appliance.services import handover
from appliance.services.handover import machine_of
from appliance.settings.links import SerialLink
from appliance.sources.line.staging import Staging
from tests.builders.box import Box
from tests.fakes.configfs import FakeConfigfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


def test_an_open_serial_line_is_waited_for(box: Box) -> None:
    machine = machine_of(box.paths)
    assert machine.is_quiet()
    link = SerialLink(name="us", path="/dev/tty")
    staging = Staging(box.paths.serial / "us", link, None, Intake(box.journal), box.clock)
    assert machine.is_quiet()
    staging.listen()
    assert not machine.is_quiet()
    staging.deafen()
    assert machine.is_quiet()


def test_a_drive_that_a_modality_has_in_hand_is_waited_for(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configfs = FakeConfigfs(tmp_path / "kernel")
    gadget = Gadget(configfs, configfs.controllers)
    monkeypatch.setattr(handover, "Gadget", lambda _: gadget)
    image = tmp_path / "000001.img"
    image.write_bytes(bytes(1024))
    configfs.host_comes()
    gadget.stand(Looks("JEMBATAN", "EXPORT", "10000000ABCDEF01"), image)
    machine = machine_of(box.paths)
    assert not machine.is_quiet()
    gadget.take_down()
    assert machine.is_quiet()


def test_what_lies_in_a_share_that_was_removed_comes_along(box: Box) -> None:
    """Whatever the settings say today: it is nowhere else."""
    film = box.paths.shares / "gone" / "A B" / "film.tif"
    film.parent.mkdir(parents=True)
    film.write_bytes(b"film")
    (box.paths.shares / "link").symlink_to(film.parent)
    assert list(machine_of(box.paths).untaken()) == [("gone/A B/film.tif", film)]
