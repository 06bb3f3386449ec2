"""Owns the way to the Debian archive: apt resolves and fetches, the lock's hashes decide.

apt works here with a state of its own below .cache: the machine's packages are never looked at.
What was fetched is kept, and handed to the build as an archive of nothing but locked packages.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from imagebuild.command import run, say
from imagebuild.errors import CommandFailed, NotFetched
from imagebuild.lock import Deb, Lock
from imagebuild.recipe import CACHE, PARTS, Layer, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MIRROR = "http://deb.debian.org"
"""Carries debian/ and debian-security/; what comes from it counts by its hash alone."""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
POOL = CACHE / "debs"
_CHUNK = 1 << 20
_FETCHED_AT_ONCE = 40

CONFIG = """Dir::State "{state}";
Dir::State::status "{state}/status";
Dir::State::lists "{state}/lists";
Dir::Cache "{state}";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
APT::Update::Error-Mode "any";
"""


@dataclass(frozen=True)
class Archive:
    """Debian's archive for one architecture, as apt sees it today."""

    config: Path

    @classmethod
    def open(cls, recipe: Recipe, architecture: str, mirror: str = MIRROR) -> Archive:
        """apt's state for it, its lists renewed. Wants the network."""
        state = CACHE / "apt" / architecture
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        (state / "sources.list").write_text(sources(recipe, mirror), encoding="ascii")
        config = state / "apt.conf"
        config.write_text(CONFIG.format(state=state, architecture=architecture), encoding="utf-8")
        archive = cls(config)
        archive.ask("apt-get", "update")
        return archive

    def resolve(self, names: Iterable[str]) -> list[Deb]:
        """What installing these upon nothing takes, in the archive's newest versions."""
        found = self.ask("apt-get", "--yes", "--print-uris", "install", *names)
        return self._described(list(picked(found)))

    def ask(self, *words: str) -> str:
        """The answer of one of apt's programs."""
        return run(*words, env={"APT_CONFIG": str(self.config)})

    def _described(self, names: list[str]) -> list[Deb]:
        records = self.ask("apt-cache", "show", *names)
        # A version that lies in two archives has a record in each; the bytes are the same.
        found = {deb.name: deb for deb in map(_deb, stanzas(records))}
        return list(found.values())


def sources(recipe: Recipe, mirror: str) -> str:
    """apt's list of sources: the suite, its updates and its security updates."""
    components = " ".join(recipe.components)
    suites = (
        ("debian", recipe.suite),
        ("debian", f"{recipe.suite}-updates"),
        ("debian-security", f"{recipe.suite}-security"),
    )
    return "".join(
        f"deb [signed-by={KEYRING}] {mirror}/{archive} {suite} {components}\n"
        for archive, suite in suites
    )


def picked(print_uris: str) -> Iterator[str]:
    """`NAME=VERSION` of each package that apt would fetch."""
    for line in print_uris.splitlines():
        if line.startswith("'"):
            name, version, _ = line.split()[1].split("_")
            yield f"{name}={version.replace('%3a', ':')}"


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The records of a Debian control file; continued lines are left out."""
    for block in text.split("\n\n"):
        lines = (line.partition(": ") for line in block.splitlines() if line[:1].strip())
        fields = {name: value for name, _, value in lines}
        if fields:
            yield fields


def _deb(record: dict[str, str]) -> Deb:
    # Security updates have names of their own below the pool: "pool/updates/".
    archive = "debian-security" if "/updates/" in record["Filename"] else "debian"
    return Deb(
        name=record["Package"],
        version=record["Version"],
        architecture=record["Architecture"],
        size_bytes=int(record["Size"]),
        sha256=record["SHA256"],
        path=f"{archive}/{record['Filename']}",
    )


# Locks


def lock_image(archive: Archive, recipe: Recipe) -> Lock:
    """What the box's layers, the compiler's and the parts are made of today."""
    layers = _stacked(archive, recipe.layers)
    compiler = _stacked(archive, (recipe.layers[0], recipe.compiler))[recipe.compiler.name]
    parts = [
        deb
        for deb in archive.resolve(recipe.parts_from)
        if any(fnmatch(deb.name, pattern) for pattern in recipe.parts_keep)
    ]
    return Lock(_now(), {**layers, recipe.compiler.name: compiler, PARTS: tuple(parts)})


def lock_tools(archive: Archive, recipe: Recipe) -> Lock:
    """What the tools of one architecture are made of today."""
    return Lock(_now(), _stacked(archive, (recipe.tools,)))


def _stacked(archive: Archive, layers: Iterable[Layer]) -> dict[str, tuple[Deb, ...]]:
    """Each layer's own packages: those the layers below it do not have."""
    asked, below, found = ["?essential"], set[Deb](), {}
    for layer in layers:
        asked += layer.packages
        debs = archive.resolve(asked)
        found[layer.name] = tuple(deb for deb in debs if deb not in below)
        below.update(debs)
    return found


def _now() -> datetime:
    # The lock's date is an ordinary wall clock's.
    return datetime.now(UTC).replace(microsecond=0)


# Packages


def fetch(debs: Iterable[Deb], mirror: str = MIRROR) -> None:
    """Have all of them in the pool, each with the lock's hash. Raises NotFetched."""
    POOL.mkdir(parents=True, exist_ok=True)
    wanted = {deb.sha256: deb for deb in debs if not kept(deb).exists()}
    missing = list(wanted.values())
    if missing:
        size = sum(deb.size_bytes for deb in missing) / 1e6
        say(f"fetching {len(missing)} packages, {size:.0f} MB")
    for start in range(0, len(missing), _FETCHED_AT_ONCE):
        _fetch(missing[start : start + _FETCHED_AT_ONCE], mirror)


def kept(deb: Deb) -> Path:
    """Where the pool has it."""
    return POOL / f"{deb.sha256}.deb"


def _fetch(debs: list[Deb], mirror: str) -> None:
    words: list[str] = []
    for deb in debs:
        arriving = kept(deb).with_suffix(".part")
        words += [f"{mirror}/{deb.path}", str(arriving), f"SHA256:{deb.sha256}"]
    try:
        run("/usr/lib/apt/apt-helper", "-o", "APT::Sandbox::User=root", "download-file", *words)
    except CommandFailed as failed:
        names = " ".join(f"{deb.name}={deb.version}" for deb in debs)
        raise NotFetched(what=names, why=failed.facts["output"]) from failed
    for deb in debs:
        arriving = kept(deb).with_suffix(".part")
        if sha256(arriving) != deb.sha256:
            raise NotFetched(what=f"{deb.name}={deb.version}", why="its bytes are others")
        arriving.rename(kept(deb))


def sha256(file: Path) -> str:
    """A file's SHA-256 in hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def shelve(debs: Iterable[Deb], folder: Path) -> str:
    """An archive of exactly these packages in `folder`; the line apt's sources have for it."""
    folder.mkdir(parents=True)
    records = []
    for deb in sorted(set(debs), key=lambda deb: (deb.name, deb.sha256)):
        name = f"{deb.sha256}.deb"
        os.link(kept(deb), folder / name)
        control = run("dpkg-deb", "--field", folder / name)
        place = f"Filename: ./{name}\nSize: {deb.size_bytes}\nSHA256: {deb.sha256}\n"
        records.append(control.rstrip("\n") + "\n" + place)
    (folder / "Packages").write_text("\n".join(records), encoding="utf-8")
    return f"deb [trusted=yes] file://{folder} ./"
