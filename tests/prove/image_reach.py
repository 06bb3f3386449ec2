"""Proves that a box is reached as its text file says: through a VLAN at the address given, there
by its name too, and by SSH with the key given; then settings go out, are checked and come in again
as the README says.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tests.prove.image_inside import reads
from tests.prove.image_rig import BOOT_S, RESULT
from tests.prove.image_wire import cable
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig
    from tests.prove.image_wire import Cable

_VLAN, _BOX, _LAPTOP = 20, "10.20.0.7", "10.20.0.9"
_NAME = re.compile(r"jembatan-[0-9a-f]{8}\.local")
_QUIET = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o")
_LOGIN = (*_QUIET, "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes")
_FILE = "/tmp/box.toml"
_SSH_S = 120


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    appliance, _, moment = rig.ready()
    folder = rig.folder("reach")
    key = _made_key(folder)
    with cable("lan") as lan:
        appliance.card = moment.card.layer(appliance.new_layer())
        appliance.card.write("jembatan.txt", _text(key).encode())
        appliance.cables = (lan,)
        try:
            with appliance:
                appliance.start()
                with lan.tagged(_VLAN, f"{_LAPTOP}/24"):
                    _reached(rig, appliance, lan)
                    _settings_by_ssh(appliance, lan, key, folder)
        finally:
            appliance.cables = ()
    rig.say("by SSH with the key: settings exported, fetched, put back, checked, imported")
    return "a box in a VLAN: its page, its name, its settings by SSH"


def _reached(rig: Rig, appliance: Appliance, lan: Cable) -> None:
    try:
        wait_for("the page", lambda: lan.answers(f"https://{_BOX}/healthz"), BOOT_S, 2)
    except NotProved as reason:
        told = (appliance.card.read(RESULT) or b"").decode(errors="replace")
        appliance.fail(f"at {_BOX} in VLAN {_VLAN}: {reason}; {told}")
    rig.say(f"through VLAN {_VLAN}: the page is at https://{_BOX}")
    name = f"{reads(appliance.hand, 'hostname')}.local"
    if not _NAME.fullmatch(name):
        appliance.fail(f"the name of the box is {name}")
    if (told := lan.asks(name, _LAPTOP)) != _BOX:
        appliance.fail(f"asked by mDNS for {name} the box says {told!r}")
    rig.say(f"asked by mDNS for jembatan-<serial>.local there: {told}")


def _made_key(folder: Path) -> Path:
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def _text(key: Path) -> str:
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    return f"vlan = {_VLAN}\naddress = {_BOX}/24\nssh-key = {public}\n"


def _settings_by_ssh(appliance: Appliance, lan: Cable, key: Path, folder: Path) -> None:
    """As the README says; what comes in is what went out, so that all of it is taken."""
    here, there = str(folder / "box.toml"), f"root@{_BOX}:{_FILE}"
    login = ("-i", str(key), *_LOGIN)
    shell = ("ssh", *login, f"root@{_BOX}", "jembatan", "config")
    for words in (
        (*shell, "export", _FILE),
        ("scp", "-q", *login, there, here),
        ("scp", "-q", *login, here, there),
        (*shell, "check", _FILE),
        (*shell, "import", _FILE),
    ):
        done = lan.run(*words, seconds=_SSH_S)
        if done.returncode:
            appliance.fail(f"{' '.join(words)}: {done.returncode}: {done.stdout}")
    if '"pacs"' not in (folder / "box.toml").read_text(encoding="utf-8"):
        appliance.fail("the settings that came by SSH have no PACS")
    if lan.run("ssh", *_LOGIN, f"root@{_BOX}", "true", seconds=_SSH_S).returncode == 0:
        appliance.fail("without the key somebody can log in")
