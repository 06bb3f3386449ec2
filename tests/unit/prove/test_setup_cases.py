"""How a case of jembatan.txt is judged by what the card says and what is in force."""

from __future__ import annotations

from tests.prove.image_setup import Case, differences

SAID = """\
line 3: "10.1.2" is no IP address; write: address = 10.1.2.3/24
The page: https://10.0.2.15/
"""


def case(**wanted: object) -> Case:
    fields: dict[str, object] = {
        "faults": [3],
        "network": {"hostname": "cr"},
        "says": ["The page"],
    }
    return Case("01-name", {}, **{**fields, **wanted})  # type: ignore[arg-type]


def found(one: Case, said: str = SAID, hostname: str = "cr") -> list[str]:
    return [fault.split(":")[0] for fault in differences(one, said, {"hostname": hostname})]


def test_as_expected() -> None:
    assert found(case()) == []


def test_a_fault_that_is_not_told_and_one_too_many() -> None:
    assert found(case(faults=[3, 4])) == ["faults told of lines [3], expected [3, 4]"]
    assert found(case(faults=[])) == ["faults told of lines [3], expected []"]


def test_what_is_in_force_is_compared() -> None:
    assert len(found(case(), hostname="other")) == 1


def test_what_must_be_said_is_looked_for() -> None:
    assert found(case(says=["169.254"])) == ["the card does not say '169.254'"]


def test_the_whole_file_may_be_at_fault() -> None:
    said = "this file is a Word document: write it again\nThe page: https://10.0.2.15/\n"
    assert found(case(faults=[0]), said) == []
    assert found(case(faults=[0])) == ["faults told of lines [3], expected [0]"]
