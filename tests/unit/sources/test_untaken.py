from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.intake.accept import Intake, fingerprint
from appliance.model import Arrival
from appliance.sources.untaken import untaken
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


def test_what_was_taken_in_is_not_carried_and_what_changed_since_is(box: Box) -> None:
    top = box.paths.shares / "cr"
    (top / "A B").mkdir(parents=True)
    for name in ("taken.tif", "changed.tif", "A B/new.tif", "Thumbs.db"):
        (top / name).write_bytes(name.encode())
    (top / "link.tif").symlink_to(top / "taken.tif")
    for name in ("taken.tif", "changed.tif"):
        path = top / name
        Intake(box.journal).accept(Arrival("cr", name, path, fingerprint(path.lstat())), None)
    (top / "changed.tif").write_bytes(b"another film")
    found = {path.relative_to(top).as_posix() for path in untaken("cr", top, box.journal.arrivals)}
    assert found == {"changed.tif", "A B/new.tif"}
