"""Owns what an emulated guest is started from: Debian's kernel and packages of one architecture,
unpacked and never installed (no foreign program runs here), with the locked Python packages.

Kept in .cache under a name made of all it was made of; a second proof starts at once.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import platform
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from tests.prove.machine import CHECKOUT, NotProved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUITE = "trixie"
PYTHON = "3.13"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LOCK = CHECKOUT / "requirements.lock"
CACHE = CHECKOUT / ".cache" / "guests"
_DISK = "2G"

_PACKAGES = (
    *("systemd-sysv", "udev", "kmod", "busybox-static", "procps", "iproute2", "netbase"),
    *("python3", "python3-systemd", "e2fsprogs", "xfsprogs", "lrzsz", "cifs-utils"),
    *("samba", "libnss-wrapper", "tzdata"),
    *("dosfstools", "exfatprogs", "ntfs-3g", "udftools", "fdisk", "cryptsetup-bin", "dmsetup"),
    *("openssl",),
)
_NOT_UNPACKED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
_FROM_DEBIAN = ("systemd-python",)
"""Of the lock, what there are no wheels of."""
_EARLY = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")

_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod "/$module"; done
for try in 1 2 3 4 5 6 7 8 9; do
    /bin/busybox mount -t ext4 /dev/vda /root && break
    /bin/busybox sleep 1
done
exec /bin/busybox switch_root /root /sbin/init
"""

_UNITS = {
    "guest.target": """[Unit]
Requires=basic.target
Wants=guest.service
AllowIsolate=yes
""",
    # What a proof brings along is a tar on the second disk.
    "guest.service": """[Unit]
After=basic.target
[Service]
ExecStartPre=sh -c 'until [ -e /dev/virtio-ports/agent ] && [ -b /dev/vdb ]; do sleep 0.1; done'
ExecStartPre=tar -C / --no-overwrite-dir -xf /dev/vdb
ExecStart=/usr/bin/python3 /opt/agent.py
""",
}


class Arch(NamedTuple):
    """One architecture in everybody's words."""

    debian: str
    machine: str
    qemu: str


AMD64 = Arch("amd64", "x86_64", "qemu-system-x86_64")
ARM64 = Arch("arm64", "aarch64", "qemu-system-aarch64")
ARCHS = (AMD64, ARM64)


@dataclass(frozen=True)
class Image:
    """What one is started from; nothing here is ever written to."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        return self.folder / "root.ext4"

    @property
    def release(self) -> str:
        """The kernel's."""
        return (self.folder / "release").read_text(encoding="ascii")


def image(arch: Arch) -> Image:
    """The image of an architecture, made now where there is none of today's parts. Wants root."""
    found = _folder(arch)
    if not found.exists():
        _make(arch, found)
    return Image(found)


def _folder(arch: Arch) -> Path:
    parts = [arch.debian, *_PACKAGES, *_NOT_UNPACKED, _INIT, *_UNITS.values()]
    parts += [_LOCK.read_text(encoding="utf-8"), Path(__file__).read_text(encoding="utf-8")]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return CACHE / f"{arch.debian}-{digest[:16]}"


def _make(arch: Arch, target: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    for old in CACHE.glob(f"{arch.debian}-*"):
        shutil.rmtree(old)
    with TemporaryDirectory(dir=CACHE, prefix="new-") as folder:
        root, made = Path(folder, "root"), Path(folder, "image")
        made.mkdir()
        print(f"making the {arch.debian} guest", flush=True)
        unpack(arch, root, ("?essential", *_PACKAGES, f"linux-image-{arch.debian}"))
        python_packages(arch, root)
        compile_python(root, f"usr/lib/python{PYTHON}", "usr/lib/python3", "opt/jembatan/lib")
        _settle(root)
        _kernel(root, made)
        run("mkfs.ext4", "-q", "-m", "0", "-d", root, made / "root.ext4", _DISK)
        made.rename(target)


# The root file system


def unpack(arch: Arch, root: Path, packages: Iterable[str]) -> None:
    """Debian's packages from where this machine has its own from."""
    run(
        *("mmdebstrap", "--variant=extract", "--format=directory", "--skip=check/qemu"),
        *(f"--architectures={arch.debian}", f"--keyring={_KEYRING}"),
        *(f"--dpkgopt=path-exclude={path}" for path in _NOT_UNPACKED),
        *(f"--include={package}" for package in packages),
        *(SUITE, root, _mirror()),
    )


def _mirror() -> str:
    """The Debian archive in apt's configuration."""
    asked = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    for line in run(*asked).splitlines():
        label, uri = line.split()
        if label == "Debian":
            return uri
    message = "apt's sources name no Debian archive (apt-get indextargets)"
    raise NotProved(message)


def python_packages(arch: Arch, root: Path, *only: str) -> None:
    """A virtual environment at its place on the box, of wheels with the lock's hashes.

    `only` some of the lock's packages; none: all of them.
    """
    home = root / "opt" / "jembatan"
    packages = home / "lib" / f"python{PYTHON}" / "site-packages"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(f"/usr/bin/python{PYTHON}")
    config = f"home = /usr/bin\ninclude-system-site-packages = true\nversion = {PYTHON}\n"
    (home / "pyvenv.cfg").write_text(config, encoding="ascii")
    lock = root / "tmp" / "lock"
    lock.write_text("\n".join(_with_wheels(only)), encoding="utf-8")
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
        *("--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:"),
        *("--python-version", PYTHON, "--implementation", "cp"),
        *(f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")),
        *(f"--platform=manylinux_2_{glibc}_{arch.machine}" for glibc in (34, 28, 27, 26, 17)),
        *(f"--platform=manylinux2014_{arch.machine}", "--target", packages, "-r", lock),
    )
    lock.unlink()


def _with_wheels(only: tuple[str, ...]) -> Iterator[str]:
    """The lines of the lock without those of _FROM_DEBIAN, or only those of some packages."""
    wanted = True
    for line in _LOCK.read_text(encoding="utf-8").splitlines():
        if not line.startswith((" ", "#")):
            name = line.partition("==")[0]
            wanted = name not in _FROM_DEBIAN and (not only or name in only)
        if wanted:
            yield line


def compile_python(folder: Path, *below: str) -> None:
    """Byte code for what is at `below` in a folder that will be the guest's /.

    It is the same on every architecture; only here there is time to make it.
    """
    python = _python()
    run(
        *(next(python.glob("usr/lib*/ld-linux-*.so.*")), "--library-path"),
        *(next(python.glob("usr/lib/*-linux-gnu")), python / f"usr/bin/python{PYTHON}"),
        *("-m", "compileall", "-q", "-s", folder, "--invalidation-mode", "unchecked-hash"),
        *(folder / path for path in below),
        env={"PYTHONHOME": str(python / "usr"), "PATH": os.defpath},
        check=False,  # what is no Python for this version stays as it is
    )


def _python() -> Path:
    """The guests' Python for this machine."""
    found = CACHE / f"python{PYTHON}-{platform.machine()}"
    if not found.exists():
        native = next(arch for arch in ARCHS if arch.machine == platform.machine())
        with TemporaryDirectory(dir=CACHE, prefix="new-") as folder:
            unpack(native, Path(folder, "root"), ("libc6", "python3"))
            Path(folder, "root").rename(found)
    return found


def _settle(root: Path) -> None:
    """What installing would have done, as far as it is wanted."""
    base = root / "usr" / "share" / "base-passwd"
    for name in ("passwd", "group"):
        shutil.copy(base / f"{name}.master", root / "etc" / name)
    for name, unit in _UNITS.items():
        (root / "etc/systemd/system" / name).write_text(unit, encoding="ascii")
    for name in ("fstab", "machine-id"):
        (root / "etc" / name).touch()
    (root / "etc/hostname").write_text("guest\n", encoding="ascii")
    (root / "etc/hosts").write_text("127.0.0.1 localhost guest\n", encoding="ascii")
    shutil.rmtree(root / "var/run", ignore_errors=True)
    (root / "var/run").symlink_to("/run")
    run("depmod", "-b", root, release_of(root))


# The kernel


def _kernel(root: Path, made: Path) -> None:
    release = release_of(root)
    (made / "release").write_text(release, encoding="ascii")
    shutil.copy(root / "boot" / f"vmlinuz-{release}", made / "kernel")
    (made / "initrd").write_bytes(_initrd(root, release))


def release_of(root: Path) -> str:
    """The version of the kernel whose modules are there."""
    return next((root / "usr/lib/modules").iterdir()).name


def _initrd(root: Path, release: str) -> bytes:
    """Just enough to find the root file system: a cpio archive in the kernel's "newc" form."""
    modules = list(early_modules(root / "usr/lib/modules" / release, _EARLY))
    init = _INIT.format(modules=" ".join(path.name.removesuffix(".xz") for path in modules))
    entries = [entry(name, stat.S_IFDIR) for name in ("bin", "proc", "sys", "dev", "root")]
    entries.append(entry("init", stat.S_IFREG, init.encode()))
    entries.append(entry("bin/busybox", stat.S_IFREG, (root / "bin/busybox").read_bytes()))
    for path in modules:
        name, content = loadable(path)
        entries.append(entry(name, stat.S_IFREG, content))
    return b"".join((*entries, entry("TRAILER!!!", 0)))


def loadable(module: Path) -> tuple[str, bytes]:
    """A module as insmod takes it, and its name."""
    content = module.read_bytes()
    content = lzma.decompress(content) if module.suffix == ".xz" else content
    return module.name.removesuffix(".xz"), content


def early_modules(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """The modules of these names with all they need, in the order of loading."""
    needs = {}
    for line in (folder / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, needed = line.partition(":")
        needs[Path(path).name.split(".")[0].replace("-", "_")] = [*reversed(needed.split()), path]
    wanted = dict.fromkeys(path for name in names for path in needs.get(name, ()))
    return (folder / path for path in wanted)


def entry(name: str, mode: int, content: bytes = b"") -> bytes:
    """One file of a cpio archive in the kernel's "newc" form; the last is TRAILER!!!."""
    fields = (1, mode | 0o755, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(head + name.encode() + b"\0") + _padded(content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def run(*words: str | Path, env: dict[str, str] | None = None, check: bool = True) -> str:
    """What a program here prints. Raises NotProved where it fails."""
    command = list(_texts(words))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if check and done.returncode:
        message = f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}"
        raise NotProved(message)
    return done.stdout


def _texts(words: Iterable[str | Path]) -> Iterator[str]:
    return (str(word) for word in words)
