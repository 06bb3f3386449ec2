"""Proves the units: booted by a real systemd at their final paths, at work in their sandboxes.

Each service says READY; a dropped file arrives at a storage SCP; every service is stopped dead
(SIGSTOP) and brought back by the watchdog; another file arrives; all leave when told to. Takes
about five minutes, most of it waiting for convert to leave and for its watchdog.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.prove.exposure import sandboxes_are_tight, units_are_clean
from tests.prove.machine import CHECKOUT, NotProved, booted, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.prove.machine import Machine

SERVICES = ("watch", "convert", "deliver", "receive", "share", "keeper", "web", "devices")
WANTED = ("receive", "share")  # they leave where the settings have no use for them
STANDING = tuple(name for name in SERVICES if name not in ("convert", *WANTED))
MOST_IDLE_MB = 170
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

PAGE = """
import http.client, ssl
trusting = ssl.create_default_context(cafile="/data/box/tls/shown.pem")
trusting.check_hostname = False
plain = http.client.HTTPConnection("127.0.0.1", 80)
plain.request("GET", "/films", headers={"Host": "proof.local"})
leads = plain.getresponse()
assert leads.headers["Location"] == "https://proof.local/films", leads.headers.items()
page = http.client.HTTPSConnection("127.0.0.1", 443, context=trusting)
page.request("GET", "/healthz")
print(page.getresponse().status)
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
    units_are_clean(machine, say)
    sandboxes_are_tight(machine, say)
    services_are_ready(machine, STANDING)
    messages_are_handed_on(machine)
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
    say(f"ports 80 and 443: the page's /healthz: {machine.run(PYTHON, '-c', PAGE).strip()}")
    memory_is_told(machine, "at work", SERVICES)
    wait_for("convert to leave", lambda: is_gone(machine, "convert"), 180)
    idle_mb = memory_is_told(machine, "idle", tuple(s for s in SERVICES if s != "convert"))
    if idle_mb > MOST_IDLE_MB:
        msg = f"{idle_mb:.0f} MB are more than {MOST_IDLE_MB}"
        raise NotProved(msg)
    a_file_arrives(machine, "images/12in16bit.tif", "4714_EKA_20260105.tif")
    stopped_services_are_cured(machine)
    a_file_arrives(machine, "images/pal8.bmp", "4712_BUDI_20260103.bmp")
    the_clock_counts_once_a_server_has_set_it(machine)
    everybody_leaves_when_told(machine)
    pacs.kill()
    pacs.wait()
    it_goes_down_when_the_power_fails(machine)


def messages_are_handed_on(machine: Machine) -> None:
    """Debian's dbus in the sandbox that our drop-in gives it."""
    machine.run("systemctl", "start", "dbus.service")
    bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
    machine.run("busctl", "--system", "call", *bus, "GetId")
    say("dbus answers")


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
    sources = status(machine)["sources"]
    states = {source["name"]: source["state"] for source in sources}
    if states["sticks"] != "empty":
        raise NotProved(str(sources))
    say("devices: asked by watch, says that no stick is there")


def status(machine: Machine) -> Mapping[str, Any]:
    """What `jembatan status --json` says in there."""
    ask = ("setpriv", *user("jembatan"), PYTHON, "-m", "appliance", "status", "--json")
    said: Mapping[str, Any] = json.loads(machine.run(*ask, "--root", "/data"))
    return said


def memory_is_told(machine: Machine, when: str, names: Sequence[str]) -> float:
    """What the services hold with all they started, in MB; shared pages count in parts (PSS)."""
    held = {name: sum(pss_mb(pid, machine) for pid in processes(machine, name)) for name in names}
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in held.items())
    say(f"PSS {when}: {sum(held.values()):.0f} MB ({parts})")
    return sum(held.values())


def processes(machine: Machine, name: str) -> list[str]:
    """All of a service, also Samba's own."""
    group = machine.show(unit(name), "ControlGroup")
    return machine.run("cat", f"/sys/fs/cgroup{group}/cgroup.procs").split()


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


def the_clock_counts_once_a_server_has_set_it(machine: Machine) -> None:
    """What the status says of the clock, before timesyncd has heard of the time and after."""
    machine.run("touch", "/run/jembatan/clock-unsure")
    before = status(machine)["clock"]
    machine.run("systemctl", "start", "box-clock.path")
    machine.run("install", "-D", "/dev/null", "/run/systemd/timesync/synchronized")
    wait_for("the clock to count", lambda: status(machine)["clock"] == "sure")
    if before != "unsure":
        raise NotProved(before)
    say("clock: unsure until a time server has set it")


def it_goes_down_when_the_power_fails(machine: Machine) -> None:
    """As keeper says it, by a file in a folder of its own."""
    machine.run("install", "-d", "-o", "jembatan", "-m", "700", "/run/jembatan/keeper")
    machine.run("systemctl", "start", "box-power-fail.path")
    failed = time.monotonic()
    touch = ("touch", "/run/jembatan/keeper/power-failed")
    machine.run("setpriv", *user("jembatan"), *touch, check=False)
    wait_for("the machine to be down", lambda: not Path(f"/proc/{machine.pid}").exists(), 30)
    say(f"power failed: down after {time.monotonic() - failed:.1f} s")


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
