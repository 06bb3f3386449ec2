"""The network's units as systemd itself reads them, from this folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is wanted"
)

UNITS = Path("systemd").resolve()
SERVICES = {
    "jembatan-network.service": 2.6,
    "jembatan-8021x.service": 2.2,
    "jembatan-wifi.service": 2.4,
}
OTHERS = ("jembatan-network.path", "jembatan-network.timer", "jembatan-network-revert.timer")


def analyze(*words: str) -> str:
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{UNITS}:"}
    done = subprocess.run(
        ["systemd-analyze", *words], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("unit", [*SERVICES, *OTHERS])
def test_nothing_is_wrong_with_it_but_that_this_is_no_box(unit: str) -> None:
    said = analyze("verify", str(UNITS / unit)).splitlines()
    ours = [line for line in said if unit.partition(".")[0] in line]
    assert [line for line in ours if "is not executable" not in line] == []


@pytest.mark.parametrize("unit", SERVICES)
def test_its_sandbox_is_tight(unit: str) -> None:
    said = analyze("security", "--offline=yes", str(UNITS / unit))
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert level, said
    assert float(level[1]) <= SERVICES[unit]
