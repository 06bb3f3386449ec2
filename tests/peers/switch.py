"""Owns a switch that lets nobody in without 802.1X: hostapd at the other end of the box's cable.

Run as a program in a network namespace of its own, which has neither cable nor switch yet.

    unshare --net python -m tests.peers.switch FOLDER WPA_SUPPLICANT_CONF

FOLDER has ca.pem, server.pem, server.key and `users` as hostapd's eap_user_file has them. What it
says is how it ended: "connected", or the line of wpa_supplicant that says why not.
"""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONF = """
interface=switch
driver=wired
ieee8021x=1
use_pae_group_addr=1
eap_server=1
eap_user_file={folder}/users
ca_cert={folder}/ca.pem
server_cert={folder}/server.pem
private_key={folder}/server.key
"""
_END = re.compile(r"CTRL-EVENT-CONNECTED|CTRL-EVENT-EAP-FAILURE|TLS-CERT-ERROR|Failed|Line \d+:")


def main(folder: Path, supplicant: str) -> None:
    conf = folder / "hostapd.conf"
    conf.write_text(_CONF.format(folder=folder))
    for words in (
        "link add lan type veth peer name switch",
        "link set lan up",
        "link set switch up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    with _said("hostapd", str(conf)) as switch:
        _until(switch, re.compile("AP-ENABLED"))
        with _said("wpa_supplicant", "-Dwired", "-ilan", f"-c{supplicant}") as box:
            end = _until(box, _END)
    print("connected" if "CTRL-EVENT-CONNECTED" in end else end.strip())


@contextmanager
def _said(*command: str) -> Iterator[Iterator[str]]:
    """The lines of a program, which ends with the block."""
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        assert program.stdout
        yield iter(program.stdout)
    finally:
        program.kill()
        program.wait()


def _until(lines: Iterator[str], wanted: re.Pattern[str]) -> str:
    before = []
    for line in lines:
        before.append(line)
        if wanted.search(line):
            return line
    return f"ended early: {before}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
