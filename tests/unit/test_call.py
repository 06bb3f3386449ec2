"""One service asks another: the answer, the refusal, and nobody there."""

from __future__ import annotations

import os
import select
import socket
import time
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest

from appliance import call
from appliance.call import Counter, Handing, Reception, Server, ask, ask_for_descriptor, listen
from appliance.errors import Declined, NobodyAnswers, WeakPassword

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def refuse(request: Mapping[str, Any]) -> Mapping[str, Any]:
    raise WeakPassword(least=request["least"])


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Path]:
    together = Barrier(2, timeout=5)
    operations = {
        "echo": lambda request: {"said": request["text"]},
        "refuse": refuse,
        "meet": lambda _: {"place": together.wait()},
    }
    path = tmp_path / "run" / "keeper.sock"
    server = Server(path, operations)
    server.start()
    yield path
    server.close()


def test_a_request_is_answered(line: Path) -> None:
    assert ask(line, {"op": "echo", "text": "two\nlines, ümlaut"}) == {
        "said": "two\nlines, ümlaut"
    }


def test_a_problem_over_there_is_one_here(line: Path) -> None:
    with pytest.raises(Declined) as declined:
        ask(line, {"op": "refuse", "least": 8})
    assert declined.value.code == "weak-password"
    assert declined.value.sentence == "The password must have at least 8 characters."
    assert declined.value.hint == WeakPassword.hint


def test_what_nobody_does_is_refused(line: Path) -> None:
    with pytest.raises(Declined, match="the operation 'sing' was refused: nobody does that here"):
        ask(line, {"op": "sing"})


def test_several_callers_are_answered_at_once(line: Path) -> None:
    other = Thread(target=ask, args=(line, {"op": "meet"}))
    other.start()
    assert ask(line, {"op": "meet"})["place"] in {0, 1}
    other.join()


def test_who_may_call_is_a_matter_of_the_sockets_mode(line: Path, tmp_path: Path) -> None:
    assert line.stat().st_mode & 0o777 == 0o660
    Server(tmp_path / "x.sock", {}, mode=0o600).close()
    assert (tmp_path / "x.sock").stat().st_mode & 0o777 == 0o600


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NobodyAnswers, match=r"behind x\.sock does not answer: .*No such file"):
        ask(tmp_path / "x.sock", {"op": "echo"})


def test_a_service_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(path))
        deaf.listen()
        with pytest.raises(NobodyAnswers, match="timed out"):
            ask(path, {"op": "echo"}, timeout_s=0.05)


def test_the_socket_of_a_dead_process_is_replaced(line: Path) -> None:
    again = Server(line, {"echo": lambda _: {"said": "again"}})
    again.start()
    assert ask(line, {"op": "echo"}) == {"said": "again"}
    again.close()


def test_a_closed_server_answers_nobody(tmp_path: Path) -> None:
    server = Server(tmp_path / "x.sock", {})
    thread = Thread(target=server.serve)
    thread.start()
    server.close()
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(NobodyAnswers):
        ask(tmp_path / "x.sock", {})


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"{", "the message is cut off"),
        (b"[]\n", "the message is not a JSON object"),
        (b"nonsense\n", "Expecting value"),
        (b"x" * (1 << 20), "the message is too long"),
    ],
)
def test_nonsense_is_refused_and_the_next_caller_served(
    line: Path, sent: bytes, sentence: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(line))
        caller.sendall(sent)
        caller.shutdown(socket.SHUT_WR)
        assert sentence in caller.makefile().readline()
    assert ask(line, {"op": "echo", "text": "x"}) == {"said": "x"}


def dribble(caller: socket.socket) -> None:
    for _ in range(1000):
        caller.sendall(b" ")
        time.sleep(0.02)


def test_who_sends_byte_by_byte_is_not_listened_to_for_ever(
    line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "_PATIENCE_S", 0.2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(line))
        with pytest.raises(BrokenPipeError):
            dribble(caller)


def test_a_caller_that_goes_away_disturbs_nobody(line: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(line))
    assert ask(line, {"op": "echo", "text": "x"}) == {"said": "x"}


@pytest.fixture
def folder_line(tmp_path: Path) -> Iterator[Path]:
    def give(request: Mapping[str, Any]) -> Handing:
        return Handing({"name": request["name"]}, os.open(tmp_path, os.O_PATH))

    path = tmp_path / "run" / "devices.sock"
    server = Server(path, {"give": give, "tell": lambda _: {}})
    server.start()
    yield path
    server.close()


def test_an_answer_may_hand_over_a_descriptor(folder_line: Path, tmp_path: Path) -> None:
    answer, fd = ask_for_descriptor(folder_line, {"op": "give", "name": "x" * 100_000})
    assert answer == {"name": "x" * 100_000}
    assert not os.get_inheritable(fd)
    assert Path(f"/proc/self/fd/{fd}").samefile(tmp_path)
    os.close(fd)


def test_who_did_not_ask_for_a_descriptor_keeps_none(folder_line: Path, tmp_path: Path) -> None:
    assert ask(folder_line, {"op": "give", "name": ""}) == {"name": ""}
    until_s = time.monotonic() + 5
    while any(
        Path(fd).exists() and fd.samefile(tmp_path) for fd in Path("/proc/self/fd").iterdir()
    ):
        assert time.monotonic() < until_s  # the answering thread closes its own


def test_a_descriptor_whose_answer_is_cut_off_is_closed(tmp_path: Path) -> None:
    def half(listening: socket.socket) -> None:
        line, _ = listening.accept()
        fd = os.open(tmp_path, os.O_PATH)
        socket.send_fds(line, [b"{"], [fd])
        os.close(fd)
        line.close()

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen(1)
        Thread(target=half, args=(listening,)).start()
        with pytest.raises(NobodyAnswers):
            ask_for_descriptor(tmp_path / "s", {"op": "give"})
    assert not any(fd.exists() and fd.samefile(tmp_path) for fd in Path("/proc/self/fd").iterdir())


def test_an_answer_without_its_descriptor_is_none(folder_line: Path) -> None:
    with pytest.raises(NobodyAnswers, match="lacks what was asked for"):
        ask_for_descriptor(folder_line, {"op": "tell"})


@pytest.mark.parametrize(("users", "says"), [({os.geteuid()}, "yes"), ({4711}, "")])
def test_only_the_users_it_is_meant_for_are_answered(
    tmp_path: Path, users: set[int], says: str
) -> None:
    server = Server(tmp_path / "s", {"may": lambda _: {"says": "yes"}}, callers=users)
    server.start()
    try:
        if says:
            assert ask(tmp_path / "s", {"op": "may"}) == {"says": says}
        else:
            with pytest.raises(Declined, match="this user has no business here"):
                ask(tmp_path / "s", {"op": "may"})
    finally:
        server.close()


# --- one caller at a time


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    """Answers by handing over, and by refusing."""
    counter = Counter(listen(tmp_path / "convert.sock"), {"give": given, "refuse": refuse})
    yield counter
    counter.close()


def given(_: Mapping[str, Any]) -> Handing:
    fd = os.memfd_create("it")
    os.write(fd, b"picture")
    return Handing({"columns": 3}, fd)


def test_a_counter_answers_who_has_waited_longest(counter: Counter, tmp_path: Path) -> None:
    assert not counter.answer()
    said: list[object] = []

    def call_it(request: Mapping[str, object]) -> None:
        try:
            answer, fd = ask_for_descriptor(tmp_path / "convert.sock", request)
            said.append((answer, os.pread(fd, 100, 0)))
            os.close(fd)
        except Declined as declined:
            said.append(declined.code)

    for op in ("give", "refuse", "sing"):
        thread = Thread(target=call_it, args=({"op": op, "least": 8},))
        thread.start()
        assert select.select([counter], [], [], 5)[0]
        assert counter.answer()
        thread.join()
    assert said == [({"columns": 3}, b"picture"), "weak-password", "refused"]


def test_a_counter_does_no_work_for_who_went_away(tmp_path: Path) -> None:
    worked: list[object] = []
    counter = Counter(listen(tmp_path / "x.sock"), {"give": worked.append})  # type: ignore[dict-item]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(tmp_path / "x.sock"))
        caller.sendall(b'{"op": "give"}\n')
    assert counter.answer()
    assert not worked
    counter.close()


def test_a_counter_does_not_wait_for_who_says_nothing(
    counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "_SHORT_PATIENCE_S", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(tmp_path / "convert.sock"))
        assert counter.answer()
        assert not counter.answer()


# --- Reception: several at once, let in one by one


def ask_in_thread(path: Path, request: Mapping[str, Any], said: list[Any]) -> Thread:
    thread = Thread(target=lambda: said.append(ask(path, request)))
    thread.start()
    return thread


def test_a_reception_answers_whom_it_lets_in(tmp_path: Path) -> None:
    together = Barrier(2, timeout=5)
    door = listen(tmp_path / "steward.sock")
    reception = Reception(door, {"meet": lambda _: {"place": together.wait()}})
    assert not reception.turn()
    said: list[Any] = []
    callers = [ask_in_thread(tmp_path / "steward.sock", {"op": "meet"}, said) for _ in range(2)]
    for _ in callers:
        select.select([reception], [], [], 5)
        assert reception.turn()
    for caller in callers:
        caller.join(5)
    assert sorted(answer["place"] for answer in said) == [0, 1]
    door.close()


def test_a_reception_knows_that_it_is_busy(tmp_path: Path) -> None:
    together = Barrier(2, timeout=5)
    door = listen(tmp_path / "steward.sock")
    reception = Reception(door, {"meet": lambda _: {"place": together.wait()}})
    caller = ask_in_thread(tmp_path / "steward.sock", {"op": "meet"}, [])
    select.select([reception], [], [], 5)
    assert reception.turn()
    assert reception.is_busy
    together.wait()
    caller.join(5)
    door.close()
