from __future__ import annotations

import pytest

from appliance.box import recovery_key
from appliance.errors import MistypedKey

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def refusal(text: str) -> str:
    with pytest.raises(MistypedKey) as caught:
        recovery_key.read(text)
    return caught.value.sentence


def test_a_key_is_five_groups_of_six() -> None:
    key = recovery_key.make()
    assert [len(group) for group in key.split("-")] == [6] * 5
    assert set(key) <= {*LETTERS, "-"}
    assert recovery_key.read(key) == key


def test_no_two_keys_are_the_same() -> None:
    assert len({recovery_key.make() for _ in range(100)}) == 100


def test_a_key_is_read_as_people_type_it() -> None:
    key = recovery_key.make()
    typed = key.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert recovery_key.read(f"  {typed}\n") == key
    assert recovery_key.read(key.replace("1", "I").replace("-", "")) == key


@pytest.mark.parametrize("place", range(30))
def test_any_one_wrong_letter_is_noticed_where_it_stands(place: int) -> None:
    letters = recovery_key.make().replace("-", "")
    for other in LETTERS.replace(letters[place], ""):
        wrong = letters[:place] + other + letters[place + 1 :]
        assert refusal(wrong) == f"Group {place // 6 + 1} of the recovery key is mistyped."


def test_letters_that_changed_places_are_noticed() -> None:
    letters = recovery_key.make().replace("-", "")
    for at in range(29):
        swapped = letters[:at] + letters[at + 1] + letters[at] + letters[at + 2 :]
        if swapped != letters and at % 6 != 5:
            assert "mistyped" in refusal(swapped)


def test_groups_that_changed_places_are_noticed() -> None:
    first, second, *rest = recovery_key.make().split("-")
    assert "Group 1" in refusal("-".join((second, first, *rest)))


def test_what_is_no_key_is_told_from_one() -> None:
    assert refusal("ABC") == "A recovery key has 30 letters and digits, these are 3."
    assert refusal("U" * 29 + "!") == "A recovery key has no ! or U."
