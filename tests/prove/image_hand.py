"""Owns how the proofs' hand (guest_agent.py) gets into an appliance that has no door for it.

On `virt` the machine's firmware hands it in: systemd takes credentials from whoever runs a virtual
machine, and units among them. The card stays as it was built, and has nothing of this on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT = Path(__file__).with_name("guest_agent.py")

_UNIT = """[Unit]
Description=What the proofs ask
DefaultDependencies=no
IgnoreOnIsolate=yes
After=systemd-udevd.service
StartLimitIntervalSec=0
[Service]
LoadCredential=agent
ExecStartPre=/bin/sh -c 'until [ -e /dev/virtio-ports/agent ]; do sleep 1; done'
ExecStart=/usr/bin/python3 ${CREDENTIALS_DIRECTORY}/agent
TimeoutStartSec=infinity
"""
_WANTED = """[Unit]
Wants=a.service
"""
# QEMU's names have 55 characters at most: those of the units are as short as can be.
_CREDENTIALS = {
    "systemd.extra-unit.a.service": _UNIT,
    "systemd.unit-dropin.-.mount": _WANTED,
    "agent": AGENT.read_text(encoding="utf-8"),
}


def on_firmware(folder: Path) -> Iterator[str]:
    """QEMU's options for the hand, whose line is the character device `agent`."""
    for name, content in _CREDENTIALS.items():
        path = folder / f"credential-{name}"
        path.write_text(content, encoding="utf-8")
        yield from ("-fw_cfg", f"name=opt/io.systemd.credentials/{name},file={path}")
    yield from ("-device", "virtio-serial-pci")
    yield from ("-device", "virtserialport,chardev=agent,name=agent")
