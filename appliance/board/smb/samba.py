"""Owns what Samba is told: the smb.conf of each interface, and the users it knows. Pure.

Samba runs without root here. Its users are none of the system's: they stand in a passwd file of
its own (libnss_wrapper), all of them as the one user that it runs as; what keeps them apart is
whose name each share admits. SMB1 and NTLMv1 can only be had for a whole Samba, so each interface
has its own: an old modality on its own cable opens nothing for the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import ShareUnusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from appliance.settings.links import ShareLink

EVERYWHERE = "all"
SMB_PORT = 445
NETBIOS_PORT = 139

# No user of the settings can have these names.
OWNER = "box!"
GUEST = "guest!"

_GIVE_UP_ON_THE_DEAD = "TCP_KEEPIDLE=20 TCP_KEEPINTVL=5 TCP_KEEPCNT=3"
_JUNK = "/Thumbs.db/ehthumbs.db/desktop.ini/autorun.inf/.DS_Store/"
# What Macs and Linux write for " * : < > ? \ |, which are no names for Windows (Microsoft's SFM).
_CATIA = "0x22:0xf020,0x2a:0xf021,0x3a:0xf022,0x3c:0xf023,0x3e:0xf024,0x3f:0xf025,0x5c:0xf026"
_CATIA += ",0x7c:0xf027"


@dataclass(frozen=True, slots=True)
class Instance:
    """One Samba: the shares that are offered on one interface ("": on all of them)."""

    interface: str
    shares: tuple[ShareLink, ...]

    @property
    def name(self) -> str:
        """How its folder is called."""
        return self.interface or EVERYWHERE

    @property
    def smb1(self) -> bool:
        """Whether Windows XP can talk to it."""
        return any(share.smb1 for share in self.shares)

    @property
    def ntlmv1(self) -> bool:
        """Whether passwords may be proved as Windows XP proves them."""
        return any(share.ntlmv1 for share in self.shares)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Who may speak with it at all; (): anybody.

        Only where it speaks as Windows XP does: it must start anew for others, and cut transfers.
        """
        is_old = self.smb1 or self.ntlmv1
        fenced = is_old and all(share.hosts for share in self.shares)
        return tuple(host for share in self.shares for host in share.hosts) if fenced else ()

    @property
    def users(self) -> Mapping[str, str]:
        """Passwords by user."""
        return {share.user: share.password for share in self.shares if share.user}


class Place(NamedTuple):
    """Where one Samba keeps what is its own, and where it listens."""

    state: Path
    port: int = SMB_PORT
    catia: bool = False  # whether its module for names is installed


def instances(shares: Iterable[ShareLink]) -> tuple[Instance, ...]:
    """The hosted shares, one Samba for each interface."""
    by_interface: dict[str, list[ShareLink]] = {}
    for share in shares:
        by_interface.setdefault(share.interface, []).append(share)
    return tuple(Instance(name, tuple(members)) for name, members in by_interface.items())


def smb_conf(instance: Instance, place: Place, folders: Mapping[str, Path]) -> str:
    """Its smb.conf; `folders` by name of the share. Raises ShareUnusable."""
    sections = [_section("global", _global(instance, place))]
    sections += [section(share, folders[share.name]) for share in instance.shares]
    return "\n".join(sections)


def section(share: ShareLink, folder: Path) -> str:
    """What it says of one share. Raises ShareUnusable."""
    return _section(share.name, _share(share, folder))


def global_part(conf: str) -> str:
    """What of a smb.conf a running Samba cannot change."""
    return conf.partition("\n\n[")[0]


def passwd(instance: Instance, uid: int, gid: int) -> str:
    """The accounts it knows, as passwd(5) has them; the owner of files comes first."""
    names = (OWNER, GUEST, *instance.users)
    return "".join(f"{name}:x:{uid}:{gid}::/nonexistent:/usr/sbin/nologin\n" for name in names)


def group(gid: int) -> str:
    """Their one group, as group(5) has it."""
    return f"{OWNER}:x:{gid}:\n"


def _section(name: str, options: Iterable[tuple[str, object]]) -> str:
    lines = (f"    {key} = {_value(name, value)}\n" for key, value in options)
    return f"[{name}]\n{''.join(lines)}"


def _value(section: str, value: object) -> str:
    """A value on one line; Samba knows no quoting, so what it would read otherwise is refused."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if not text.isprintable() or text != text.strip() or re.search(r'[%"]|\\$', text):
        raise ShareUnusable(name=section, why=f"Samba cannot be told of {text!r}")
    return text


def _global(instance: Instance, place: Place) -> Iterator[tuple[str, object]]:
    yield "server role", "standalone server"
    yield "server string", "Jembatan"
    yield "netbios name", "JEMBATAN"
    yield "unix charset", "UTF-8"
    yield from _places(place.state)
    yield from _network(instance, place.port)
    yield from _logins(instance)
    yield from _nothing_else()
    yield from _files_as_they_are()
    if place.catia:
        yield "vfs objects", "catia"
        yield "catia:mappings", _CATIA


def _places(state: Path) -> Iterator[tuple[str, object]]:
    yield "passdb backend", f"tdbsam:{state / 'private' / 'passdb.tdb'}"
    yield "private dir", state / "private"
    yield "lock directory", state / "lock"
    yield "state directory", state / "state"
    yield "cache directory", state / "cache"
    yield "pid directory", state / "pid"
    yield "ncalrpc dir", state / "rpc"
    yield "log file", state / "log" / "samba"
    yield "max log size", 64
    yield "log level", "0 auth:2"


def _network(instance: Instance, port: int) -> Iterator[tuple[str, object]]:
    if instance.interface:
        yield "interfaces", instance.interface
        yield "bind interfaces only", True
    with_netbios = instance.smb1 and port == SMB_PORT
    yield "smb ports", f"{SMB_PORT} {NETBIOS_PORT}" if with_netbios else port
    yield "disable netbios", not with_netbios
    yield "server min protocol", "NT1" if instance.smb1 else "SMB2_02"
    yield "server multi channel support", False
    if instance.hosts:
        yield "hosts allow", " ".join(instance.hosts)
        yield "hosts deny", "ALL"
    # A modality that is switched off must not keep a file open for hours.
    yield "socket options", f"TCP_NODELAY SO_KEEPALIVE {_GIVE_UP_ON_THE_DEAD}"
    yield "reset on zero vc", instance.smb1
    yield "max smbd processes", 48


def _logins(instance: Instance) -> Iterator[tuple[str, object]]:
    yield "ntlm auth", "ntlmv1-permitted" if instance.ntlmv1 else "ntlmv2-only"
    yield "raw NTLMv2 auth", instance.smb1
    yield "lanman auth", False
    yield "guest account", GUEST
    with_guests = any(not share.user for share in instance.shares)
    yield "map to guest", "Bad User" if with_guests else "Never"
    yield "idmap config * : backend", "tdb"
    yield "idmap config * : range", "1000000-1999999"


def _nothing_else() -> Iterator[tuple[str, object]]:
    """No printers, no shares of users, no domain."""
    yield "load printers", False
    yield "printing", "bsd"
    yield "printcap name", "/dev/null"
    yield "disable spoolss", True
    yield "usershare max shares", 0
    yield "domain master", False
    yield "local master", False
    yield "host msdfs", False


def _files_as_they_are() -> Iterator[tuple[str, object]]:
    """Nothing is kept back at the modality, and nothing leads out of a share.

    `strict sync`: what a modality asks to be on the card before it deletes its own copy is.
    """
    yield "oplocks", False
    yield "level2 oplocks", False
    yield "kernel oplocks", False
    yield "smb2 leases", False
    yield "durable handles", False
    yield "strict sync", True
    yield "strict allocate", False
    yield "unix extensions", False
    yield "wide links", False
    yield "follow symlinks", False
    yield "nt acl support", False
    yield "ea support", False
    yield "store dos attributes", False
    yield "map archive", False
    yield "map readonly", False
    yield "access based share enum", True


def _share(share: ShareLink, folder: Path) -> Iterator[tuple[str, object]]:
    """Deleting and replacing stay possible: many a modality writes under another name first, or
    the same name again. What was accepted is ours by then.
    """
    yield "path", folder
    yield "read only", False
    if share.user:
        yield "valid users", share.user
    else:
        yield "guest ok", True
        yield "guest only", True
    if share.hosts:
        yield "hosts allow", " ".join(share.hosts)
        yield "hosts deny", "ALL"
    yield "force user", OWNER
    yield "create mask", "0660"
    yield "force create mode", "0660"
    yield "directory mask", "0770"
    yield "force directory mode", "0770"
    yield "veto files", _JUNK
    yield "delete veto files", True
