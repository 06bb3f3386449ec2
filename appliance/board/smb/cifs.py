"""Owns mounting a modality's share by the kernel, and what it means where that fails.

Needs root; belongs into the devices service.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.call import Handing
from appliance.errors import (
    NoCifs,
    NotThere,
    Problem,
    ShareDialect,
    ShareMissing,
    ShareOffline,
    ShareRefused,
)
from appliance.settings.links import ShareLink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.board.attach import Reader
    from appliance.call import Handler
    from appliance.settings.schema import Settings

OPEN_SHARE = "open_share"
"""The operation of the devices service: {"source": NAME}, answered by the share's root folder."""

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8  # linux/mount.h
_MS_NOSYMFOLLOW, _MS_NOATIME = 256, 1024
_FLAGS = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_NOSYMFOLLOW | _MS_NOATIME
_MNT_DETACH = 2
# soft, echo_interval: a modality that is switched off is an error within a minute, not for ever.
# cache, actimeo: what is read is what is there now, what is listed a second ago. nohandlecache: a
# listing kept under a lease stays as it was where the server writes past its own Samba.
# closetimeo: else Linux 6.12 closes what was read a second later, by a thread of its own; whoever
# lets go of the mount meanwhile dies of a BUG ("Busy inodes after unmount of cifs").
# nosharesock: a mount that is made anew does not inherit the broken connection of the last one.
# nounix, nodfs, mapposix: a foreign machine makes no links or devices, and leads nowhere else.
_SAFE = (
    "soft,echo_interval=10,{cache},actimeo=1,nohandlecache,closetimeo=0,nosharesock,"
    "nounix,nodfs,mapposix,iocharset=utf8,sec=ntlmssp,uid=0,gid={group},file_mode=0440,dir_mode=0550"
)


class Address(NamedTuple):
    """Where a share is; `port` 0 is the usual one, `folder` "" all of it."""

    host: str
    port: int
    share: str
    folder: str

    @property
    def source(self) -> str:
        """As the kernel takes it."""
        return "/".join(filter(None, ("/", self.host, self.share, self.folder)))


def address(mount: str) -> Address:
    """The parts of //HOST[:PORT]/SHARE[/FOLDER]; an IPv6 address has more than one colon."""
    host, share, *folders = mount.strip("/").split("/")
    name, colon, port = host.partition(":")
    if colon and port.isdecimal():
        return Address(name, int(port), share, "/".join(folders))
    return Address(host, 0, share, "/".join(folders))


def options(link: ShareLink, reader: Reader, ip: str) -> str:
    """The mount options of a share; only a password can hold a comma, which is then doubled."""
    where = address(link.mount)
    login = [f"user={link.user}", f"pass={link.password.replace(',', ',,')}"]
    given = (
        f"ip={ip}",
        f"unc=\\\\{where.host}\\{where.share}",
        f"prefixpath={where.folder}" if where.folder else "",
        _SAFE.format(group=reader.group, cache=_cache(link)),
        f"vers={link.version}" if link.version else "",  # else the kernel finds out; never 1.0
        f"port={where.port}" if where.port else "",
        f"domain={link.domain}" if link.domain else "",
        *login,  # empty ones: as a guest
    )
    return ",".join(filter(None, given))


def _cache(link: ShareLink) -> str:
    """Past its cache Linux 6.12 reads nothing of SMB 1 that is longer than one answer (ENOMEM)."""
    return "cache=loose" if link.version == "1.0" else "cache=none"


def attach_share(link: ShareLink, places: Path, reader: Reader) -> int:
    """The root folder of a share, as a descriptor to look below; the mount ends with it.

    Raises NoCifs, ShareOffline, ShareRefused, ShareMissing, ShareDialect.
    """
    where = address(link.mount)
    how = options(link, reader, _ip(link.mount, where.host))
    place = Path(tempfile.mkdtemp(dir=places))
    try:
        _call("mount", where.source, str(place), "cifs", _FLAGS, how)
        try:
            return os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        finally:
            _call("umount2", str(place), _MNT_DETACH)
    except OSError as error:
        if error.errno in _NO_KERNEL:
            raise NoCifs(share=link.mount, why=_NO_KERNEL[error.errno or 0]) from error
        raise trouble(link.mount, error) from error
    finally:
        place.rmdir()


def _ip(share: str, host: str) -> str:
    """The kernel does not look names up by itself."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise ShareOffline(share=share, why="nobody knows a machine of that name") from error


def _call(function: str, *arguments: str | int) -> None:
    """A function of the C library (mount(2)), for which there is no other way to keep a password
    out of command lines and files.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    given = [os.fsencode(e) if isinstance(e, str) else ctypes.c_ulong(e) for e in arguments]
    if getattr(libc, function)(*given):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Shares:
    """The operations of the devices service on shares of the settings."""

    def __init__(
        self, settings: Callable[[], Settings], places: Path, reader: Callable[[], Reader]
    ) -> None:
        """Mount below the folder `places`, for `reader` to read."""
        self._settings = settings
        self._places = places
        self._reader = reader

    @property
    def operations(self) -> Mapping[str, Handler]:
        """By name, as callers ask for them."""
        return {OPEN_SHARE: self._open}

    def _open(self, request: Mapping[str, Any]) -> Handing:
        """{"source": NAME}: its root folder; it is let go of when the caller closes that."""
        name = str(request["source"])
        link = self._settings().source(name)
        if not isinstance(link, ShareLink) or not link.mount:
            raise NotThere(what=f"share to be mounted for {name}")
        return Handing({}, attach_share(link, self._places, self._reader()))


_OFFLINE = {
    errno.EHOSTDOWN: "it is switched off, or its network cable is out",
    errno.EHOSTUNREACH: "nothing is at that address",
    errno.ENETUNREACH: "this box has no network",
    errno.ECONNREFUSED: "it shares nothing",
    errno.ETIMEDOUT: "it takes too long",
    errno.EINPROGRESS: "it takes too long",
    errno.ECONNABORTED: "it hung up",
    errno.ECONNRESET: "it hung up",
    errno.EPIPE: "it hung up",
    errno.ENOTCONN: "it hung up",
    errno.EAGAIN: "it takes too long",
    errno.EIO: "what it answers cannot be read",
    errno.ENODATA: "what it answers cannot be read",
    errno.ESTALE: "what was mounted is not there any more",
    errno.ESHUTDOWN: "it hung up",
}
_REFUSED = {
    errno.EACCES: "the user or the password is wrong, or it may not read there",
    errno.EKEYEXPIRED: "the password has expired",
    errno.EKEYREVOKED: "the user is blocked",
}
_MISSING = {
    errno.ENOENT: "no share or folder of that name",
    errno.ENXIO: "no share of that name",
    errno.ENOTDIR: "that is not a folder",
    errno.EREMOTE: "it is on another machine",
}
_NO_KERNEL = {
    errno.ENODEV: "it does not know SMB",
    errno.EPERM: "only root may mount",
}
_DIALECT = {
    errno.EOPNOTSUPP: "it does not speak that version of SMB",
    errno.EINVAL: "it does not speak that version of SMB, or the kernel here does not",
    errno.EPROTONOSUPPORT: "it does not speak that version of SMB",
}
_KINDS: tuple[tuple[type[Problem], Mapping[int, str]], ...] = (
    (ShareOffline, _OFFLINE),
    (ShareRefused, _REFUSED),
    (ShareMissing, _MISSING),
    (ShareDialect, _DIALECT),
)


def is_offline(error: OSError) -> bool:
    """Whether this is what reading from a machine that went away looks like."""
    return error.errno in _OFFLINE


def trouble(share: str, error: OSError) -> Problem:
    """What an errno means that came from a share."""
    for kind, sayings in _KINDS:
        if why := sayings.get(error.errno or 0):
            return kind(share=share, why=why)
    return ShareOffline(share=share, why=str(error.strerror))
