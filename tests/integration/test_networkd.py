"""What systemd-networkd makes of the files that it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.box.network import Lan, Modality, Network
from appliance.box.networkd import any_socket, files, own_socket

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        os.geteuid() != 0 or not Path("/lib/systemd/systemd-networkd").exists(),
        reason="network namespaces need root, and systemd-networkd",
    ),
]

ALWAYS = "169.254.77.7/16"


def shown(folder: Path, said: dict[str, str], *wanted: str) -> dict[str, Any]:
    for name, text in said.items():
        (folder / Path(name).name).write_text(text)
    program = [sys.executable, "-m", "tests.peers.cables", str(folder), *wanted]
    apart = ["unshare", "--net", "--mount-proc", "--pid", "--fork", "--kill-child", *program]
    done = subprocess.run(apart, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["complaints"] == []
    return found


def test_an_address_of_its_own_a_modality_with_dhcp_and_the_one_that_is_always_there(
    tmp_path: Path,
) -> None:
    network = Network(
        lan=Lan("10.1.2.3/24", "10.1.2.1"), modality=Modality("192.168.77.1/24", dhcp=True)
    )
    wanted = ("10.1.2.3/24", ALWAYS, "192.168.77.1/24", "default via 10.1.2.1 dev lan")
    found = shown(tmp_path, files(network, Path("/data/box")), *wanted)
    assert found["leased"].startswith("192.168.77.")
    assert found["routes"].count("default") == 1
    assert "169.254" not in found["addresses"].partition("modality")[2]


SHIPPED = {"80-jembatan-lan.network": own_socket, "90-jembatan.network": any_socket}


def test_a_new_box_has_the_one_that_is_always_there_and_answers_by_its_own_socket(
    tmp_path: Path,
) -> None:
    """Also where no DHCP server answers, and the modality's cable is in. A veth is a kind of its
    own, unlike a socket.
    """
    shipped = {name: text().replace("Kind=!*", "Name=modality") for name, text in SHIPPED.items()}
    by = "169.254.0.0/16 dev {} proto kernel scope link src 169.254.77.7 {}"
    found = shown(tmp_path, shipped, by.format("lan", "\n"), by.format("modality", "metric 2048"))
    assert found["leased"] == ""


def test_what_is_shipped_is_what_is_said_here() -> None:
    for name, text in SHIPPED.items():
        shipped = (Path("systemd/network") / name).read_text()
        assert shipped.partition("\n\n")[2] == text()
