"""Owns an emulated Raspberry Pi 3B: its pins are read, and pushed, from outside of its kernel.

The first UART, which the overlay gives to the RS-232 plug, ends in our hands; commands come by a
USB serial adapter. QEMU raises no interrupt for a pin; nobody here waits for one.
"""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self

from tests.peers.orthanc import bound_to_us
from tests.prove.board_image import BoardImage, board_image
from tests.prove.guest_qmp import Lines, Qmp
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from pathlib import Path

_MACHINE = ("qemu-system-aarch64", "-machine", "raspi3b,accel=tcg", "-display", "none")
_KERNEL = (
    "rdinit=/init quiet panic=-1 mitigations=off nokaslr maxcpus=1 "
    "earlycon=pl011,mmio32,0x3f201000"
)
_BOOT_S = 900
_ANSWER_S = 120

# BCM2835 ARM Peripherals, 6.1: the registers of the first 32 pins.
_GPIO = 0x3F200000
_SET, _CLEAR, _LEVEL = _GPIO + 0x1C, _GPIO + 0x28, _GPIO + 0x34


class Board:
    """One board, from when it is switched on until it is cut off."""

    def __init__(self, folder: Path) -> None:
        self.image: BoardImage = board_image()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log = bytearray()
        self._echoes = False
        self._asking = Lock()
        """One looks at the pins while another pushes them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    @property
    def kind(self) -> str:
        """The machine, for people."""
        return f"qemu-system-aarch64 -M raspi3b (TCG), Linux {self.image.release}"

    def start(self) -> float:
        """Switch it on; how long until it answers, in seconds."""
        started_s = time.monotonic()
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                bound_to_us(*self._command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ports = [self._folder / name for name in ("qmp", "agent", "plug", "qtest")]
        wait_for("QEMU", lambda: all(port.exists() for port in ports) or self._has_ended(), 30)
        self.qmp = Qmp(ports[0])
        self._agent = Lines(ports[1])
        self._plug = _connected(ports[2])
        Thread(target=self._listen, name="plug", daemon=True).start()
        self._wires = _connected(ports[3])
        self._wires_file = self._wires.makefile("r", encoding="ascii")
        try:
            self._agent.receive(_BOOT_S)
        except NotProved as reason:
            message = f"the board does not come up: {reason}\n{bytes(self._log[-3000:]).decode()}"
            raise NotProved(message) from reason
        self.run("dmesg", "-n", "1")
        self.run("date", "--set", f"@{time.clock_gettime(time.CLOCK_REALTIME)}")
        return time.monotonic() - started_s

    def cut(self) -> None:
        """Cut its power."""
        if not self._process:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        with suppress(AttributeError):
            self.qmp.close()
            self._agent.close()
            self._plug.close()
            self._wires_file.close()
            self._wires.close()

    def _has_ended(self) -> bool:
        if self._process and self._process.poll() is not None:
            raise NotProved((self._folder / "qemu.log").read_text(errors="replace"))
        return False

    def _command(self) -> list[str]:
        options = [*_MACHINE, "-no-reboot", "-append", _KERNEL]
        options += ["-kernel", str(self.image.kernel), "-initrd", str(self.image.root)]
        options += ["-dtb", str(self.image.tree)]
        for name in ("plug", "agent"):
            place = self._folder / name
            options += ["-chardev", f"socket,id={name},path={place},server=on,wait=off"]
        options += ["-serial", "chardev:plug", "-device", "usb-serial,chardev=agent"]
        options += ["-qmp", f"unix:{self._folder}/qmp,server=on,wait=off"]
        options += ["-qtest", f"unix:{self._folder}/qtest,server=on,wait=off"]
        return [*options, "-qtest-log", "none"]

    # In it

    def run(self, *words: str, seconds: int = 60, check: bool = True) -> str:
        """What a command in there says, both streams."""
        answer = self._ask({"run": words, "seconds": seconds})
        if check and answer["status"]:
            message = f"{' '.join(words)}: {answer['out']}"
            raise NotProved(message)
        return str(answer["out"])

    def python(self, source: str) -> Any:
        """What `value` is in there after these lines, which see what earlier ones defined."""
        return self._ask({"python": source})["value"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._agent.send(request)
        answer = self._agent.receive(_ANSWER_S)
        if "error" in answer:
            raise NotProved(answer["error"])
        return answer

    # Its pins and its plug, from outside

    def levels(self) -> int:
        """The levels of the first 32 pins as the chip has them, a bit each."""
        return self.register(_LEVEL)

    def register(self, address: int) -> int:
        """A register of the chip."""
        return int(self._wire(f"readl {address:#x}"), 16)

    def drive(self, pin: int, *, high: bool) -> None:
        """Push an input, as a button or a power board does."""
        self._wire(f"writel {_SET if high else _CLEAR:#x} {1 << pin:#x}")

    def _wire(self, command: str) -> str:
        """A command of QEMU's qtest protocol; what it answers after OK."""
        with self._asking:
            self._wires.sendall(f"{command}\n".encode())
            answer = self._wires_file.readline().split()
        if not answer or answer[0] != "OK":
            message = f"{command}: {' '.join(answer)}"
            raise NotProved(message)
        return answer[-1]

    def join_plug(self, *, joined: bool) -> None:
        """Join pins 2 and 3 of the RS-232 plug, or take that off."""
        self._echoes = joined

    def _listen(self) -> None:
        with suppress(OSError):
            while came := self._plug.recv(4096):
                if self._echoes:
                    self._plug.sendall(came)
                else:
                    self._log += came


def _connected(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.connect(str(path))
    return line
