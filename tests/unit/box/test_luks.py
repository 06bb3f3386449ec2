from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from appliance.box import recovery_key
from appliance.box.luks import Cipher, Luks, State, board_key, node, refusal
from appliance.box.tool import attempt
from appliance.errors import DataDamaged, OtherBoard, ToolFailed, WrongRecoveryKey

SALT = bytes(range(32))
HERE, ELSEWHERE = "10000000deadbeef", "10000000deadbeee"
# What this machine's kernel may lack is done by OpenSSL for this one; few rounds, to be quick.
QUICK = Cipher("aes-xts-plain64", 512, 512, rounds=1000)


@pytest.fixture
def made(tmp_path: Path) -> tuple[Luks, str]:
    luks, key = Luks(blank(tmp_path / "p7"), QUICK), recovery_key.make()
    luks.format(HERE, SALT, key)
    return luks, key


def blank(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(32 << 20)
    return path


def opens(luks: Luks, key: bytes, slot: int) -> bool:
    words = ["cryptsetup", "open", "--test-passphrase", f"--key-slot={slot}", "--key-file=-"]
    done = subprocess.run([*words, luks.device], input=key, capture_output=True, check=False)
    return done.returncode == 0


def test_two_keys_open_it_and_no_other(made: tuple[Luks, str]) -> None:
    luks, key = made
    assert opens(luks, board_key(HERE, SALT), 0)
    assert opens(luks, key.encode(), 1)
    assert not opens(luks, board_key(ELSEWHERE, SALT), 0)
    assert not opens(luks, board_key(HERE, SALT[::-1]), 0)
    assert not opens(luks, key.encode(), 0)
    luks.must_open_with(key)
    with pytest.raises(WrongRecoveryKey):
        luks.must_open_with(recovery_key.make())


def test_what_was_never_finished_says_so(tmp_path: Path, made: tuple[Luks, str]) -> None:
    luks, _ = made
    header = luks.header()
    assert header
    assert header.state is None
    assert Luks(blank(tmp_path / "empty")).header() is None


@pytest.mark.parametrize("state", State)
def test_a_mark_is_written_over_the_one_before(made: tuple[Luks, str], state: State) -> None:
    luks, _ = made
    luks.mark(State.FINISHED, SALT)
    luks.mark(state, SALT)
    header = luks.header()
    assert header
    assert (header.state, header.salt) == (state, SALT)
    assert len(header.uuid) == 36


def test_a_mark_of_a_later_version_is_not_taken_for_none(made: tuple[Luks, str]) -> None:
    luks, _ = made
    token = '{"type": "jembatan", "keyslots": [], "state": "paused", "salt": "00"}'
    words = ("cryptsetup", "token", "import", "--token-id=0", str(luks.device))
    subprocess.run(words, input=token, text=True, check=True)
    with pytest.raises(DataDamaged, match="its mark is none that this version knows"):
        luks.header()


def test_the_header_survives_the_loss_of_either_copy(made: tuple[Luks, str]) -> None:
    luks, _ = made
    luks.mark(State.FINISHED, SALT)
    for at in (0, 0x4000):
        with luks.device.open("r+b") as file:
            file.seek(at)
            file.write(bytes(0x1000))
        header = luks.header()
        assert header
        assert header.state is State.FINISHED
        assert opens(luks, board_key(HERE, SALT), 0)  # whoever opens it mends the lost copy


def test_without_both_copies_there_is_none(made: tuple[Luks, str]) -> None:
    luks, _ = made
    with luks.device.open("r+b") as file:
        file.write(bytes(0x8000))
    assert luks.header() is None


def test_what_cannot_be_read_is_not_taken_for_empty(tmp_path: Path) -> None:
    with pytest.raises(DataDamaged, match=r"cannot be read \(Is a directory\)"):
        Luks(tmp_path).header()


def test_another_board_gets_in_with_the_recovery_key_and_the_first_one_is_out(
    made: tuple[Luks, str],
) -> None:
    luks, key = made
    with pytest.raises(WrongRecoveryKey):
        luks.wrap_for(ELSEWHERE, SALT, recovery_key.make())
    assert opens(luks, board_key(HERE, SALT), 0)
    luks.wrap_for(ELSEWHERE, SALT, key)
    assert opens(luks, board_key(ELSEWHERE, SALT), 0)
    assert not opens(luks, board_key(HERE, SALT), 0)
    assert opens(luks, key.encode(), 1)


def test_a_cut_while_another_board_gets_in_is_made_good(made: tuple[Luks, str]) -> None:
    luks, key = made
    subprocess.run(["cryptsetup", "luksKillSlot", "-q", luks.device, "0"], check=True)
    done = attempt(
        *("cryptsetup", "open", "--test-passphrase", "--key-slot=0", "--key-file=-"),
        str(luks.device),
        given=board_key(HERE, SALT),
    )
    assert isinstance(refusal(done), OtherBoard)  # and so the key is asked for
    luks.wrap_for(ELSEWHERE, SALT, key)
    assert opens(luks, board_key(ELSEWHERE, SALT), 0)


def test_a_new_recovery_key_takes_the_place_of_the_old_one(made: tuple[Luks, str]) -> None:
    luks, old = made
    new = recovery_key.make()
    with pytest.raises(OtherBoard):
        luks.renew_recovery_key(ELSEWHERE, SALT, new)
    luks.renew_recovery_key(HERE, SALT, new)
    luks.must_open_with(new)
    with pytest.raises(WrongRecoveryKey):
        luks.must_open_with(old)


def test_without_its_keys_nothing_opens_it_ever_again(made: tuple[Luks, str]) -> None:
    luks, key = made
    luks.mark(State.ERASE, SALT)
    luks.erase_keys()
    luks.erase_keys()
    assert not opens(luks, board_key(HERE, SALT), 0)
    assert not opens(luks, key.encode(), 1)
    header = luks.header()
    assert header
    assert header.state is State.ERASE


def test_no_key_is_made_of_no_serial() -> None:
    with pytest.raises(ToolFailed):
        board_key("", SALT)


def test_two_made_alike_have_different_master_keys(tmp_path: Path) -> None:
    dumps = []
    for name in "ab":
        luks = Luks(blank(tmp_path / name), QUICK)
        luks.format(HERE, SALT, "K")
        words = ("cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key", "--key-file=-")
        key = board_key(HERE, SALT)
        out = subprocess.run([*words, luks.device], input=key, capture_output=True, check=True)
        dumps.append(out.stdout.split(b"MK dump:")[1])
    assert dumps[0] != dumps[1]


def test_what_is_open_is_found_by_the_kernels_own_node(tmp_path: Path) -> None:
    """Whatever becomes of the one below /dev/mapper."""
    for device, name in (("dm-0", "temporary-cryptsetup-77"), ("dm-1", "jembatan-data")):
        (tmp_path / device / "dm").mkdir(parents=True)
        (tmp_path / device / "dm" / "name").write_text(f"{name}\n")
    assert node("jembatan-data", tmp_path) == Path("/dev/dm-1")
    assert node("another", tmp_path) is None
