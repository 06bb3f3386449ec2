"""Owns what can be wrong on the way to a PACS: each fault planted, and the settings beside it.

A plant is a real or scripted peer that is wrong somewhere, or settings that are; nothing in the
scene says which.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from appliance.clock import SystemClock
from appliance.dicom.association import Target
from tests.builders.certificates import paper
from tests.builders.doctoring import short
from tests.fakes.clock import FakeClock
from tests.peers import tls
from tests.peers.dcmqrscp import dcmqrscp
from tests.peers.orthanc_worklists import orthanc_worklists
from tests.peers.scripted import Call, hangs, peer, rejects
from tests.peers.storescp import storescp
from tests.peers.timekeepers import ntp, web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.desk.doctor.subject import Limits

CR = "1.2.840.10008.5.1.4.1.1.1"
STORE, N_ACTION = 0x0001, 0x0130
NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)

FOR_TESTS = 'environment = "test"\n'
PROFILE = '[[profile]]\nname = "cr"\nsop_class = "CR"\n'
_NOW = SystemClock()


@dataclass(frozen=True)
class Scene:
    """What the doctor is given: settings, and where he may look for the time."""

    target: Target
    keys: str = ""  # more of the destination
    tables: str = PROFILE
    box: str = ""
    limits: Callable[[Path], Limits] = short
    clock: Clock = _NOW

    @property
    def toml(self) -> str:
        """The settings."""
        target = self.target
        return (
            f'[box]\nae_title = "{target.calling}"\n{self.box}{self.tables}'
            f'[[destination]]\nname = "pacs"\nhost = "{target.host}"\nport = {target.port}\n'
            f'ae_title = "{target.called}"\n{self.keys}'
        )


@contextmanager
def healthy(root: Path) -> Iterator[Scene]:
    with dcmqrscp(root) as pacs:
        yield Scene(pacs.target, FOR_TESTS)


@contextmanager
def wrong_host(root: Path) -> Iterator[Scene]:
    yield Scene(Target("pacs.invalid", 104, "PACS", "JEMBATAN"))


@contextmanager
def wrong_port(root: Path) -> Iterator[Scene]:
    yield Scene(Target("127.0.0.1", 1, "PACS", "JEMBATAN"))


@contextmanager
def no_dicom_port(root: Path) -> Iterator[Scene]:
    with tls.peer(tls.says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")) as port:
        yield Scene(Target("127.0.0.1", port, "PACS", "JEMBATAN"))


@contextmanager
def wrong_called(root: Path) -> Iterator[Scene]:
    with dcmqrscp(root) as pacs:
        yield Scene(replace(pacs.target, called="ARCHIV"))


@contextmanager
def small_letters(root: Path) -> Iterator[Scene]:
    with dcmqrscp(root) as pacs:
        yield Scene(replace(pacs.target, called="archive"))


@contextmanager
def space_in_their_table(root: Path) -> Iterator[Scene]:
    """Somebody typed "JEMBATAN " there, and the PACS compares what it got with that."""
    known = "JEMBATAN "

    def script(call: Call) -> None:
        if call.read_offer().calling != known:
            call.send(3, bytes((0, 1, 1, 3)))

    with peer(script) as pacs:
        yield Scene(pacs.target)


@contextmanager
def calling_unknown(root: Path) -> Iterator[Scene]:
    with peer(rejects(1, 1, 3)) as pacs:
        yield Scene(pacs.target)


@contextmanager
def no_reason(root: Path) -> Iterator[Scene]:
    with peer(rejects(1, 1, 1)) as pacs:
        yield Scene(pacs.target)


def _shaking(
    root: Path,
    keys: str,
    *,
    names: tuple[str, ...] = ("127.0.0.1",),
    days: tuple[int, int] = (-1, 2),
) -> Iterator[Scene]:
    ca = paper(root, "ca")
    shown = paper(root, "pacs", by=ca, names=names, days=days)
    with tls.peer(tls.speaking(shown)) as port:
        yield Scene(Target("127.0.0.1", port, "PACS", "JEMBATAN"), keys.format(ca=ca.cert))


@contextmanager
def tls_expected(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, "")


@contextmanager
def certificate_expired(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, 'tls = {{ ca = "{ca}" }}\n', days=(-9, -1))


@contextmanager
def certificate_of_another(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, 'tls = {{ ca = "{ca}" }}\n', names=("pacs.rsud.example",))


@contextmanager
def certificate_of_nobody(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, "tls = true\n")


@contextmanager
def no_tls_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, "tls = true\n")


def _taking(result: Callable[[str, str], int], status: int = 0) -> Callable[[Call], None]:
    """A PACS that says `result` to each offer, and `status` to each image."""

    def script(call: Call) -> None:
        call.accept(result=result)
        for request in call.requests():
            call.respond(request, status if request.field == STORE else 0)

    return script


@contextmanager
def class_refused(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda kind, _: 3 if kind == CR else 0)) as pacs:
        yield Scene(pacs.target)


@contextmanager
def syntax_refused(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda kind, _: 4 if kind == CR else 0)) as pacs:
        yield Scene(pacs.target)


@contextmanager
def implicit_only(root: Path) -> Iterator[Scene]:
    with storescp(root, "+xi") as pacs:
        yield Scene(pacs.target, FOR_TESTS)


@contextmanager
def no_room(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda *_: 0, 0xA700)) as pacs:
        yield Scene(pacs.target, FOR_TESTS)


@contextmanager
def not_allowed_to_store(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda *_: 0, 0x0124)) as pacs:
        yield Scene(pacs.target, FOR_TESTS)


@contextmanager
def commitment_never_reported(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda *_: 0)) as pacs, peer(hangs) as ourselves:
        table = f"listen_port = {ourselves.port}\n"
        yield Scene(pacs.target, 'confirm = "commitment"\n', box=table)


@contextmanager
def nothing_listens_here(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda *_: 0)) as pacs:
        yield Scene(pacs.target, 'confirm = "commitment"\n', box="listen_port = 1\n")


@contextmanager
def commitment_unanswered(root: Path) -> Iterator[Scene]:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            if request.field == N_ACTION:
                call.hang()
            call.respond(request, 0)

    with peer(script) as pacs:
        limits = partial(short, answer_s=0.5)
        yield Scene(pacs.target, 'confirm = "commitment"\n', limits=limits)


@contextmanager
def commitment_at_a_wrong_port(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, 'confirm = "commitment"\ncommitment = { port = 1 }\n')


@contextmanager
def no_commitment_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, 'confirm = "commitment"\n')


@contextmanager
def no_queries_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, 'confirm = "find"\n')


def _with_worklist(pacs: Target, ris: Target) -> Scene:
    table = (
        f'[[worklist]]\nname = "ris"\nhost = "{ris.host}"\nport = {ris.port}\n'
        f'ae_title = "{ris.called}"\n'
    )
    return Scene(pacs, tables=PROFILE + table)


@contextmanager
def worklist_without_a_word(root: Path) -> Iterator[Scene]:
    """Orthanc tells a station it does not know of nothing."""
    with (
        storescp(root) as pacs,
        orthanc_worklists(root / "ris", root / "orders", "JEMBATAN", by_caller=True) as ris,
    ):
        yield _with_worklist(pacs.target, ris.target)


@contextmanager
def worklist_unlisted(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs, peer(rejects(1, 1, 3)) as ris:
        yield _with_worklist(pacs.target, ris.target)


@contextmanager
def no_worklist_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield _with_worklist(pacs.target, pacs.target)


@contextmanager
def worklist_of_nobody(root: Path) -> Iterator[Scene]:
    with storescp(root / "pacs") as pacs, tls.peer(tls.speaking(paper(root, "ris"))) as port:
        scene = _with_worklist(pacs.target, Target("127.0.0.1", port, "RIS", "JEMBATAN"))
        yield replace(scene, tables=scene.tables + "tls = true\n")


@contextmanager
def wrong_by_ntp(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs, ntp(NOW + timedelta(hours=7)) as port:
        yield Scene(pacs.target, limits=partial(short, ntp_port=port), clock=FakeClock(NOW))


@contextmanager
def wrong_by_http(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs, web(NOW - timedelta(days=400)) as port:
        yield Scene(pacs.target, limits=partial(short, http_port=port), clock=FakeClock(NOW))


@contextmanager
def wrong_by_chip(root: Path) -> Iterator[Scene]:
    chip = root / "chip"
    chip.write_text(f"{(NOW + timedelta(minutes=3)).timestamp():.0f}\n")
    with storescp(root) as pacs:
        yield Scene(pacs.target, limits=partial(short, chip=chip), clock=FakeClock(NOW))


@contextmanager
def nobody_tells_the_time(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target)
