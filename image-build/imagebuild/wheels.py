"""Owns the Python packages of the box: the locked wheels for its Python and architecture, and
wheels made here of the few locked packages that come as sources only.
"""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pip._vendor.packaging.requirements import Requirement

from imagebuild import cache, layers, locks
from imagebuild.command import run, say
from imagebuild.foreign import programs_of
from imagebuild.recipe import CHECKOUT, PYTHON
from imagebuild.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagebuild.layers import Built

LOCK = CHECKOUT / "requirements.lock"
_SOURCES = ("lgpio", "systemd-python")
"""Of the locks, what there are no wheels of."""
_BOX = {
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.5",
    "sys_platform": "linux",
    "platform_machine": "aarch64",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
_FOR_BOX = (
    *("--python-version", PYTHON, "--implementation", "cp"),
    *(f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")),
    *(f"--platform=manylinux_2_{glibc}_aarch64" for glibc in (41, 39, 34, 28, 27, 26, 17)),
    *("--platform=manylinux2014_aarch64", "--platform=linux_aarch64"),
)
# Files in the order of their names, so that the linker's input does not depend on the disk.
_BUILD = """
import os, sys
from pathlib import Path
unsorted = Path.glob
Path.glob = lambda self, pattern: iter(sorted(unsorted(self, pattern)))
os.chdir(sys.argv[1])
from setuptools.build_meta import build_wheel
build_wheel(sys.argv[2])
"""
_COMPILED_AS = {"CFLAGS": "-g0 -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2", "PYPI": "1"}


@dataclass(frozen=True)
class Locked:
    """A Python package as a lock names it."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def line(self) -> str:
        """For pip, with its hashes."""
        return " ".join((f"{self.name}=={self.version}", *self.hashes))


def locked() -> tuple[Locked, ...]:
    """What the box has of the locks, its own among them."""
    texts = (file.read_text(encoding="utf-8") for file in (LOCK, locks.PYTHON))
    return tuple(package for text in texts for package in parse(text))


def parse(text: str) -> Iterator[Locked]:
    """The packages of a lock that the box needs: the others are for other Pythons."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for block in "\n".join(lines).replace("\\\n", " ").splitlines():
        words = block.split(" --hash=")
        if words[0].strip():
            found = Requirement(words[0])
            if found.marker is None or found.marker.evaluate(dict(_BOX)):
                version = str(found.specifier).removeprefix("==")
                hashes = tuple(f"--hash={word.strip()}" for word in words[1:])
                yield Locked(found.name, version, hashes)


def install(packages: Iterable[Locked], compiler: Built, target: Path) -> None:
    """Put all of them into a folder of packages; nothing else, and nothing from elsewhere."""
    packages = tuple(packages)
    sources = [package for package in packages if package.name in _SOURCES]
    ready = [package for package in packages if package.name not in _SOURCES]
    arrived = _fetched(ready, "wheels", ("--only-binary=:all:", *_FOR_BOX))
    # What builds them is a locked package of the box, too.
    made = _compiled(sources, arrived, compiler)
    lock = arrived.parent / "install.txt"
    lock.write_text("".join(f"{package.line}\n" for package in ready), encoding="utf-8")
    _pip("install", "--require-hashes", "--find-links", arrived, *_target(target), "-r", lock)
    names = (f"{package.name}=={package.version}" for package in sources)
    _pip("install", "--find-links", made, *_target(target), *names)
    lock.unlink()


def _target(folder: Path) -> tuple[str | Path, ...]:
    # Which Python they want was asked when they were fetched, with the box's; here pip would ask
    # with its own.
    how = ("--no-index", "--no-compile", "--ignore-requires-python", "--only-binary=:all:")
    return (*how, *_FOR_BOX, "--target", folder)


def _fetched(packages: Iterable[Locked], kind: str, how: Iterable[str]) -> Path:
    """A folder of what pip has fetched, each file with one of the lock's hashes."""
    packages = tuple(packages)

    def make(place: Path) -> None:
        place.mkdir()
        lock = place / "lock.txt"
        lock.write_text("".join(f"{package.line}\n" for package in packages), encoding="utf-8")
        _pip("download", "--require-hashes", *how, "--dest", place, "-r", lock)
        lock.unlink()

    lines = (package.line for package in packages)
    return cache.kept(kind, cache.key((*lines, *how)), make)


def _compiled(packages: list[Locked], wheels: Path, compiler: Built) -> Path:
    """A folder of wheels made of sources, by the compiler of the box's own Debian."""
    sources = _fetched(packages, "sources", ("--no-binary=:all:", "--no-build-isolation"))

    def make(place: Path) -> None:
        place.mkdir()
        with layers.working_folder() as name:
            folder = Path(name)
            layers.unpack(compiler, folder / "root")
            (folder / "root" / "work").mkdir()
            work = folder / "work"
            backend = next(wheels.glob("setuptools-*.whl"))
            with zipfile.ZipFile(backend) as wheel:
                wheel.extractall(work / "setuptools")
            tools = Tools(folder / "root", work, layers.CLOCK_S)
            with programs_of("arm64"):
                for package in packages:
                    _compile(package, sources, tools)
            for wheel_file in sorted((work / "made").iterdir()):
                wheel_file.rename(place / wheel_file.name)

    lines = (package.line for package in packages)
    parts = (*lines, compiler.key, layers.CLOCK_S, _BUILD, *_COMPILED_AS.items())
    return cache.kept("compiled", cache.key(parts), make)


def _compile(package: Locked, sources: Path, tools: Tools) -> None:
    say(f"compiling {package.name}")
    source = next(sources.glob(f"{package.name.replace('-', '?')}-*.tar.gz"))
    run("tar", "--extract", "--no-same-owner", "--directory", tools.work, "--file", source)
    env = {"PYTHONPATH": tools.see(tools.work / "setuptools"), "PYTHONHASHSEED": "0"}
    folder = tools.work / source.name.removesuffix(".tar.gz")
    made = tools.work / "made"
    made.mkdir(exist_ok=True)
    tools.run("python3", "-c", _BUILD, folder, made, env={**env, **_COMPILED_AS})


def _pip(*words: str | Path) -> None:
    quiet = ("--disable-pip-version-check", "--quiet", "--no-input")
    run(sys.executable, "-m", "pip", words[0], *quiet, "--no-deps", *words[1:])
