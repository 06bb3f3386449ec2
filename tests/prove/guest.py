"""Owns an emulated guest: Debian's kernel and a real systemd on a machine made of software, whose
power can be cut and whose USB sockets are in our hands.

A cut is SIGKILL for QEMU: what the guest had not yet given to its disk is gone, as on a box. What
it had given is there, flushed or not: host and file outlive the guest, so a *missing flush* shows
nothing here (./dev prove cut and trace show those).
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.peers.orthanc import bound_to_us
from tests.prove.guest_image import AMD64, ARM64, Image, image
from tests.prove.guest_qmp import Lines, Qmp
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.prove.guest_image import Arch

HOST = "10.0.2.2"
"""This machine's loopback as a guest sees it (QEMU's user network)."""

_ADDRESS = "10.0.2.15/24"
_NETWORK = (
    "until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done; "
    "ip link set lo up; ip link set eth0 up; "
    f"ip address add {_ADDRESS} dev eth0; "
    f"ip route add default via {HOST}"
)
_MEMORY_MB = 1024
_BOOT_S = 300
_ANSWER_S = 300
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


class Output(NamedTuple):
    """What a command in a guest said, and its exit status."""

    status: int
    text: str


class Guest:
    """One guest; `data` outlives every cut, everything else is new at each start.

    A boot takes a minute: after `keep` a start goes on from that moment, of which the memory was
    kept, and takes seconds. What was in memory when the power was cut is gone either way.
    """

    def __init__(self, arch: Arch, folder: Path, cargo: Path, data: Path) -> None:
        self.arch = arch
        self.image: Image = image(arch)
        self.boots = 0
        self._folder = folder
        self._disks = (cargo, data)
        self._process: subprocess.Popen[bytes] | None = None
        self._plugged: dict[str, int] = {}
        self._blocks = 0
        self._kept: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    @property
    def kind(self) -> str:
        """The machine, for people."""
        machine = _MACHINES[self.arch][1].split(",")[0]
        return f"{self.arch.qemu} -M {machine} (TCG), Linux {self.image.release}"

    # Its power

    def start(self) -> float:
        """Switch it on; how long until it answers, in seconds."""
        self.boots += 1
        started = time.monotonic()
        ports = [self._folder / name for name in ("qmp", "agent")]
        for port in ports:
            port.unlink(missing_ok=True)
        self._new_root()
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                bound_to_us(*self._command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for("QEMU", lambda: all(port.exists() for port in ports) or self._has_ended(), 30)
        self.qmp = Qmp(ports[0])
        self._agent = Lines(ports[1])
        limits: dict[str, int] = {}
        self.qmp.ask("object-add", qom_type="throttle-group", id="drives", limits=limits)
        self._wait_until_up()
        return time.monotonic() - started

    def keep(self) -> None:
        """Have every start from now on go on from here; this one ends."""
        kept = self._folder / "kept"
        self.qmp.ask("migrate-set-parameters", max_bandwidth=1 << 40)
        self.qmp.ask("migrate", uri=f"exec:cat >{kept}")
        wait_for("memory kept", lambda: self._has_migrated("completed"), _BOOT_S)
        self.cut()
        self._root.rename(self._folder / "kept.qcow2")
        self._kept = kept

    def _has_migrated(self, *states: str) -> bool:
        state = self.qmp.ask("query-migrate").get("status")
        if state == "failed":
            message = "QEMU does not write down the guest's memory, or does not read it"
            raise NotProved(message)
        return state in states

    @property
    def _root(self) -> Path:
        return self._folder / "root.qcow2"

    def _new_root(self) -> None:
        """The image, and what is written to it until the next start."""
        base, form = (
            (self._folder / "kept.qcow2", "qcow2") if self._kept else (self.image.disk, "raw")
        )
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", form, "-b", str(base)]
        subprocess.run([*command, str(self._root)], check=True)

    def cut(self) -> None:
        """Cut its power."""
        if not self._process:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        self._plugged.clear()
        with suppress(AttributeError):
            self.qmp.close()
            self._agent.close()

    def _has_ended(self) -> bool:
        if self._process and self._process.poll() is not None:
            raise NotProved((self._folder / "qemu.log").read_text(errors="replace"))
        return False

    def _wait_until_up(self) -> None:
        try:
            if self._kept:
                wait_for("memory", self._runs, _BOOT_S)
            else:
                self._agent.receive(_BOOT_S)
        except NotProved as reason:
            console = (self._folder / "console.log").read_text(errors="replace")
            message = f"the guest does not come up: {reason}\n{console[-3000:]}"
            raise NotProved(message) from reason
        self.run("date", "--set", f"@{time.clock_gettime(time.CLOCK_REALTIME)}")
        if not self._kept:
            self.run("sh", "-c", _NETWORK)

    def _runs(self) -> bool:
        return bool(self.qmp.ask("query-status")["status"] == "running")

    def _command(self) -> list[str]:
        options = [self.arch.qemu, *_MACHINES[self.arch], "-nodefaults", "-display", "none"]
        options += ["-no-reboot", "-smp", "1", "-m", str(_MEMORY_MB)]
        options += ["-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)]
        options += ["-append", f"{_KERNEL} console={_CONSOLES[self.arch]}"]
        options += ["-serial", f"file:{self._folder}/console.log"]
        options += ["-qmp", f"unix:{self._folder}/qmp,server=on,wait=off"]
        options += ["-chardev", f"socket,id=agent,path={self._folder}/agent,server=on,wait=off"]
        options += ["-device", "virtio-serial-pci"]
        options += ["-device", "virtserialport,chardev=agent,name=agent"]
        options += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
        options += ["-device", "virtio-rng-pci", "-device", "virtio-scsi-pci,id=scsi"]
        options += ["-device", "qemu-xhci,id=usb"]
        for option in self._drives():
            options += ["-drive", f"if=virtio,{option}"]
        if self._kept:
            options += ["-incoming", f"exec:cat {self._kept}"]
        return options

    def _drives(self) -> Iterator[str]:
        cargo, data = self._disks
        yield f"file={self._root},format=qcow2,cache=unsafe"
        yield f"file={cargo},format=raw,read-only=on"
        yield f"file={data},format=raw,cache=writeback,discard=unmap"

    # In it

    def run(self, *words: str, check: bool = True, text: str = "", seconds: int = 120) -> Output:
        """A command in there, as root, with `text` at its standard input."""
        answer = self._ask({"run": words, "input": text, "seconds": seconds})
        output = Output(answer["status"], answer["out"])
        if check and output.status:
            message = f"{' '.join(words)}: {output.text}"
            raise NotProved(message)
        return output

    def python(self, source: str) -> Any:
        """What `value` is in there after these lines, which see what earlier ones defined."""
        return self._ask({"python": source})["value"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._agent.send(request)
        answer = self._agent.receive(_ANSWER_S)
        if "error" in answer:
            raise NotProved(answer["error"])
        return answer

    # Its sockets

    def throttle(self, bytes_per_s: int) -> None:
        """How fast what is plugged in is read from now on; 0: as fast as it can be."""
        limits = {"bps-read": bytes_per_s}
        self.qmp.ask("qom-set", path="/objects/drives", property="limits", value=limits)

    def plug_stick(self, name: str, path: Path, serial: str = "4C530001") -> None:
        """Plug in a USB mass storage with this image on it and this serial number."""
        self._plug(name, path, driver="usb-storage", bus="usb.0", removable=True, serial=serial)

    def attach_disk(self, name: str, path: Path) -> None:
        """Give it a disk that is none of USB, at once there as /dev/disk/by-id/*NAME."""
        self._plug(name, path, driver="scsi-hd", bus="scsi.0", serial=name)

    def _plug(self, name: str, path: Path, **device: object) -> None:
        self._blocks += 1
        node = f"block{self._blocks}"
        file = {"driver": "file", "filename": str(path)}
        self.qmp.ask(
            "blockdev-add",
            node_name=node,
            driver="throttle",
            throttle_group="drives",
            file={"driver": "raw", "file": file},
        )
        self.qmp.ask("device_add", id=name, drive=node, **device)
        self._plugged[name] = self._blocks

    def plug(self, name: str, driver: str, **device: object) -> None:
        """Plug in something else by USB."""
        self.qmp.ask("device_add", id=name, driver=driver, bus="usb.0", **device)

    def pull(self, name: str) -> None:
        """Pull it out, now."""
        self.qmp.ask("device_del", id=name)
        self.qmp.wait_for("DEVICE_DELETED", device=name)
        if number := self._plugged.pop(name, 0):
            self.qmp.ask("blockdev-del", node_name=f"block{number}")
