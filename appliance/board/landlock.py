"""Owns Landlock (Linux 5.13): a process says what it will do from now on, and cannot take it back.

It needs no privilege. What a kernel does not know yet it does not deny.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
READS = READ_FILE | READ_DIR
ALL = 0x1FFF  # that its first version knew
CHANGES = ALL & ~(EXECUTE | READS)

_SINCE = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # to rename across folders, truncate, ioctl
_NETWORK_SINCE, _NETWORK = 4, 0b11  # to bind and to connect by TCP
_SCOPE_SINCE, _SCOPE = 6, 0b11  # abstract Unix sockets of others, and signals to them
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def confine(handled: int, granted: Mapping[str, int], *, alone: bool = False) -> None:
    """Give up the rights in `handled` on all files but those below the `granted` folders.

    `alone`: also what later versions know, as far as this kernel does: more rights on files, TCP,
    signals to others. Folders that are not there grant nothing. Raises OSError
    where the kernel cannot do it.
    """
    call(_libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    rules = _rules(handled, alone=alone)
    for folder, rights in granted.items():
        _grant(rules, folder, rights)
    call(_libc.syscall, _RESTRICT_SELF, rules, 0)
    os.close(rules)


def call(function: ctypes._FuncPointer, *arguments: int | bytes | None) -> int:
    """A function of the C library that sets errno. Raises OSError."""
    result = int(function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, value: int) -> None:
    """prctl(2). Raises OSError."""
    call(_libc.prctl, option, value, 0, 0, 0)


def _rules(handled: int, *, alone: bool) -> int:
    if not alone:
        ruled = struct.pack("=Q", handled)
        return call(_libc.syscall, _CREATE_RULESET, ruled, len(ruled), 0)
    version = call(_libc.syscall, _CREATE_RULESET, None, 0, _ASK_VERSION)
    handled |= sum(right for since, right in _SINCE.items() if version >= since)
    ruled = struct.pack("=Q", handled)
    if version >= _NETWORK_SINCE:
        ruled += struct.pack("=Q", _NETWORK)
    if version >= _SCOPE_SINCE:
        ruled += struct.pack("=Q", _SCOPE)
    return call(_libc.syscall, _CREATE_RULESET, ruled, len(ruled), 0)


def _grant(rules: int, folder: str, rights: int) -> None:
    try:
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    rule = struct.pack("=Qi", rights, fd)
    call(_libc.syscall, _ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0)
    os.close(fd)
