"""802.1X as jembatan.txt asks for it, with the real wpa_supplicant at a real authenticator."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from appliance.box import wishes
from appliance.box.network import Network
from appliance.box.networkd import WIRED, files
from tests.builders.certificates import paper

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

USERS = """\
"host/tls" TLS
"box" PEAP,TTLS
"box" MSCHAPV2,TTLS-MSCHAPV2 {password} [2]
"""


class Hospital:
    """Its certificates, as they lie beside jembatan.txt and at the switch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ours = paper(folder, "ca", names=())
        paper(folder, "server", by=ours, names=("radius.hospital.example",))
        paper(folder, "box", by=ours, names=())
        paper(folder, "stranger", names=())

    def lets_in(self, text: str, password: str = "secret") -> str:
        """How it ends when a box has that jembatan.txt."""
        own = self.folder / "kept"
        reading = wishes.read(text.encode(), Network(), self._file)
        assert not reading.faults
        for name, content in reading.files.items():
            (own / name).parent.mkdir(parents=True, exist_ok=True)
            (own / name).write_bytes(content)
        conf = self.folder / "8021x.conf"
        conf.write_text(files(reading.network, own)[WIRED])
        (self.folder / "users").write_text(USERS.format(password=password.encode().hex()))
        program = [sys.executable, "-m", "tests.peers.switch", str(self.folder), str(conf)]
        done = subprocess.run(
            ["unshare", "--net", *program], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _file(self, _: str, name: str) -> bytes:
        return (self.folder / name).read_bytes()


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return Hospital(tmp_path_factory.mktemp("hospital"))


BY_PASSWORD = "8021x = {}\n8021x-identity = box\n8021x-password = {}\n8021x-ca = ca.pem\n"
BY_KEY = """\
8021x = tls
8021x-identity = host/tls
8021x-certificate = box.pem
8021x-key = box.key
8021x-ca = ca.pem
"""


@pytest.mark.parametrize("text", [BY_PASSWORD.format("peap", "secret"), BY_KEY])
def test_the_switch_lets_the_box_in(hospital: Hospital, text: str) -> None:
    assert hospital.lets_in(text) == "connected"


def test_letters_of_any_kind_are_a_password(hospital: Hospital) -> None:
    password = 'a"b #c\\d = é'
    assert hospital.lets_in(BY_PASSWORD.format("ttls", password), password) == "connected"


def test_who_has_another_certificate_gets_no_password(hospital: Hospital) -> None:
    said = hospital.lets_in(BY_PASSWORD.format("peap", "secret").replace("ca.pem", "stranger.pem"))
    assert "TLS-CERT-ERROR" in said


def test_who_has_another_name_gets_no_password(hospital: Hospital) -> None:
    said = hospital.lets_in(BY_PASSWORD.format("peap", "secret") + "8021x-server = other.example")
    assert "Domain suffix mismatch" in said
