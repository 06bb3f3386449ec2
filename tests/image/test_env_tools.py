"""What RAUC calls to read and write U-Boot's memory: two files, one of them always whole."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from appliance.box.board import Slot
from appliance.box.bootenv import SIZE, compose, parse
from appliance.box.slots import is_on_trial

TOOLS = Path("image-build/overlay/usr/lib/jembatan/bin").absolute()
ONE = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "8", "BOOT_B_LEFT": "3"}
TWO = {**ONE, "BOOT_A_LEFT": "9"}


class Boot:
    """A boot partition, as a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.unwell = place / "unwell"
        self.restarted = place / "restarted"
        self.result = ""
        self.cmdline = place / "cmdline"
        self.cmdline.write_text("root=x ro rauc.slot=A quiet\n")

    def call(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "TMPDIR": str(self.place),
            "JEMBATAN_BOOT": str(self.place),
            "JEMBATAN_BOOT_LOCK": str(self.place / "lock"),
            "JEMBATAN_CMDLINE": str(self.cmdline),
            "JEMBATAN_UNWELL": str(self.unwell),
            "JEMBATAN_RESTART": f"touch {self.restarted}",
            "SERVICE_RESULT": self.result,
        }
        command = [str(TOOLS / words[0]), *words[1:]]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=check
        )

    def write(self, name: str, content: bytes) -> None:
        (self.place / name).write_bytes(content)

    def left(self, name: str = "slots.env") -> int:
        found = parse((self.place / name).read_bytes())
        assert found is not None
        return found.left[found.order[0]]


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    return Boot(tmp_path)


def test_a_write_keeps_what_was_before(boot: Boot) -> None:
    boot.write("slots.env", compose(ONE))
    boot.call("fw_setenv", "BOOT_A_LEFT", "9")
    assert (boot.left(), boot.left("slots.bak")) == (9, 8)
    assert boot.call("fw_printenv", "BOOT_A_LEFT").stdout == "BOOT_A_LEFT=9\n"
    assert boot.call("fw_printenv", "-n", "BOOT_ORDER").stdout == "A B\n"
    assert not list(boot.place.glob("jembatan-env.*"))


def test_nothing_new_is_not_written(boot: Boot) -> None:
    boot.write("slots.env", compose(ONE))
    boot.call("fw_setenv", "BOOT_A_LEFT", "8")
    assert not (boot.place / "slots.bak").exists()


def test_a_torn_file_counts_by_its_copy_and_never_becomes_the_copy(boot: Boot) -> None:
    boot.write("slots.env", compose(TWO)[:-1] + b"x")
    boot.write("slots.bak", compose(ONE))
    assert boot.call("fw_printenv", "BOOT_A_LEFT").stdout == "BOOT_A_LEFT=8\n"
    boot.call("fw_setenv", "BOOT_A_LEFT", "7")
    assert (boot.left(), boot.left("slots.bak")) == (7, 8)


def test_where_nothing_is_whole_reading_fails_and_writing_begins_anew(boot: Boot) -> None:
    refused = boot.call("fw_printenv", "BOOT_ORDER", check=False)
    assert refused.returncode == 1
    assert "whole" in refused.stderr
    boot.write("slots.env", bytes(SIZE))
    boot.call("fw_setenv", "BOOT_ORDER", "A")
    found = parse((boot.place / "slots.env").read_bytes())
    assert found is not None
    assert found.order == ("A",)


@pytest.mark.parametrize(("left", "after"), [("8", 9), ("3", 9), ("2", 3), ("0", 1)])
def test_a_clean_shutdown_gives_the_attempt_back(boot: Boot, left: str, after: int) -> None:
    boot.write("slots.env", compose({**ONE, "BOOT_A_LEFT": left}))
    boot.call("slot", "give-back")
    assert boot.left() == after


def test_what_was_found_unwell_gets_nothing_back(boot: Boot) -> None:
    boot.write("slots.env", compose({**ONE, "BOOT_A_LEFT": "2"}))
    boot.unwell.touch()
    boot.call("slot", "give-back")
    assert boot.left() == 2


@pytest.mark.parametrize("result", ["exit-code", "signal", "timeout", "oom-kill"])
def test_what_fails_on_trial_goes_back_and_stays_out(boot: Boot, result: str) -> None:
    boot.write("slots.env", compose({**ONE, "BOOT_A_LEFT": "2", "BOOT_B_LEFT": "9"}))
    boot.result = result
    boot.call("slot", "go-back")
    found = parse((boot.place / "slots.env").read_bytes())
    assert found is not None
    assert (found.order, found.left) == ((Slot.B,), {Slot.A: 0, Slot.B: 9})
    assert boot.unwell.exists()
    assert boot.restarted.exists()


@pytest.mark.parametrize(
    ("result", "left_a"),
    [("success", "2"), ("exec-condition", "2"), ("exit-code", "8"), ("exit-code", "3")],
)
def test_what_does_not_fail_or_is_not_on_trial_stays(boot: Boot, result: str, left_a: str) -> None:
    boot.write("slots.env", compose({**ONE, "BOOT_A_LEFT": left_a, "BOOT_B_LEFT": "9"}))
    boot.result = result
    boot.call("slot", "go-back")
    assert not boot.restarted.exists()
    assert not boot.unwell.exists()
    assert boot.left() == int(left_a)


@pytest.mark.parametrize(
    ("order", "left_a", "left_b"),
    [("A B", 2, 9), ("A B", 0, 8), ("A B", 3, 9), ("A B", 8, 9), ("A B", 2, 3), ("A", 2, 9)],
)
def test_a_trial_is_what_the_product_takes_for_one(
    boot: Boot, order: str, left_a: int, left_b: int
) -> None:
    said = {"BOOT_ORDER": order, "BOOT_A_LEFT": str(left_a), "BOOT_B_LEFT": str(left_b)}
    boot.write("slots.env", compose(said))
    env = parse(compose(said))
    found = boot.call("slot", "on-trial", check=False).returncode == 0
    assert found is is_on_trial(env, Slot.A)


def test_what_was_not_started_from_a_slot_is_never_on_trial(boot: Boot) -> None:
    boot.write("slots.env", compose(ONE))
    boot.cmdline.write_text("root=x quiet\n")
    assert boot.call("slot", "on-trial", check=False).returncode == 1
