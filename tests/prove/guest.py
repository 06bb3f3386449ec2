"""Owns an emulated guest: Debian's kernel and a real systemd on a machine made of software.

A *missing flush* shows nothing here (see emulator.py; ./dev prove cut and trace show those).
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.prove.emulator import HOST, Emulator
from tests.prove.guest_hand import Hand, Output
from tests.prove.guest_image import AMD64, ARM64, Image, image
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.prove.guest_image import Arch

_ADDRESS = "10.0.2.15/24"
_NETWORK = (
    "until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done; "
    "ip link set lo up; ip link set eth0 up; "
    f"ip address add {_ADDRESS} dev eth0; "
    f"ip route add default via {HOST}"
)
_MEMORY_MB = 1024
_BOOT_S = 300
_MACHINES = {
    AMD64: ("-machine", "pc,accel=tcg", "-cpu", "max"),
    ARM64: ("-machine", "virt,accel=tcg", "-cpu", "cortex-a72"),
}
_CONSOLES = {AMD64: "ttyS0", ARM64: "ttyAMA0"}
_KERNEL = (
    "root=/dev/vda rw quiet panic=-1 mitigations=off nokaslr net.ifnames=0 "
    "systemd.unit=guest.target systemd.show_status=no systemd.firstboot=no "
    "systemd.machine_id=6a656d626174616e6a656d626174616e "
    "systemd.condition_first_boot=no systemd.condition_needs_update=no "
    "module_blacklist=kvm_amd,kvm,psmouse,pcspkr,i2c_piix4,floppy,ata_piix"
)


class Guest(Emulator):
    """One guest; `data` outlives every cut, everything else is new at each start.

    A boot takes a minute: after `keep` a start goes on from that moment, of which the memory was
    kept, and takes seconds. What was in memory when the power was cut is gone either way.
    """

    def __init__(self, arch: Arch, folder: Path, cargo: Path, data: Path) -> None:
        super().__init__(folder)
        self.arch = arch
        self.image: Image = image(arch)
        self._disks = (cargo, data)
        self._kept: Path | None = None

    @property
    def kind(self) -> str:
        """The machine, for people."""
        machine = _MACHINES[self.arch][1].split(",")[0]
        return f"{self.arch.qemu} -M {machine} (TCG), Linux {self.image.release}"

    # Its power

    def start(self) -> float:
        """Switch it on; how long until it answers, in seconds."""
        started = time.monotonic()
        self._new_root()
        self.switch_on(self._command(), "agent", memory=self._kept)
        self._hand = Hand(self.folder / "agent")
        self._wait_until_up()
        return time.monotonic() - started

    def keep(self) -> None:
        """Have every start from now on go on from here; this one ends."""
        kept = self.folder / "kept"
        self.write_memory(kept)
        self.cut()
        self._root.rename(self.folder / "kept.qcow2")
        self._kept = kept

    def cut(self) -> None:
        """Cut its power."""
        super().cut()
        with suppress(AttributeError):
            self._hand.close()

    @property
    def _root(self) -> Path:
        return self.folder / "root.qcow2"

    def _new_root(self) -> None:
        """The image, and what is written to it until the next start."""
        base, form = (
            (self.folder / "kept.qcow2", "qcow2") if self._kept else (self.image.disk, "raw")
        )
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", form, "-b", str(base)]
        subprocess.run([*command, str(self._root)], check=True)

    def _wait_until_up(self) -> None:
        if not self._kept:
            try:
                self._hand.greeted(_BOOT_S)
            except NotProved as reason:
                console = (self.folder / "console.log").read_text(errors="replace")
                message = f"the guest does not come up: {reason}\n{console[-3000:]}"
                raise NotProved(message) from reason
        self.run("date", "--set", f"@{time.clock_gettime(time.CLOCK_REALTIME)}")
        if not self._kept:
            self.run("sh", "-c", _NETWORK)

    def _command(self) -> list[str]:
        options = [self.arch.qemu, *_MACHINES[self.arch], "-no-reboot"]
        options += ["-smp", "1", "-m", str(_MEMORY_MB)]
        options += ["-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)]
        options += ["-append", f"{_KERNEL} console={_CONSOLES[self.arch]}"]
        options += ["-serial", f"file:{self.folder}/console.log"]
        options += ["-chardev", f"socket,id=agent,path={self.folder}/agent,server=on,wait=off"]
        options += ["-device", "virtio-serial-pci"]
        options += ["-device", "virtserialport,chardev=agent,name=agent"]
        options += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
        options += ["-device", "virtio-rng-pci", "-device", "virtio-scsi-pci,id=scsi"]
        options += ["-device", "qemu-xhci,id=usb"]
        for option in self._drives():
            options += ["-drive", f"if=virtio,{option}"]
        return options

    def _drives(self) -> Iterator[str]:
        cargo, data = self._disks
        yield f"file={self._root},format=qcow2,cache=unsafe"
        yield f"file={cargo},format=raw,read-only=on"
        yield f"file={data},format=raw,cache=writeback,discard=unmap"

    # In it

    def run(self, *words: str, check: bool = True, text: str = "", seconds: int = 120) -> Output:
        """A command in there, as root, with `text` at its standard input."""
        return self._hand.run(*words, check=check, text=text, seconds=seconds)

    def python(self, source: str) -> Any:
        """What `value` is in there after these lines, which see what earlier ones defined."""
        return self._hand.python(source)

    def attach_disk(self, name: str, path: Path) -> None:
        """Give it a disk that is none of USB, at once there as /dev/disk/by-id/*NAME."""
        self.plug_disk(name, path, driver="scsi-hd", bus="scsi.0", serial=name)
