"""The client for shares, against servers that are none, and names that lead elsewhere."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from smb.base import SharedFile

from appliance.board.smb.client import SmbClient
from appliance.errors import Problem, ShareDialect, ShareOffline
from appliance.settings.links import ShareLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def hangs_up(line: socket.socket) -> None:
    """Says nothing."""


def answers(content: bytes) -> Callable[[socket.socket], None]:
    def act(line: socket.socket) -> None:
        line.recv(1000)
        line.sendall(content)

    return act


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """The port of a server that treats each caller in one way."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def start(act: Callable[[socket.socket], None]) -> int:
            Thread(target=each, args=(act,), daemon=True).start()
            port: int = listening.getsockname()[1]
            return port

        def each(act: Callable[[socket.socket], None]) -> None:
            with suppress(OSError):
                while True:
                    line, _ = listening.accept()
                    with line, suppress(OSError):
                        act(line)

        yield start
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (hangs_up, ShareOffline),
        (answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Problem),
        (answers(b"\0\0\0\x20\xffSMB" + b"\xaa" * 28), ShareDialect),
        (answers(b"\0\0\0\x50\xfeSMB" + b"\xaa" * 76), ShareDialect),
    ],
    ids=["hangs up", "http", "half SMB1", "half SMB2"],
)
def test_who_does_not_speak_smb_is_told_in_a_sentence(
    serve: Callable[[Callable[[socket.socket], None]], int],
    act: Callable[[socket.socket], None],
    kind: type[Problem],
) -> None:
    link = ShareLink(name="ct", mount=f"//127.0.0.1:{serve(act)}/export")
    with pytest.raises(kind, match="//127"):
        SmbClient(link)


def test_nobody_there_is_told_in_a_sentence() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        link = ShareLink(name="ct", mount=f"//127.0.0.1:{unused.getsockname()[1]}/export")
        with pytest.raises(ShareOffline, match="shares nothing"):
            SmbClient(link)


class Listing:
    """A connection whose other side lists what no honest one would."""

    isUsingSMB2 = True  # noqa: N815 - pysmb's name

    def listPath(self, share: str, path: str, timeout: int) -> list[Any]:  # noqa: N802
        names = [".", "..", "../etc", "..\\etc", "a/b", "", "a\0b", "half\ud83d.png", "ok.png"]
        entries = [SharedFile(0, 0, 0, 0, 1, 1, 0x20, "", name) for name in names]
        link = SharedFile(0, 0, 0, 0, 1, 1, 0x420, "", "link.png")
        folder = SharedFile(0, 0, 0, 0, 0, 0, 0x10, "", "deep")
        return [*entries, link, folder]


def test_nothing_leads_out_of_a_folder_and_no_folder_is_endless(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SmbClient, "_connected", lambda _: Listing())
    client = SmbClient(ShareLink(name="ct", mount="//ct/export"))
    files, folders = client.listed("")
    assert [file.name for file in files] == ["half\udced\udca0\udcbd.png", "ok.png"]
    assert folders == ["deep"]
    assert len(list(client.walk(64))) == 65
