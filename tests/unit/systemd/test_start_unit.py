"""What the units around the card's data must say, for who reads only one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

UNITS = Path("systemd")
OWN_VIEW = ("Private", "Protect", "ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "Bind")


def options(path: Path) -> list[str]:
    lines = path.read_text(encoding="ascii").splitlines()
    return [line for line in lines if "=" in line and not line.startswith("#")]


def test_what_start_mounts_is_seen_by_all() -> None:
    assert not [o for o in options(UNITS / "jembatan-start.service") if o.startswith(OWN_VIEW)]


@pytest.mark.parametrize("name", ["start", "locked", "unlock"])
def test_what_runs_without_the_data_requires_nothing_of_it(name: str) -> None:
    assert not options(UNITS / f"jembatan-{name}.service.d" / "10-common.conf")
    assert "RequiresMountsFor" not in (UNITS / f"jembatan-{name}.service").read_text()


def test_the_mount_waits_for_start_and_for_no_device() -> None:
    said = options(UNITS / "data.mount")
    assert "Requires=jembatan-start.service" in said
    assert "After=jembatan-start.service" in said
    assert not [o for o in said if o.startswith("What=/dev")]
    assert "OnFailure=jembatan-locked.service" in options(UNITS / "jembatan-start.service")
