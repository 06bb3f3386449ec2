"""Owns a network of its own in which a machine is there, and a firewall before it swallows calls.

Run as a program in a new network namespace: a TUN device is the cable, this process the machine at
the other end. What it says is the doctor's report on port 104 of 10.9.9.2, as JSON.

    unshare --net python -m tests.peers.walled [all | nobody]

`all`: nothing is answered at all; `nobody`: no machine is there. Else every other port refuses
calls.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
from threading import Thread

from appliance.clock import SystemClock
from appliance.desk.doctor.subject import Limits, Subject
from appliance.desk.doctor.visit import examine
from appliance.dicom.association import Patience
from appliance.settings.schema import Destination, Settings

HOST, PORT = "10.9.9.2", 104
_TUNSETIFF, _IFF_TUN, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0001, 0x0002, 0x1000
_TCP, _SYN, _RST_ACK = 6, 0x02, 0x14


def main(who: str) -> None:
    line = _cable(_IFF_TAP if who == "nobody" else _IFF_TUN)
    Thread(target=_answer, args=(line, who), daemon=True).start()
    limits = Limits(patience=Patience(connection_s=0.5), time_s=0.1)
    subject = Subject(Destination("pacs", HOST, PORT, "PACS"), Settings())
    print(json.dumps(examine(subject, SystemClock(), limits).document()))


def _cable(kind: int) -> int:
    """A TAP is Ethernet, where it is asked first who has an address."""
    line = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(line, _TUNSETIFF, struct.pack("16sH22x", b"cable", kind | _IFF_NO_PI))
    quick = ["ntable change name arp_cache dev cable retrans 50"] * (kind == _IFF_TAP)
    for words in ("address add 10.9.9.1/24 dev cable", "link set cable up", *quick):
        subprocess.run(["ip", *words.split()], check=True)
    return line


def _answer(line: int, who: str) -> None:
    while True:
        packet = os.read(line, 2048)
        head = packet[0] & 15
        if who or packet[0] >> 4 != 4 or packet[9] != _TCP:
            continue
        tcp = packet[head * 4 :]
        port = int.from_bytes(tcp[2:4], "big")
        if tcp[13] & _SYN and port != PORT:
            os.write(line, _refusal(packet[12:16], packet[16:20], tcp))


def _refusal(caller: bytes, own: bytes, tcp: bytes) -> bytes:
    """The RST to a SYN (RFC 9293 3.5.2)."""
    heard = int.from_bytes(tcp[4:8], "big") + 1 & 0xFFFFFFFF
    segment = tcp[2:4] + tcp[:2] + struct.pack(">IIBBHHH", 0, heard, 5 << 4, _RST_ACK, 0, 0, 0)
    pseudo = own + caller + struct.pack(">BBH", 0, _TCP, len(segment))
    segment = segment[:16] + _checksum(pseudo + segment) + segment[18:]
    head = struct.pack(">BBHHHBB", 0x45, 0, 20 + len(segment), 0, 0, 64, _TCP)
    ending = own + caller
    return head + _checksum(head + bytes(2) + ending) + ending + segment


def _checksum(content: bytes) -> bytes:
    total = int(sum(struct.unpack(f">{len(content) // 2}H", content)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (total ^ 0xFFFF).to_bytes(2, "big")


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
