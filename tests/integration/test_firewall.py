"""The rules in a real kernel: who reaches what, with one network and with two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from appliance.box.firewall import rules
from appliance.box.network import Lan, Modality, Network
from appliance.settings.load import parse

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

TWO = Network(
    lan=Lan("10.1.2.3/24"), modality=Modality("192.168.77.1/24"), ssh_keys=("ssh-ed25519 A",)
)
ONE = Network(lan=Lan("10.1.2.3/24"))
PORTS = (22, 80, 104, 139, 443, 445, 5353, 8080, 11112)

RECEIVER = """
[[source]]
name = "ct"
kind = "receiver"
allow = [{ ae_title = "CT", host = "192.168.77.9" }]
"""
SHARE = """
[[source]]
name = "us"
kind = "share"
hosted = true
user = "us"
password = "x"
"""
XP = """
[[source]]
name = "xp"
kind = "share"
hosted = true
user = "xp"
password = "x"
smb1 = true
interface = "modality"
"""


def seen(tmp_path: Path, settings: str, network: Network) -> dict[str, Any]:
    file = tmp_path / "rules.nft"
    file.write_text(rules(parse(settings), network))
    program = [sys.executable, "-m", "tests.peers.two_sides", str(file), *map(str, PORTS)]
    done = subprocess.run(
        ["unshare", "--net", *program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_new_box_shows_its_page_and_nothing_else(tmp_path: Path) -> None:
    assert seen(tmp_path, "", ONE) == {
        "hospital": [80, 443, 5353],
        "modality": [80, 443, 5353],
        "always": True,
        "other address": False,
        "through": False,
        "outward": True,
    }


def test_with_two_sides_each_sees_what_is_its_own(tmp_path: Path) -> None:
    found = seen(tmp_path, RECEIVER + SHARE, TWO)
    assert found["hospital"] == [22, 80, 104, 443, 5353, 11112]
    assert found["modality"] == [104, 445, 11112]
    assert (found["through"], found["other address"], found["always"]) == (False, False, True)


def test_a_share_for_windows_xp_is_where_it_was_put_and_nowhere_else(tmp_path: Path) -> None:
    found = seen(tmp_path, XP, ONE)
    assert found["hospital"] == [80, 443, 5353]
    assert found["modality"] == [80, 139, 443, 445, 5353]
