"""Owns the doctor's steps below DICOM: titles, name, route, connection."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from appliance import errors
from appliance.desk.doctor.report import Entry, State
from appliance.desk.doctor.subject import Found
from appliance.settings.values import ae_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.desk.doctor.subject import Visit

_AWAY = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN})
_NO_WAY = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_NEIGHBOURS, _UNANSWERED = Path("/proc/self/net/arp"), "0x0"
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})


def titles(visit: Visit) -> str | Found:
    """Both AE titles are ones that DICOM knows (PS3.5 6.2, AE)."""
    target = visit.target
    both = (("`ae_title`", target.called), ("`calling_ae_title`", target.calling))
    wrong = [(key, title, why) for key, title in both if (why := ae_title(title))]
    if not wrong:
        return f"{target.called} and {target.calling}"
    problem = errors.TitleWrong(why=", ".join(why for _, _, why in wrong))
    entries = tuple(Entry(str(visit.facts["here"]), key, title.strip()) for key, title, _ in wrong)
    return failed(problem, entries)


def name(visit: Visit) -> str:
    """The host has an address. Raises HostUnknown, NoNameServer."""
    host, port = visit.target.host, visit.target.port
    told = _resolved(host, port, visit.limits.name_s)
    if told is None:
        raise errors.NoNameServer(host=host)
    if isinstance(told, socket.gaierror):
        unsure = told.errno in {socket.EAI_AGAIN, socket.EAI_FAIL}
        raise (errors.NoNameServer if unsure else errors.HostUnknown)(host=host) from told
    visit.addresses = told
    return ", ".join(told)


def route(visit: Visit) -> str:
    """There is a way to one of the addresses. Raises NoWay."""
    host, port = visit.target.host, visit.target.port
    ours = {address: own_address(address, port) for address in visit.addresses}
    usable = {address: own for address, own in ours.items() if isinstance(own, str)}
    if not usable:
        address, error = next(iter(ours.items()))
        why = _words(error) if isinstance(error, OSError) else ""
        raise errors.NoWay(host=host, port=port, address=address, why=why)
    visit.our_address = next(iter(usable.values()))
    return f"from this box's address {visit.our_address}"


def connection(visit: Visit) -> str:
    """It takes a call. Raises PortClosed and HostSilent, the kinds of it."""
    host, port = visit.target.host, visit.target.port
    start_s = visit.clock.monotonic()
    try:
        sock = socket.create_connection((host, port), visit.limits.patience.connection_s)
    except ConnectionRefusedError as error:
        raise errors.PortClosed(host=host, port=port) from error
    except TimeoutError as error:
        raise _swallowed(visit) from error
    except OSError as error:
        raise _unreached(visit, error) from error
    with sock:
        visit.our_address = sock.getsockname()[0]
    return f"it took the call after {(visit.clock.monotonic() - start_s) * 1000:.0f} ms"


def own_address(address: str, port: int) -> str | OSError:
    """From where this box calls an address, or why it cannot; nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((address, port))
        except OSError as error:
            return error
        return str(sock.getsockname()[0])


def failed(problem: errors.Problem, entries: Sequence[Entry]) -> Found:
    """A problem with remedies of its own."""
    return Found(problem.sentence, State.FAILED, problem.hint, problem.code, tuple(entries))


def _resolved(host: str, port: int, patience_s: float) -> tuple[str, ...] | socket.gaierror | None:
    """The addresses of a host, or why not; None where that takes too long to wait for.

    In a thread that may be left behind: the resolver cannot be told how long to try.
    """
    told: SimpleQueue[tuple[str, ...] | socket.gaierror] = SimpleQueue()

    def look() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            told.put(tuple(dict.fromkeys(str(each[4][0]) for each in found)))
        except socket.gaierror as error:
            told.put(error)
        except UnicodeError:  # a label of a name is empty or too long
            told.put(socket.gaierror(socket.EAI_NONAME))

    Thread(target=look, name="name", daemon=True).start()
    with suppress(Empty):
        return told.get(timeout=patience_s)
    return None


def _swallowed(visit: Visit) -> errors.HostSilent:
    """Nothing came back: does nothing at all, or only from this port?

    A machine that is there answers a call to a port where nothing listens by refusing it.
    """
    host, port = visit.target.host, visit.target.port
    if address := next(filter(_is_nobodys, visit.addresses), ""):
        return errors.NobodyThere(host=host, port=port, address=address)
    kind: type[errors.HostSilent] = errors.Swallowed
    try:
        wait_s = visit.limits.patience.connection_s
        socket.create_connection((host, visit.limits.other_port), wait_s).close()
    except ConnectionRefusedError:
        kind = errors.Walled
    except OSError:
        pass
    else:
        kind = errors.Walled
    return kind(host=host, port=port)


def _is_nobodys(address: str) -> bool:
    """Whether nobody in this box's own network answers to an address (proc_net(5), arp).

    Since Linux 6.10 a call goes on being tried all the same, and only times out.
    """
    with suppress(OSError):
        lines = _NEIGHBOURS.read_text().splitlines()[1:]
        return any(line.split()[0:3:2] == [address, _UNANSWERED] for line in lines)
    return False


def _unreached(visit: Visit, error: OSError) -> errors.HostSilent:
    host, port = visit.target.host, visit.target.port
    address = next(iter(visit.addresses), host)
    if error.errno in _AWAY:
        return errors.NobodyThere(host=host, port=port, address=address)
    if error.errno in _NO_WAY:
        return errors.NoWay(host=host, port=port, address=address, why=_words(error))
    if error.errno in _FORBIDDEN:
        return errors.Walled(host=host, port=port)
    return errors.HostSilent(host=host, port=port, why=_words(error))


def _words(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()
