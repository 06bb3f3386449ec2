"""Proves the units: booted by a real systemd at their final paths, at work in their sandboxes.

Each service says READY; a dropped file arrives at a storage SCP; every service is stopped dead
(SIGSTOP) and brought back by the watchdog; another file arrives; all leave when told to. Takes
about four minutes, most of it waiting for convert's watchdog.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from tests.prove.machine import CHECKOUT, NotProved, booted, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.prove.machine import Machine

SERVICES = ("watch", "convert", "deliver", "receive", "share", "keeper", "web", "devices")
WANTED = ("receive", "share")  # they leave where the settings have no use for them
STANDING = tuple(name for name in SERVICES if name not in ("convert", *WANTED))
WORST = 1.6
WORST_OF = {"devices": 2.5}  # root, because it mounts
UNITS = "/usr/lib/systemd/system/"
SAMPLES = CHECKOUT / "tests" / "data"
PORT = "11113"
PYTHON = "/opt/jembatan/bin/python"

SETTINGS = f"""
[[source]]
name = "cr-export"
kind = "folder"
path = "/srv/cr-export"
profile = "cr"

[[source]]
name = "ct"
kind = "receiver"
allow = [{{ ae_title = "CT1", host = "127.0.0.1" }}]

[[source]]
name = "us"
kind = "share"
hosted = true
profile = "cr"

[[source]]
name = "sticks"
kind = "stick"

[[profile]]
name = "cr"
sop_class = "SC"
filename = '(?P<PatientID>[^_/]+)_(?P<PatientName>[^_]+)_(?P<StudyDate>\\d{{8}})'
identity = "trust"

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {PORT}
ae_title = "PACS"
confirm = "response"
"""

PUBLISH = """
import sys
from pathlib import Path
from appliance.call import ask
ask(Path("/run/jembatan/keeper.sock"), {"op": "settings", "toml": sys.argv[1]})
"""

PREVIEW = """
import os
from pathlib import Path
from appliance.call import ask_for_descriptor
wish = {"op": "preview", "item": 1, "object": 1, "frame": 1, "side": 192}
size, fd = ask_for_descriptor(Path("/run/jembatan/convert.sock"), wish, 60)
print(size["columns"], "x", size["rows"], os.pread(fd, 3, 0).hex())
"""

REACH = """
import socket, sys
from pathlib import Path
socket.socket(socket.AF_UNIX).connect("/run/jembatan/keeper.sock")
Path("/data/etc/access.json").read_bytes()
"""

HEALTH = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8080/healthz").status)
"""


def main() -> int:
    """Prove it all; 0, or 1 with the reason and the machine's log."""
    if os.geteuid():
        say("this proof makes namespaces and mounts: run it as root")
        return 1
    with booted() as machine:
        try:
            prove(machine)
        except NotProved as reason:
            say(f"NOT PROVED: {reason}")
            say(machine.run("journalctl", "--no-pager", "--lines=80", check=False))
            return 1
    say("proved")
    return 0


def prove(machine: Machine) -> None:
    """The steps in their order."""
    say(f"{machine.run('systemctl', '--version').splitlines()[0]} as PID 1")
    wait_for("systemd", lambda: "bus" not in machine.run("systemctl", "list-jobs", check=False))
    units_are_clean(machine)
    sandboxes_are_tight(machine)
    services_are_ready(machine, STANDING)
    others_reach_no_settings(machine)
    pacs = machine.start("storescp", "--fork", "+uf", "-aet", "PACS", "-od", "/srv/pacs", PORT)
    machine.run("setpriv", *user("jembatan"), PYTHON, "-c", PUBLISH, SETTINGS)
    services_are_ready(machine, WANTED)
    a_file_arrives(machine, "dicom/US1_UNCR.dcm", "film.dcm")
    a_file_arrives(machine, "images/rgb24.bmp", "4711_SITI_20260102.bmp")
    a_preview_is_drawn(machine)
    a_modality_calls(machine)
    a_share_is_offered(machine)
    sticks_can_be_read(machine)
    say(f"the page's /healthz: {machine.run(PYTHON, '-c', HEALTH).strip()}")
    memory_is_told(machine)
    stopped_services_are_cured(machine)
    a_file_arrives(machine, "images/pal8.bmp", "4712_BUDI_20260103.bmp")
    everybody_leaves_when_told(machine)
    pacs.kill()
    pacs.wait()


def units_are_clean(machine: Machine) -> None:
    """`systemd-analyze verify` has nothing to say about what we install."""
    files = sorted(UNITS + file.name for file in machine.path(UNITS).glob("jembatan*.*[!d]"))
    complaints = machine.run("systemd-analyze", "verify", *files)
    if complaints:
        raise NotProved(complaints)
    say(f"systemd-analyze verify: {len(files)} units, no complaint")


def sandboxes_are_tight(machine: Machine) -> None:
    """No service is more exposed than we promise."""
    for name in SERVICES:
        verdict = machine.run("systemd-analyze", "security", "--no-pager", unit(name))
        exposure = float(re.findall(r"exposure level .*: ([\d.]+)", verdict)[0])
        say(f"systemd-analyze security {unit(name)}: {exposure}")
        if exposure > WORST_OF.get(name, WORST):
            raise NotProved(verdict)


def services_are_ready(machine: Machine, names: Sequence[str]) -> None:
    """Type=notify: active means the service itself said READY=1."""
    for name in names:
        wait_for(f"{name} ready", partial(is_active, machine, name))
        started = machine.show(unit(name), "InactiveExitTimestampMonotonic")
        ready = machine.show(unit(name), "ActiveEnterTimestampMonotonic")
        say(f"{name}: READY after {(int(ready) - int(started)) / 1e6:.1f} s")


def others_reach_no_settings(machine: Machine) -> None:
    """Whatever talks convert, deliver or watch into it, they do not get at the settings."""
    for name in ("convert", "deliver", "watch"):
        who = user(f"jembatan-{name}")
        said = machine.run("setpriv", *who, PYTHON, "-c", REACH, check=False)
        if "PermissionError" not in said:
            msg = f"{name} reaches keeper's socket: {said}"
            raise NotProved(msg)
    say("keeper's socket: closed to convert, deliver and watch")


def a_file_arrives(machine: Machine, sample: str, name: str) -> None:
    """Drop a file where watch looks; it comes out at the PACS."""
    before = received(machine)
    dropped = time.monotonic()
    shutil.copy(SAMPLES / sample, machine.path("/srv/cr-export") / name)
    wait_for(f"{name} at the PACS", lambda: len(received(machine)) > len(before))
    say(f"{name}: at the PACS after {time.monotonic() - dropped:.1f} s")


def a_preview_is_drawn(machine: Machine) -> None:
    """By convert in its sandbox, when the page's user asks at its socket."""
    said = machine.run("setpriv", *user("jembatan"), PYTHON, "-c", PREVIEW).strip()
    if not said.endswith("ffd8ff"):
        raise NotProved(said)
    say(f"convert.sock: a preview, {said.rpartition(' ')[0]}")


def a_modality_calls(machine: Machine) -> None:
    """On the port that only root may open: the socket's, handed to receive."""
    before = received(machine)
    shutil.copy(SAMPLES / "dicom" / "SC_rgb.dcm", machine.path("/srv"))
    send = ("storescu", "-aet", "CT1", "-aec", "JEMBATAN", "127.0.0.1", "104")
    wait_until_it_says("", machine, *send, "/srv/SC_rgb.dcm")
    wait_for("its image at the PACS", lambda: len(received(machine)) > len(before))
    say("port 104: an image was received and is at the PACS")


def a_share_is_offered(machine: Machine) -> None:
    """By Samba in share's sandbox; what a modality puts there comes out at the PACS."""
    before = received(machine)
    shutil.copy(SAMPLES / "images" / "16bit.r.tif", machine.path("/srv"))
    put = "put /srv/16bit.r.tif 4713_ANI_20260104.tif"
    wait_until_it_says("putting file", machine, "smbclient", "//127.0.0.1/us", "-N", "-c", put)
    wait_for("its image at the PACS", lambda: len(received(machine)) > len(before))
    say("port 445: a file was put on the share and is at the PACS")


def wait_until_it_says(sign: str, machine: Machine, *command: str) -> None:
    """Run a program again until its output begins like that; "": until it says nothing."""
    said = ""

    def succeeds() -> bool:
        nonlocal said
        said = machine.run(*command, check=False)
        return said.startswith(sign) if sign else not said

    try:
        wait_for(command[0], succeeds)
    except NotProved as reason:
        message = f"{command[0]}: {said}"
        raise NotProved(message) from reason


def sticks_can_be_read(machine: Machine) -> None:
    """Watch reaches devices, and devices udev's memory; there is no USB here to show more."""
    status = ("setpriv", *user("jembatan"), PYTHON, "-m", "appliance", "status", "--json")
    sources = json.loads(machine.run(*status, "--root", "/data"))["sources"]
    states = {source["name"]: source["state"] for source in sources}
    if states["sticks"] != "empty":
        raise NotProved(str(sources))
    say("devices: asked by watch, says that no stick is there")


def memory_is_told(machine: Machine) -> None:
    """What each service holds after its work; shared pages count in parts (PSS)."""
    held = {name: pss_mb(machine.show(unit(name), "MainPID"), machine) for name in SERVICES}
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in held.items())
    say(f"PSS: {sum(held.values()):.0f} MB ({parts})")


def pss_mb(pid: str, machine: Machine) -> float:
    """A process's share of memory."""
    rollup = machine.path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)[0]) / 1024


def stopped_services_are_cured(machine: Machine) -> None:
    """Stop every service dead; the watchdog must bring each back as a new process."""
    wait_for("convert at work", lambda: is_active(machine, "convert"))
    before = {name: machine.show(unit(name), "MainPID") for name in SERVICES}
    stopped = time.monotonic()
    for pid in before.values():
        machine.run("kill", "-STOP", pid)
    waiting = set(SERVICES)
    while waiting:
        back = wait_for("all services back", partial(cured, machine, before, waiting), 240)
        waiting -= back
        for name in sorted(back):
            said = machine.run("journalctl", "--no-pager", "-u", unit(name), "--grep=Watchdog")
            if "Watchdog timeout" not in said:
                raise NotProved(said)
            say(f"{name}: stopped dead, back after {time.monotonic() - stopped:.0f} s")


def cured(machine: Machine, before: dict[str, str], waiting: set[str]) -> set[str]:
    """Those that are up again, each as another process."""
    return {
        name
        for name in waiting
        if machine.show(unit(name), "MainPID") != before[name] and is_active(machine, name)
    }


def everybody_leaves_when_told(machine: Machine) -> None:
    """Stopping the target stops all services, none of them by force."""
    told = time.monotonic()
    machine.run("systemctl", "stop", "jembatan.target")
    for name in SERVICES:
        wait_for(f"{name} gone", partial(is_gone, machine, name))
        if (result := machine.show(unit(name), "Result")) != "success":
            msg = f"{name} ended as {result}"
            raise NotProved(msg)
    say(f"all left when told, within {time.monotonic() - told:.1f} s")


def is_active(machine: Machine, name: str) -> bool:
    """Whether a service is up and has said so."""
    return machine.show(unit(name), "ActiveState") == "active"


def is_gone(machine: Machine, name: str) -> bool:
    """Whether a service is down for good."""
    return machine.show(unit(name), "ActiveState") == "inactive"


def received(machine: Machine) -> list[Path]:
    """What the PACS has."""
    return list(machine.path("/srv/pacs").iterdir())


def unit(name: str) -> str:
    """The unit of a service."""
    return f"jembatan-{name}.service"


def user(name: str) -> list[str]:
    """setpriv's arguments for becoming a service's user."""
    return [f"--reuid={name}", "--regid=jembatan", "--clear-groups"]


def say(line: str) -> None:
    """One line for whoever watches."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
