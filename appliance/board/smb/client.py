"""Owns talking to a modality's share without the kernel (pysmb), where that cannot or may not.

Passwords are proved by NTLMv2 only, and SMB1 is spoken only where the settings ask for it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nmb.base import NotConnectedError as NetBiosNotConnected
from smb.base import NotConnectedError, NotReadyError, SMBTimeout
from smb.smb_structs import OperationFailure, ProtocolError, UnsupportedFeature
from smb.SMBConnection import SMBConnection

from appliance.board.smb.cifs import address, is_offline, trouble
from appliance.errors import Problem, ShareDialect, ShareOffline, ShareRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.settings.links import ShareLink

_PORTS = (445, 139)
_OURS = "JEMBATAN"
_ANYBODY = "*SMBSERVER"  # the NetBIOS name that every server answers to
_CONNECT_S = 10
_ANSWER_S = 30
_DIRECTORY = 0x10
_REPARSE_POINT = 0x400
_SMB1 = "1.0"

_LOST = (OSError, NotConnectedError, NetBiosNotConnected, NotReadyError, SMBTimeout)
_GARBLED = (ProtocolError, UnsupportedFeature, struct.error, AssertionError, LookupError)
# MS-ERREF 2.3.1
_STATUSES = {
    0xC0000022: errno.EACCES,
    0xC0000034: errno.ENOENT,
    0xC000003A: errno.ENOENT,
    0xC000000F: errno.ENOENT,
    0xC00000CC: errno.ENXIO,
    0xC0000103: errno.ENOTDIR,
    0xC0000043: errno.EBUSY,  # opened by the modality, and shared with nobody
    0xC0000054: errno.EBUSY,
}


class Found(NamedTuple):
    """A file on a share; `name` is its path below the folder of the settings."""

    name: str
    size_bytes: int
    written_at: float
    changed_at: float


class Sink(Protocol):
    """What a file's bytes are handed to."""

    def write(self, data: bytes, /) -> object:
        """Take some more of them."""
        ...


class SmbClient:
    """One connection to a share; belongs to one thread.

    Every call raises ShareOffline and its like where the share is out of reach, and OSError where
    only the file or folder in question is.
    """

    def __init__(self, link: ShareLink) -> None:
        """Connect and log in; also raises ShareRefused, ShareDialect."""
        self._link = link
        self._address = address(link.mount)
        self._connection = self._connected()
        try:
            self.listed("")  # that the share is there is known only now
        except OSError as error:
            self.close()
            raise trouble(link.mount, error) from error

    def listed(self, folder: str) -> tuple[list[Found], list[str]]:
        """The files and the folders in a folder, which is "" for the top."""
        entries = self._asked(
            lambda: self._connection.listPath(
                self._address.share, self._path(folder), timeout=_ANSWER_S
            )
        )
        files: list[Found] = []
        folders: list[str] = []
        for entry in entries:
            name = _decodable(entry.filename)
            if not _is_name(name) or entry.file_attributes & _REPARSE_POINT:
                continue
            below = f"{folder}/{name}".lstrip("/")
            if entry.file_attributes & _DIRECTORY:
                folders.append(below)
            else:
                times = entry.last_write_time, entry.last_attr_change_time
                files.append(Found(below, entry.file_size, *times))
        return sorted(files), sorted(folders)

    def walk(self, deepest: int) -> Iterator[tuple[str, list[Found] | OSError]]:
        """Folder by folder what is there; OSError for a folder that cannot be read."""
        waiting = [("", 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                files, folders = self.listed(folder)
            except OSError as error:
                if not folder:
                    raise
                yield folder, error
                continue
            yield folder, files
            if depth < deepest:
                waiting += [(below, depth + 1) for below in reversed(folders)]

    def read(self, name: str, sink: Sink) -> None:
        """Hand all bytes of a file to `sink`."""
        self._asked(
            lambda: self._connection.retrieveFile(
                self._address.share, self._path(name), _Guarded(sink), timeout=_ANSWER_S
            )
        )

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _path(self, below: str) -> str:
        path = "/".join(filter(None, ("", self._address.folder, below)))
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass") or "/"

    # Connecting

    def _connected(self) -> SMBConnection:
        ports = (self._address.port,) if self._address.port else _PORTS
        failures: list[Problem] = []
        for port in ports:
            try:
                return self._logged_in(port)
            except ShareOffline as problem:
                failures.append(problem)
        raise failures[0]

    def _logged_in(self, port: int) -> SMBConnection:
        link = self._link
        connection = SMBConnection(
            link.user or "guest", link.password, _OURS, _ANYBODY, domain=link.domain,
            use_ntlm_v2=True, sign_options=SMBConnection.SIGN_WHEN_SUPPORTED,
            is_direct_tcp=port != _PORTS[-1],
        )  # fmt: skip
        try:
            agreed = self._asked(
                lambda: connection.connect(self._address.host, port, timeout=_CONNECT_S)
            )
            self._must_suit(agreed=agreed, smb1=not connection.isUsingSMB2)
        except BaseException:
            connection.close()
            raise
        return connection

    def _must_suit(self, *, agreed: bool, smb1: bool) -> None:
        link = self._link
        if smb1 and link.version != _SMB1:
            raise ShareDialect(share=link.mount, why="it speaks nothing newer than SMB1")
        if not agreed:
            raise ShareRefused(share=link.mount, why="the user or the password is wrong")

    # Failing

    def _asked(self, request: Callable[[], Any]) -> Any:
        share = self._link.mount
        try:
            return request()
        except _SinkError as error:
            raise error.reason from error
        except OperationFailure as failure:
            raise _failed(failure) from failure
        except socket.gaierror as error:
            raise ShareOffline(share=share, why="nobody knows a machine of that name") from error
        except SMBTimeout as error:
            raise ShareOffline(share=share, why="it takes too long") from error
        except _LOST as error:
            if isinstance(error, OSError) and is_offline(error):
                raise trouble(share, error) from error
            raise ShareOffline(share=share, why="it hung up") from error
        except _GARBLED as error:
            why = "what it answers makes no sense, or is newer than SMB 2.0"
            raise ShareDialect(share=share, why=why) from error


class _SinkError(Exception):
    """The sink, not the share, failed."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Guarded:
    """A sink whose own trouble is not taken for the share's."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: bytes) -> None:
        try:
            self._sink.write(data)
        except Exception as error:
            raise _SinkError(error) from error


def _failed(failure: OperationFailure) -> OSError:
    """What a server's status says, as the kernel would."""
    status = failure.smb_messages[-1].status if failure.smb_messages else 0
    number = status if isinstance(status, int) else getattr(status, "internal_value", 0)
    code = _STATUSES.get(number, errno.EREMOTEIO)
    detail = "" if number in _STATUSES else f" (status {number:08X})"
    return OSError(code, f"{os.strerror(code)}{detail}")


def _is_name(name: str) -> bool:
    """Whether it is the name of something in that folder, and not a way out of it."""
    return name not in {"", ".", ".."} and not set(name) & {"/", "\\", "\0"}


def _decodable(name: str) -> str:
    """Half characters, which Windows allows in names, as other undecodable bytes are kept."""
    return name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
