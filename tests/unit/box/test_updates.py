"""The way of an update from its first byte to the restart."""

from __future__ import annotations

import os
from threading import Event
from typing import TYPE_CHECKING

import pytest

from appliance.board.mount import Mounted
from appliance.box import record
from appliance.box.board import Slot
from appliance.box.record import Record, Stage, Started, after_start
from appliance.box.update_stick import UpdateSticks
from appliance.errors import AlreadyUpdating, CannotFetch, StillOnTrial
from tests.builders.updating import BUILD, Bench
from tests.fakes.rauc import FakeRauc, bundle
from tests.fakes.sticks import FakeSticks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_was_uploaded_is_installed_and_started(bench: Bench) -> None:
    good = bundle("0.5.0+schema.5")
    bench.install(good)
    assert bench.rauc.installed_bytes == [good]
    assert bench.restarted.is_set()
    last = bench.last
    assert (last["stage"], last["version"], last["before"], last["slot"]) == (
        "installed", "0.5.0", "0.4.0", "B",
    )  # fmt: skip
    assert list((bench.root / "box" / "incoming").iterdir()) == []


def test_who_wants_no_restart_gets_none(bench: Bench) -> None:
    bench.install(bundle(), restart=False)
    assert bench.last["stage"] == "installed"
    assert not bench.restarted.is_set()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bundle(signed=False), "bundle-untrusted"),
        (bundle(compatible="jembatan-amd64"), "bundle-for-other"),
        (bundle("0.3.0+schema.3"), "bundle-too-old"),
        (bundle("0.3.0"), "not-a-bundle"),
        (b"no bundle at all", "not-a-bundle"),
    ],
)
def test_what_does_not_fit_is_refused_and_told(bench: Bench, content: bytes, code: str) -> None:
    bench.install(content)
    last = bench.last
    assert (last["stage"], last["problem"]["code"], last["name"]) == ("refused", code, "u.raucb")
    assert bench.rauc.installed_bytes == []
    assert not bench.restarted.is_set()


def test_what_rauc_fails_at_is_told_and_can_be_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FakeRauc(fails="failed to write slot"))
    bench.install(bundle("0.5.0+schema.4"))
    last = bench.last
    assert (last["stage"], last["problem"]["code"]) == ("refused", "install-failed")
    assert last["version"] == "0.5.0"
    bench.install(bundle(), restart=False)
    assert bench.last["stage"] == "refused"


def test_only_a_card_is_updated(tmp_path: Path) -> None:
    bench = Bench(tmp_path, slot=None)
    bench.install(bundle())
    assert bench.last["problem"]["code"] == "no-slots"
    assert bench.updates.status()["other"] is None


def test_one_at_a_time(tmp_path: Path) -> None:
    goes_on = Event()
    bench = Bench(tmp_path, FakeRauc(waits=goes_on))
    bench.upload(bundle())
    bench.ask("update-install", name="first.raucb")
    for op, request in (
        ("update-chunk", {"at": 0, "total": 5}),
        ("update-install", {}),
        ("update-fetch", {"address": "https://example.org/x.raucb"}),
    ):
        with pytest.raises(AlreadyUpdating):
            bench.ask(op, **request)
    assert bench.engaged
    goes_on.set()
    bench.wait()
    assert len(bench.rauc.installed_bytes) == 1


def test_the_status_tells_how_far_it_is(tmp_path: Path) -> None:
    goes_on = Event()
    bench = Bench(tmp_path, FakeRauc(waits=goes_on))
    bench.upload(bundle("0.5.0+schema.4"))
    assert bench.updates.status()["upload"]["received_bytes"] > 0
    bench.ask("update-install", name="u.raucb")
    while (doing := bench.updates.status()["doing"]) is None or doing["percent"] is None:
        pass
    assert doing == {"what": "installing", "name": "u.raucb", "percent": 50, "version": "0.5.0"}
    goes_on.set()
    bench.wait()
    status = bench.updates.status()
    assert (status["version"], status["slot"], status["on_trial"]) == ("0.4.0", "A", False)
    assert status["other"] == {"slot": "B", "version": "0.3.0", "is_good": True}


@pytest.mark.parametrize("address", ["http://a.org/x", "file:///etc/passwd", "https://", "x"])
def test_only_https_is_fetched(bench: Bench, address: str) -> None:
    with pytest.raises(CannotFetch, match="begins with https"):
        bench.ask("update-fetch", address=address)


# --- By stick


@pytest.fixture
def usb() -> FakeSticks:
    return FakeSticks()


def sticks(bench: Bench, usb: FakeSticks, start: str = "first") -> UpdateSticks:
    return UpdateSticks(usb, bench.updates, bench.root / "box", start)


def after(installed: Record, slot: Slot) -> Record:
    """What health makes of a record once the box has started again."""
    return after_start(installed, Started(slot, "0.4.0", installed.at, "second"))


def stick(root: Path, *names: str, content: bytes | None = None) -> Path:
    folder = root / "stick"
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(bundle() if content is None else content)
    return folder


def test_a_stick_with_an_update_is_taken_once(bench: Bench, usb: FakeSticks) -> None:
    usb.plug(stick(bench.root, "u.raucb", "readme.txt", "._u.raucb"), "JEMBATAN-UPDATE")
    looking = sticks(bench, usb)
    looking.look()
    bench.wait()
    assert bench.last["stage"] == "installed"
    looking.look()
    sticks(bench, usb).look()
    bench.wait()
    assert len(bench.rauc.installed_bytes) == 1


def test_of_two_sticks_each_is_looked_at_once(
    bench: Bench, usb: FakeSticks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(2):
        usb.plug(stick(bench.root, "u.raucb"), "JEMBATAN-UPDATE")
    for _ in range(3):
        sticks(bench, usb).look()
        bench.wait()
    assert len([each for each in caplog.messages if "brings an update" in each]) == 2


def test_a_stick_that_stays_in_does_not_install_what_fell_back_again(
    bench: Bench, usb: FakeSticks
) -> None:
    usb.plug(stick(bench.root, "u.raucb"), "Jembatan-Up")
    sticks(bench, usb).look()
    bench.wait()
    installed = record.read(bench.root / "box")
    assert installed
    fell_back = after(installed, Slot.A)
    assert fell_back.stage is Stage.FELL_BACK
    record.write(bench.root / "box", fell_back)
    sticks(bench, usb, "second").look()
    bench.wait()
    assert record.read(bench.root / "box") == fell_back
    assert bench.of_the_stick == "bundle-fell-back"
    assert len(bench.rauc.installed_bytes) == 1
    bench.install(bundle())  # who asks for it gets it
    assert len(bench.rauc.installed_bytes) == 2


def test_a_stick_that_stays_in_does_not_lead_from_restart_to_restart(
    bench: Bench, usb: FakeSticks
) -> None:
    usb.plug(stick(bench.root, "u.raucb"), "JEMBATAN-UPDATE")
    sticks(bench, usb).look()
    bench.wait()
    installed = record.read(bench.root / "box")
    assert installed
    good = after(installed, Slot.B)
    record.write(bench.root / "box", good)
    sticks(bench, usb, "second").look()
    bench.wait()
    assert record.read(bench.root / "box") == good
    assert bench.of_the_stick == "already-installed"
    assert len(bench.rauc.installed_bytes) == 1


def test_a_stick_does_not_take_a_box_back_but_a_person_may(bench: Bench, usb: FakeSticks) -> None:
    older = bundle("0.3.9+schema.4", build=BUILD - 1)
    usb.plug(stick(bench.root, "u.raucb", content=older), "JEMBATAN-UPDATE")
    sticks(bench, usb).look()
    bench.wait()
    assert bench.of_the_stick == "bundle-older"
    assert bench.updates.status()["last"] is None
    assert bench.rauc.installed_bytes == []
    bench.install(older)
    assert bench.rauc.installed_bytes == [older]


def test_a_stick_with_what_runs_already_is_taken(bench: Bench, usb: FakeSticks) -> None:
    same = bundle("0.4.0+schema.4", build=BUILD)
    usb.plug(stick(bench.root, "u.raucb", content=same), "JEMBATAN-UPDATE")
    sticks(bench, usb).look()
    bench.wait()
    assert bench.rauc.installed_bytes == [same]


def test_other_sticks_are_left_alone(bench: Bench, usb: FakeSticks) -> None:
    usb.plug(stick(bench.root, "u.raucb"), "EXPORT")
    sticks(bench, usb).look()
    assert bench.updates.status()["last"] is None
    usb.is_there = False
    sticks(bench, usb).look()


@pytest.mark.parametrize("names", [(), ("a.raucb", "b.raucb")])
def test_a_stick_has_one_update(bench: Bench, usb: FakeSticks, names: tuple[str, ...]) -> None:
    usb.plug(stick(bench.root, *names), "JEMBATAN-UPDATE")
    sticks(bench, usb).look()
    bench.wait()
    last = bench.last
    assert last["problem"]["code"] == "not-a-bundle"
    assert f"{len(names)} files" in last["problem"]["sentence"]


def test_a_stick_that_cannot_be_mounted_is_let_be(bench: Bench, usb: FakeSticks) -> None:
    plugged = usb.plug(stick(bench.root, "u.raucb"), "JEMBATAN-UPDATE")
    usb.unreadable = "its file system is damaged"
    sticks(bench, usb).look()
    bench.wait()
    assert bench.updates.status()["last"] is None
    assert bench.of_the_stick == "cannot-mount"
    usb.unreadable = ""
    usb.pull(plugged)
    usb.plug(stick(bench.root, "u.raucb"), "JEMBATAN-UPDATE")
    sticks(bench, usb).look()
    bench.wait()
    assert bench.of_the_stick is None


def test_a_link_on_a_stick_is_not_followed(bench: Bench, usb: FakeSticks) -> None:
    folder = stick(bench.root)
    (folder / "u.raucb").symlink_to("/etc/passwd")
    usb.plug(folder, "JEMBATAN-UPDATE")
    sticks(bench, usb).look()
    bench.wait()
    assert bench.last["problem"]["code"] == "bundle-cut-off"


def test_a_stick_that_comes_in_the_midst_of_another_update_waits_in_vain(
    tmp_path: Path, usb: FakeSticks
) -> None:
    goes_on = Event()
    bench = Bench(tmp_path, FakeRauc(waits=goes_on))
    bench.upload(bundle())
    bench.ask("update-install", name="first.raucb")
    mounted: list[str] = []

    def mount() -> Mounted:
        mounted.append("it was")
        return Mounted(os.open(tmp_path, os.O_PATH))

    bench.updates.take_from_stick(mount, "JEMBATAN-UPDATE")
    goes_on.set()
    bench.wait()
    assert bench.last["name"] == "first.raucb"
    assert bench.of_the_stick == "already-updating"
    assert not mounted


def test_a_stick_that_stays_in_does_not_undo_a_later_update(bench: Bench, usb: FakeSticks) -> None:
    usb.plug(stick(bench.root, "u.raucb"), "JEMBATAN-UPDATE")
    sticks(bench, usb).look()
    bench.wait()
    bench.install(newer := bundle("9.9.10+schema.99"))
    sticks(bench, usb, "second").look()
    bench.wait()
    assert bench.rauc.installed_bytes == [bundle(), newer]
    assert bench.last["version"] == "9.9.10"


def test_nothing_is_installed_while_what_runs_is_on_trial(bench: Bench, usb: FakeSticks) -> None:
    bench.left[Slot.A] = 2
    assert bench.updates.status()["on_trial"]
    with pytest.raises(StillOnTrial, match=r"0\.4\.0, which runs here"):
        bench.upload(bundle())
    with pytest.raises(StillOnTrial):
        bench.ask("update-fetch", address="https://127.0.0.1/u.raucb")
    assert bench.updates.status()["last"] is None
    usb.plug(stick(bench.root, "u.raucb"), "JEMBATAN-UPDATE")
    looking = sticks(bench, usb)
    looking.look()
    assert not bench.updates.status()["doing"]
    bench.left[Slot.A] = 9  # it was found good, and health rang
    looking.look()
    bench.wait()
    assert bench.rauc.installed_bytes == [bundle()]
