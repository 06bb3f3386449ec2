"""Owns the updates of the proof: the built one, and others made of its parts that must not win.

What a variant changes is small and real: who signed it, for whom it is, what its slot starts with.
"""

from __future__ import annotations

import shutil
import subprocess
from configparser import ConfigParser
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.prove.image_built import Built

_MANIFEST = "manifest.raucm"
_BOOT = "boot.img"
_KEPT = 0.6
"""Of a bundle that was cut off."""
_NO_PAGE = "systemd.mask=jembatan-web.service systemd.mask=jembatan-web.socket"
_NO_PYTHON = "systemd.setenv=PYTHONHOME=/nowhere"
_GARBAGE = b"\x5a" * (1 << 16)


class Bundles:
    """The built bundle of one image, and its variants in a folder."""

    def __init__(self, built: Built, folder: Path) -> None:
        self._built = built
        self._folder = folder

    def good(self) -> Path:
        """As it was built."""
        return self._built.bundle

    def cut_off(self) -> Path:
        """A download that ended early."""
        content = self.good().read_bytes()
        return self._written("cut-off.raucb", content[: int(len(content) * _KEPT)])

    def unsigned(self) -> Path:
        """Its signature is nothing."""
        content = bytearray(self.good().read_bytes())
        size = int.from_bytes(content[-8:], "big")
        content[-8 - size : -8] = bytes(size)
        return self._written("unsigned.raucb", bytes(content))

    def by_a_stranger(self) -> Path:
        """Signed well, by somebody whom no box knows."""
        key, cert = (self._folder / f"stranger.{kind}" for kind in ("key", "pem"))
        _run(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stranger"),
            *("-days", "3650", "-keyout", key, "-out", cert),
        )
        return self._bundled("stranger", self._unpacked("stranger"), key, cert)

    def for_another_board(self) -> Path:
        """Signed well, for another kind of box."""
        return self._changed("other", compatible="jembatan-amd64")

    def too_old(self) -> Path:
        """Signed well, of a version that cannot read the journal."""
        return self._changed("old", version="0.0.1+schema.1")

    def dead(self) -> Path:
        """Signed well; its kernel finds nothing to start."""
        return self._changed("dead", boot={"initrd": _GARBAGE})

    def unreadable(self) -> Path:
        """Signed well; its kernel is none."""
        return self._changed("unreadable", boot={"Image": _GARBAGE})

    def sick(self) -> Path:
        """Signed well; it boots, and its page never answers."""
        return self._started_with("sick", _NO_PAGE)

    def broken(self) -> Path:
        """Signed well; it boots, and none of its programs runs, not even its check of health."""
        return self._started_with("broken", _NO_PYTHON)

    def _started_with(self, name: str, arguments: str) -> Path:
        """Signed well; its kernel is told something more."""
        words = self._read("slot.env").decode().rstrip("\n")
        if "slot_args=" not in words:
            message = f"slot.env has no slot_args: {words}"
            raise NotProved(message)
        lines = [
            f"{line} {arguments}" if line.startswith("slot_args=") else line
            for line in words.splitlines()
        ]
        text = "".join(f"{line}\n" for line in lines)
        return self._changed(name, boot={"slot.env": text.encode()})

    # How they are made

    @cached_property
    def _content(self) -> Path:
        """The built bundle, taken apart."""
        folder = self._folder / "content"
        _run("unsquashfs", "-q", "-no-xattrs", "-d", folder, self.good())
        return folder

    def _unpacked(self, name: str) -> Path:
        """A folder with the same content, to be changed; large files are shared."""
        folder = self._folder / name
        shutil.copytree(self._content, folder, copy_function=shutil.copyfile)
        return folder

    def _changed(
        self, name: str, boot: Mapping[str, bytes] | None = None, **manifest: str
    ) -> Path:
        """Signed as the built one, with other files in its boot part or another manifest."""
        folder = self._unpacked(name)
        for file, content in (boot or {}).items():
            source = self._written(f"{name}.{file}", content)
            _run("mcopy", "-o", "-i", folder / _BOOT, source, f"::/{file}")
        said = _manifest(folder)
        for key, value in manifest.items():
            said["update"][key] = value
        for section in said.sections():
            for key in ("sha256", "size"):  # rauc counts anew
                said.remove_option(section, key)
        for key in ("verity-hash", "verity-salt", "verity-size"):
            said.remove_option("bundle", key)
        with (folder / _MANIFEST).open("w", encoding="utf-8") as target:
            said.write(target, space_around_delimiters=False)
        return self._bundled(name, folder, *self._built.signer)

    def _bundled(self, name: str, folder: Path, key: Path, certificate: Path) -> Path:
        bundle = self._folder / f"{name}.raucb"
        _run(
            *("rauc", "bundle", f"--key={key}", f"--cert={certificate}"),
            *("--mksquashfs-args=-comp zstd -Xcompression-level 1", folder, bundle),
        )
        shutil.rmtree(folder)
        return bundle

    def _read(self, file: str) -> bytes:
        command = ["mcopy", "-n", "-i", str(self._content / _BOOT), f"::/{file}", "-"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def _written(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


@dataclass(frozen=True)
class Variant:
    """One that must not win; `code` says why it is refused at once, "" where it is tried."""

    make: Callable[[Bundles], Path]
    code: str = ""


FORBIDDEN: Mapping[str, Variant] = {
    "signed by a stranger": Variant(Bundles.by_a_stranger, "bundle-untrusted"),
    "not signed": Variant(Bundles.unsigned, "bundle-cut-off"),
    "for another board": Variant(Bundles.for_another_board, "bundle-for-other"),
    "cut off": Variant(Bundles.cut_off, "bundle-cut-off"),
    "older than the journal": Variant(Bundles.too_old, "bundle-too-old"),
}
LOSING: Mapping[str, Variant] = {
    "its kernel is none": Variant(Bundles.unreadable),
    "does not boot": Variant(Bundles.dead),
    "boots and fails its health check": Variant(Bundles.sick),
    "boots and cannot even run that check": Variant(Bundles.broken),
}


def _manifest(folder: Path) -> ConfigParser:
    said = ConfigParser(interpolation=None)
    said.read(folder / _MANIFEST, encoding="utf-8")
    return said


def _run(*words: str | Path) -> None:
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.stderr or done.stdout}"
        raise NotProved(message)
