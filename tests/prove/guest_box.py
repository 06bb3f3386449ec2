"""Owns the product inside a guest: carried there from this checkout, installed as
systemd/README.md says, run by the guest's systemd in its units' sandboxes, its journal seen from
outside.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.prove.guest import Guest
from tests.prove.guest_image import PYTHON, compile_python
from tests.prove.machine import CHECKOUT, NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.prove.guest_image import Arch

_PACKAGES = f"opt/jembatan/lib/python{PYTHON}/site-packages"
_PLACES = (
    ("*.target", "usr/lib/systemd/system"),
    ("*.service", "usr/lib/systemd/system"),
    ("*.socket", "usr/lib/systemd/system"),
    ("*.mount", "usr/lib/systemd/system"),
    ("*.service.d", "usr/lib/systemd/system"),
    ("sysusers.d/*", "usr/lib/sysusers.d"),
    ("tmpfiles.d/*", "usr/lib/tmpfiles.d"),
    ("modules-load.d/*", "usr/lib/modules-load.d"),
    ("udev/*", "usr/lib/udev/rules.d"),
)
_SECTOR = 512
_DATA_BYTES = 8 << 30
_READY_S = 300
_LOOK_EVERY_S = 0.4
INSTALL = """
systemd-sysusers
udevadm control --reload
udevadm trigger --subsystem-match=usb --action=add
for list in /usr/lib/modules-load.d/jembatan*.conf; do
    [ ! -e "$list" ] || grep -v '^#' "$list" | xargs -r -n1 modprobe
done
systemctl daemon-reload
udevadm settle
cd /opt/jembatan
for name in convert deliver devices keeper start watch; do
    bin/python -c "import appliance.services.$name"
done
blockdev --flushbufs /dev/vdc
"""
_MOUNT = """
mkdir -p /data /run/jembatan
mount -o noatime /dev/vdc /data
systemd-tmpfiles --create jembatan.conf
"""
_PUBLISH = """
import sys
from pathlib import Path
from appliance.settings import history
history.publish(Path("/data"), sys.stdin.read())
"""
_LOOK = """
import sqlite3
from contextlib import closing
from pathlib import Path

def rows(query):
    path = "/data/var/journal.sqlite"
    for attempt in range(100):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
                return db.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            if "unable to open" not in str(error) and "readonly" not in str(error):
                raise
        time.sleep(0.1)
    return []
import time
"""
_PYTHON = "/opt/jembatan/bin/python"
AS_OWNER = ("setpriv", "--reuid=jembatan", "--regid=jembatan", "--clear-groups")


class Place(NamedTuple):
    """How the box says a source is doing."""

    state: str
    sentence: str


class Box:
    """A guest with the product on it."""

    def __init__(self, arch: Arch, folder: Path, settings: str, data_fs: str = "ext4") -> None:
        self._settings = settings
        self._folder = folder
        data = folder / "data.img"
        with data.open("wb") as file:
            file.truncate(_DATA_BYTES)
        quiet = ["-q", "-m", "0"] if data_fs == "ext4" else ["-q", "-m", "reflink=1"]
        subprocess.run([f"mkfs.{data_fs}", *quiet, str(data)], check=True)
        self.guest = Guest(arch, folder, make_cargo(folder), data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.guest.cut()

    def start(self, *services: str, modules: Sequence[str] = ()) -> float:
        """Boot, install, load modules, start these services; the seconds it took to boot."""
        seconds = self.guest.start()
        is_new = self.guest.boots == 1
        if is_new:
            self.guest.run("sh", "-ec", INSTALL, seconds=280)
            self.guest.keep()
            self.guest.start()
        self.guest.run("sh", "-ec", _MOUNT)
        for module in modules:
            self.guest.run("modprobe", module)
        self.guest.python(_LOOK)
        if is_new:
            self.publish(self._settings)
        if services:
            self.guest.run("systemctl", "start", "--no-block", *map(unit, services))
        self._wait_until_ready(services)
        return seconds

    def publish(self, settings: str) -> None:
        """Put settings in force."""
        self.guest.run(*AS_OWNER, _PYTHON, "-c", _PUBLISH, text=settings)

    def _wait_until_ready(self, services: Sequence[str]) -> None:
        for name in services:
            try:
                self.wait_for(f"{name} ready", partial(self._is_active, name), _READY_S)
            except NotProved as reason:
                message = f"{reason}\n{self.said()}"
                raise NotProved(message) from reason

    def wait_for(self, what: str, look: Callable[[], bool], seconds: float) -> None:
        """Until `look` is true. A guest is slow: to look at it often would make it slower."""
        wait_for(what, look, seconds, _LOOK_EVERY_S)

    def _is_active(self, name: str) -> bool:
        return self.guest.run("systemctl", "is-active", unit(name), check=False).status == 0

    def said(self, lines: int = 60) -> str:
        """The end of the guest's log."""
        return self.guest.run("journalctl", "--no-pager", f"--lines={lines}", check=False).text

    # Its journal

    def rows(self, query: str) -> list[list[Any]]:
        """The rows of a query."""
        found: list[list[Any]] = self.guest.python(f"value = rows({query!r})")
        return found

    def count(self, query: str) -> int:
        """The one number a query asks for."""
        rows = self.rows(query)
        return int(rows[0][0]) if rows else 0

    def place(self, source: str) -> Place:
        """How a source is doing."""
        found = self.rows(
            f"SELECT state, sentence FROM place WHERE kind = 'source' AND name = '{source}'"
        )
        return Place(*found[0]) if found else Place("", "")

    def unfinished(self) -> int:
        """How many items are on their way."""
        return self.count(
            "SELECT count(*) FROM item WHERE state NOT IN ('done', 'ignored', 'quarantined')"
        )

    def verify(self) -> list[str]:
        """What `jembatan journal verify` has to say."""
        words = (*AS_OWNER, _PYTHON, "-m", "appliance", "journal", "verify", "--root", "/data")
        done = self.guest.run(*words, check=False, seconds=280)
        return [] if done.status == 0 else [f"journal verify: {done.text[-2000:]}"]


def unit(name: str) -> str:
    """The unit of a service."""
    return name if "." in name else f"jembatan-{name}.service"


def make_cargo(folder: Path) -> Path:
    """A tar of everything that a guest gets from this checkout."""
    cargo = folder / "cargo.tar"
    with TemporaryDirectory(dir=folder) as loose:
        top = Path(loose)
        packages = top / _PACKAGES
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / "appliance", packages / "appliance", ignore=ignore)
        compile_python(top, _PACKAGES)
        for pattern, place in _PLACES:
            for path in (CHECKOUT / "systemd").glob(pattern):
                _copy(path, top / place / path.name)
        _copy(Path(__file__).with_name("guest_agent.py"), top / "opt" / "agent.py")
        with tarfile.open(cargo, "w") as tar:
            tar.add(top, arcname=".", filter=_owned_by_root)
    padding = -cargo.stat().st_size % _SECTOR
    with cargo.open("ab") as file:
        file.write(bytes(padding))
    return cargo


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copy(path, target)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o755 if entry.isdir() else 0o644
    return entry
