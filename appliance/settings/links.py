"""Owns what can be set about a source: one record for each kind of link a modality may have.

[[source]] in the file; `kind` says which of the records a table becomes.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the reader evaluates the annotations
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from appliance.settings.values import (
    AeTitle,
    Fingerprint,
    Folder,
    Host,
    Name,
    Port,
    Text,
    between,
    each,
    filled,
    hex_bytes,
    matching,
    one_of,
    sop_class,
    uid,
    unc,
)


class After(StrEnum):
    """What happens to a source's file once every delivery of it is confirmed."""

    KEEP = "keep"
    DELETE = "delete"
    MOVE = "move"


class Ack(StrEnum):
    """When the modality is told that an image has arrived."""

    ACCEPTED = "accepted"  # it survives a pulled plug here
    FORWARDED = "forwarded"  # every destination has it


class Protocol(StrEnum):
    """How files come over a serial line; CAPTURE: they do not, bytes do."""

    CAPTURE = "capture"
    XMODEM = "xmodem"
    YMODEM = "ymodem"
    ZMODEM = "zmodem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """[[source]]: what every kind has."""

    name: Name
    kind: str = ""
    profile: Name = ""
    after: After = After.KEEP
    move_to: Folder = ""
    error_to: Folder = ""
    settle_s: Annotated[float, between(0, 3600)] = 10.0

    @property
    def names_files(self) -> bool:
        """Whether files come with names; else the box makes them up, and they say nothing."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLink(Source):
    """A folder of this box into which something writes."""

    kind: str = "folder"
    path: Folder


@dataclass(frozen=True, slots=True, kw_only=True)
class StickLink(Source):
    """USB sticks, whichever is plugged in."""

    kind: str = "stick"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveLink(Source):
    """The box poses as a USB stick to the modality."""

    kind: str = "drive"
    size_gib: Annotated[int, between(1, 64)] = 8
    label: Annotated[
        str,
        matching(r"[A-Z0-9_-]{1,11}", "must be 1 to 11 capital letters, digits, dashes or _"),
    ] = "EXPORT"
    vendor: Annotated[str, matching(r"[ -~]{1,8}", "must be 1 to 8 ASCII characters")] = "JEMBATAN"
    product: Annotated[str, matching(r"[ -~]{1,16}", "must be 1 to 16 ASCII characters")] = (
        "EXPORT"
    )
    serial: Annotated[
        str, matching(r"[A-Z0-9]{12,32}", "must be 12 to 32 capital letters or digits")
    ] = ""  # "": the box's own
    quiet_s: Annotated[float, between(1, 3600)] = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLink(Source):
    """A network share: of this box (`hosted`), or of the modality (`mount`)."""

    kind: str = "share"
    user: Annotated[
        str, matching(r"[A-Za-z0-9_.-]{1,32}", "must be 1 to 32 letters, digits, _ . or -")
    ] = ""  # "": guest
    password: Text = ""

    hosted: bool = False
    path: Folder = ""  # "": a folder of the box's own
    smb1: bool = False
    ntlmv1: bool = False
    hosts: Annotated[
        tuple[str, ...],
        each(matching(r"[0-9A-Fa-f.:]+(/\d{1,3})?", "is not an IP address or network")),
    ] = ()
    interface: Annotated[
        str, matching(r"[A-Za-z0-9_.-]{1,15}", "is not a network interface such as eth1")
    ] = ""

    mount: Annotated[str, unc] = ""
    version: Annotated[str, one_of("1.0", "2.0", "2.1", "3.0", "3.1.1")] = ""  # "": never 1.0
    domain: Annotated[str, matching(r"[A-Za-z0-9_.-]{1,64}", "is not a domain")] = ""
    poll_s: Annotated[float, between(1, 3600)] = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLink(Source):
    """A serial line, named by its device: /dev/serial/by-id/..."""

    kind: str = "serial"
    path: Folder
    baud: Annotated[int, between(50, 4_000_000)] = 9600
    framing: Annotated[str, matching(r"[5-8][NEOMS][12]", "must be like 8N1")] = "8N1"
    handshake: Annotated[str, one_of("none", "rtscts", "xonxoff")] = "none"
    protocol: Protocol = Protocol.CAPTURE
    start_bytes: Annotated[str, hex_bytes] = ""
    end_bytes: Annotated[str, hex_bytes] = ""
    idle_s: Annotated[float, between(0.1, 600)] = 5.0
    max_kib: Annotated[int, between(1, 1 << 20)] = 1 << 14

    @property
    def names_files(self) -> bool:
        """Bytes have none, nor has what comes by XMODEM."""
        return self.protocol in {Protocol.YMODEM, Protocol.ZMODEM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A modality that may send to a receiver; commitment reports go to its `port`.

    Over TLS they go to who has a certificate of `tls_ca`, or the one with this fingerprint.
    """

    ae_title: AeTitle
    host: Host
    port: Port = 104
    fingerprint: Fingerprint = ""  # SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLink(Source):
    """A modality that speaks DICOM; nobody is allowed until listed."""

    kind: str = "receiver"
    allow: Annotated[tuple[Caller, ...], filled]
    called: AeTitle = ""  # "": the box's own
    accept: Annotated[tuple[str, ...], each(sop_class)] = ()  # (): every image
    syntaxes: Annotated[tuple[str, ...], each(uid)] = ()  # (): whatever it offers
    ack: Ack = Ack.ACCEPTED
    ack_s: Annotated[float, between(1, 3600)] = 60.0
    tls: bool = False  # this source over TLS only

    @property
    def names_files(self) -> bool:
        """What comes by C-STORE has UIDs."""
        return False


LINKS: Mapping[str, type[Source]] = {
    "folder": FolderLink,
    "stick": StickLink,
    "drive": DriveLink,
    "share": ShareLink,
    "serial": SerialLink,
    "receiver": ReceiverLink,
}
