from __future__ import annotations

import io

import pytest

from appliance.box import sealed
from appliance.box.sealed import Opener, Sealer, made_up, new_key, tidy
from appliance.errors import NoSealing, ParcelDamaged, WeakPassphrase, WrongPassphrase
from tests.builders.spares import PASSPHRASE, quick_key

CHUNK = 1 << 20
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK)


def seal(content: bytes, piece: int = 300_007) -> bytes:
    out = io.BytesIO()
    sealer = Sealer(quick_key(), out.write)
    for at in range(0, len(content), piece):
        sealer.write(content[at : at + piece])
    sealer.finish()
    return out.getvalue()


def opened(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    opener = Opener(io.BytesIO(content), passphrase)
    found = opener.read()
    opener.finish()
    assert found is not None
    return found


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_comes_out_as_it_was(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    hidden = seal(content)
    assert opened(hidden) == content
    assert size < 100 or content[:100] not in hidden


def test_the_same_is_never_sealed_twice_alike() -> None:
    assert seal(b"film") != seal(b"film")


def test_spaces_and_dashes_do_not_matter() -> None:
    assert opened(seal(b"film"), " ACDEF GHJKLMNPQR ") == b"film"
    assert tidy("A-B c\n") == "ABc"


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(WrongPassphrase):
        opened(seal(b"film"), "ACDEF-GHJKL-MNPQX")


@pytest.mark.parametrize("at", [60, 64 + CHUNK, 64 + 2 * CHUNK, -1])
def test_a_changed_bit_is_noticed_before_anything_after_it_comes_out(at: int) -> None:
    content = bytearray(seal(bytes(3 * CHUNK)))
    content[at] ^= 1
    with pytest.raises((ParcelDamaged, WrongPassphrase)):
        opened(bytes(content))


@pytest.mark.parametrize("keep", [0, 10, 50, 64 + 17 + CHUNK, -1])
def test_what_is_cut_off_is_noticed(keep: int) -> None:
    with pytest.raises((ParcelDamaged, WrongPassphrase)):
        opened(seal(bytes(2 * CHUNK))[:keep])


def test_what_is_added_doubled_or_exchanged_is_noticed() -> None:
    head, whole = 40 + 24, CHUNK + 17
    content = seal(bytes(3 * CHUNK))
    first, second = content[head : head + whole], content[head + whole : head + 2 * whole]
    rest = content[head + 2 * whole :]
    for wrong in (
        content + b"x",
        content[:head] + first + first + rest,
        content[:head] + second + first + rest,
        content[:head] + second + rest,
    ):
        with pytest.raises((ParcelDamaged, WrongPassphrase)):
            opened(wrong)


def test_a_head_that_asks_for_too_much_memory_is_refused_unread() -> None:
    content = bytearray(seal(b"film"))
    content[36:40] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(ParcelDamaged, match="not of a kind"):
        opened(bytes(content))


def test_a_key_of_a_weak_passphrase_is_not_made() -> None:
    with pytest.raises(WeakPassphrase, match="12 characters"):
        new_key("a-b-c-d-e-f-g")


def test_made_up_ones_are_strong_and_never_the_same() -> None:
    some = {made_up() for _ in range(20)}
    assert len(some) == 20
    assert all(len(tidy(each)) == 20 for each in some)


def test_where_there_is_no_libsodium_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_LIBRARY", "libsodium.so.nowhere")
    sealed._sodium.cache_clear()  # noqa: SLF001 - it was found before
    with pytest.raises(NoSealing, match="nowhere"):
        new_key("five words make one pass")
    sealed._sodium.cache_clear()  # noqa: SLF001 - as above


def test_a_real_key_opens_what_it_sealed() -> None:
    out = io.BytesIO()
    sealer = Sealer(new_key("five words make one pass"), out.write)
    sealer.write(b"film")
    sealer.finish()
    assert opened(out.getvalue(), "fivewordsmakeonepass") == b"film"
