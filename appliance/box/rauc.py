"""Owns talking to RAUC, which checks bundles, writes slots and marks them (rauc(1)).

Checking a signature needs nobody else; what changes the card is done by RAUC's own service, which
the program asks over D-Bus.
"""

from __future__ import annotations

import json
import re
import subprocess
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import (
    BundleCutOff,
    BundleUntrusted,
    InstallFailed,
    NoSlots,
    NotABundle,
    Problem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

CONFIG = Path("/etc/rauc/system.conf")

_PROGRESS = re.compile(r"\s*([0-9]{1,3})%\s+(.*)")
_LOOK_S = 120.0
_MARK_S = 60.0

_ERROR = "LastError: "
_MAGIC = b"hsqs"
"""What a bundle begins with: a squashfs; its signature is at the end."""


class Rauc:
    """RAUC as this box has set it up."""

    def __init__(self, config: Path = CONFIG, program: str = "rauc") -> None:
        """Nothing is asked yet."""
        self._config = config
        self._program = program

    @property
    def compatible(self) -> str:
        """What bundles must be made for. Raises NoSlots where this is no card."""
        return self._setting("system", "compatible")

    def installed(self) -> dict[str, str]:
        """The version of the bundle last written to each slot, by the slot's bootname.

        A slot that was never updated is not in it.
        """
        status = ConfigParser(interpolation=None)
        try:
            status.read(self._setting("system", "statusfile"), encoding="utf-8")
            config = self._read()
        except (NoSlots, ConfigError, OSError):
            return {}
        found = {}
        for section in config.sections():
            name = config.get(section, "bootname", fallback="")
            version = status.get(section, "bundle.version", fallback="")
            if name and version:
                found[name] = version
        return found

    def look(self, bundle: Path, name: str) -> dict[str, Any]:
        """What the signed manifest of a bundle says; `name` is for the sentence.

        Raises BundleUntrusted, BundleCutOff, NotABundle, NoSlots.
        """
        done = self._run("info", "--output-format=json", str(bundle), timeout_s=_LOOK_S)
        if done.returncode:
            raise refusal(name, done.stderr, is_squashfs=_is_squashfs(bundle))
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def install(self, bundle: Path, progress: Callable[[int], None]) -> None:
        """Write a bundle to the slot that does not run; `progress` is told percents.

        Raises InstallFailed; what runs was then left alone.
        """
        command = [self._program, "install", str(bundle)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            lines = list(_told(running.stdout or (), progress))
        if running.returncode:
            raise InstallFailed(why=_last_error(lines))

    def mark_good(self) -> None:
        """What runs works. Raises InstallFailed."""
        self._mark("mark-good", "booted")

    def mark_other_bad(self) -> None:
        """What does not run is never to be started again. Raises InstallFailed."""
        self._mark("mark-bad", "other")

    def _mark(self, how: str, which: str) -> None:
        done = self._run("status", how, which, timeout_s=_MARK_S)
        if done.returncode:
            raise InstallFailed(why=_last_error(done.stderr.splitlines()))

    def _run(self, *words: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        command = [self._program, f"--conf={self._config}", *words]
        if words[0] in {"status", "install"}:
            command.pop(1)  # the service has its own
        try:
            return subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=timeout_s
            )
        except FileNotFoundError as error:
            raise NoSlots(why="there is no rauc") from error
        except subprocess.TimeoutExpired as error:
            raise InstallFailed(why="rauc does not answer") from error

    def _setting(self, section: str, key: str) -> str:
        try:
            return self._read().get(section, key)
        except (ConfigError, OSError) as error:
            raise NoSlots(why=f"{self._config} does not say `{key}`") from error

    def _read(self) -> ConfigParser:
        config = ConfigParser(interpolation=None)
        config.read(self._config, encoding="utf-8")
        return config


def refusal(name: str, said: str, *, is_squashfs: bool) -> Problem:
    """Why `rauc info` did not take a bundle, from what it printed and how the file begins."""
    why = _last_error(said.splitlines())
    if not is_squashfs:
        return NotABundle(name=name, why="it begins otherwise")
    if "Invalid bundle format" in said:
        return BundleCutOff(name=name, why=why)
    return BundleUntrusted(name=name, why=why)


def _is_squashfs(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(len(_MAGIC)) == _MAGIC


def _told(lines: Iterable[str], progress: Callable[[int], None]) -> Iterator[str]:
    """The lines, as they come; percents are told."""
    for line in lines:
        if found := _PROGRESS.match(line):
            progress(min(int(found[1]), 100))
        yield line


def _last_error(lines: Sequence[str]) -> str:
    """What went wrong: RAUC's own last error, else the last line that says something."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [line.removeprefix(_ERROR) for line in said if line.startswith(_ERROR)]
    if any("dm-verity" in error for error in errors):
        return "a part of the file is damaged"
    return (errors or said or ["rauc failed and did not say why"])[-1]
