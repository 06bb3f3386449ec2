"""Owns the Debian part of the root file system: layers of packages, each upon the one below it.

mmdebstrap installs them for real, maintainer scripts and all; programs of the box's architecture
run by QEMU. Every layer is kept as an archive under a name made of all that is in it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from imagebuild import archive, cache
from imagebuild.command import run, say
from imagebuild.errors import NotBuilt
from imagebuild.foreign import programs_of
from imagebuild.lock import require_installed
from imagebuild.recipe import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from imagebuild.lock import Deb

_HOOKS = "/usr/share/mmdebstrap/hooks/file-mirror-automount"
SHELF = CACHE / "shelf"
"""One place for all builds: a layer names it in its list of sources."""

CLOCK_S = 1_795_272_105
"""What the clock says while packages are installed or compiled: seconds since 1970 (2026-11-21).

It moves with no lock and no commit: a newer lock makes only those layers again that it changes.
The times of files are set anew when the file system is made.
"""

_DPKG = (
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/bug/*",
)
# The keys of an SSH server would be made under emulation and thrown away: where there is a file,
# none is made.
_NO_KEYS = "ecdsa ed25519 rsa"
_BEFORE = (
    'mkdir -p "$1/etc/ssh"',
    f'for kind in {_NO_KEYS}; do : >"$1/etc/ssh/ssh_host_${{kind}}_key"; done',
)
_UNPACK = 'tar --directory="$1" --extract --exclude="./dev/*" --file="$BELOW"'
_INSTALL = (
    'chroot "$1" apt-get --quiet=2 update',
    'chroot "$1" apt-get --quiet=2 --yes --no-install-recommends install $PACKAGES',
)
# Where the automounted archive was, empty folders with the names of this machine's stay behind;
# those that Debian has itself (/home, /srv) stay. No layer knows where the archive was.
LEAVE = """cd "$1"
rm -rf etc/apt/sources.list etc/apt/sources.list.d
folder=$SHELF
while ! grep -qx "/$folder" var/lib/dpkg/info/base-files.list && rmdir "$folder"; do
    folder=$(dirname "$folder")
    [ "$folder" != . ] || break
done"""


@dataclass(frozen=True)
class Built:
    """A root file system of layers."""

    archive: Path
    key: str
    debs: tuple[Deb, ...]


@dataclass(frozen=True)
class Mason:
    """Puts layers upon one another, for one architecture and one lock."""

    architecture: str
    shelved: tuple[Deb, ...]
    """What apt may see at all; every layer's packages are among them."""

    def build(self, layers: Sequence[tuple[str, tuple[Deb, ...]]]) -> Built:
        """All of the layers, the first of them upon nothing."""
        built: Built | None = None
        for name, debs in layers:
            built = self.upon(built, name, debs)
        if built is None:
            raise NotBuilt(why="the recipe has no layers")
        return built

    def upon(self, below: Built | None, name: str, debs: tuple[Deb, ...]) -> Built:
        """One more layer."""
        everything = (*(below.debs if below else ()), *debs)
        words = self._first(debs) if below is None else self._next(below)
        hashes = sorted(deb.sha256 for deb in debs)
        # What differs from one machine to another is no part of the result, nor of its name.
        constant = [word for word in words if str(SHELF) not in word]
        parts = [below.key if below else "", self.architecture, CLOCK_S, *hashes, *constant]
        key = cache.key(parts)

        def make(place: Path) -> None:
            say(f"layer {name}: {len(debs)} packages")
            self._install(place, words, below, debs)
            require_installed(_installed(place), everything)

        return Built(cache.kept(f"layer-{name}", key, make), key, everything)

    def _install(
        self, place: Path, words: list[str], below: Built | None, debs: tuple[Deb, ...]
    ) -> None:
        shutil.rmtree(SHELF, ignore_errors=True)
        source = archive.shelve(self.shelved, SHELF)
        made = place.with_suffix(".tar.zst")
        env = {
            "SOURCE_DATE_EPOCH": str(CLOCK_S),
            "PYTHONHASHSEED": "0",
            "BELOW": str(below.archive) if below else "",
            "PACKAGES": " ".join(_exactly(debs)),
            "SHELF": str(SHELF).lstrip("/"),
        }
        with programs_of(self.architecture):
            # What is mounted for it ends with it, also where it is killed.
            run("unshare", "--mount", "mmdebstrap", *words, "", made, source, env=env)
        made.rename(place)

    def _first(self, debs: tuple[Deb, ...]) -> list[str]:
        include = (f"--include={package}" for package in _exactly(debs))
        return [*self._options("essential"), *_hooks("setup", _BEFORE), *_always(), *include]

    def _next(self, below: Built) -> list[str]:
        words = [*self._options("custom"), *_hooks("setup", (_UNPACK,))]
        return [*words, *_hooks("customize", _INSTALL), *_always()]

    def _options(self, variant: str) -> list[str]:
        return [
            *("--mode=root", "--format=tar", "--quiet", f"--variant={variant}"),
            *(f"--architectures={self.architecture}", "--skip=check/qemu"),
            *(f"--dpkgopt={option}" for option in _DPKG),
        ]


def _always() -> list[str]:
    """Last: hooks run in the order they are named, and the archive must be there until then."""
    return [f"--hook-dir={_HOOKS}", *_hooks("customize", (LEAVE,))]


def _hooks(stage: str, commands: Iterable[str]) -> list[str]:
    return [f"--{stage}-hook={command}" for command in commands]


def _exactly(debs: Iterable[Deb]) -> list[str]:
    return sorted(f"{deb.name}={deb.version}" for deb in debs)


def _installed(layer: Path) -> list[str]:
    """What dpkg's own list in the archive says is installed."""
    status = run("tar", "--extract", "--to-stdout", "--file", layer, "./var/lib/dpkg/status")
    return [
        f"{record['Package']} {record['Version']} {record['Architecture']}"
        for record in archive.stanzas(status)
        if record.get("Status") == "install ok installed"
    ]


def unpack(built: Built, folder: Path) -> None:
    """The root file system as files; of /dev nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    run(
        *("tar", "--directory", folder, "--extract", "--numeric-owner", "--preserve-permissions"),
        *("--exclude=./dev/*", "--file", built.archive),
    )


def taken_apart(debs: Iterable[Deb], folder: Path) -> None:
    """What is in these packages, each in a folder of its name; none of their scripts has run."""
    folder.mkdir()
    for deb in debs:
        run("dpkg-deb", "--extract", archive.kept(deb), folder / deb.name)


def working_folder() -> TemporaryDirectory[str]:
    """A folder for what is under way, on the disk that the cache is on."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(dir=CACHE, prefix="work-")
