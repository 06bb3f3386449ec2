from __future__ import annotations

import inspect
import re
import string
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance import errors
from appliance.errors import BadSettings, Declined, NoIdentity, Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

CODES_OF_THE_CONTRACT = {
    "incomplete", "unreadable", "no-identity", "identity-conflict", "unsupported-format",
    "no-date", "no-route", "uid-conflict", "rejected-by-destination",
}  # fmt: skip


def problems() -> Iterator[type[Problem]]:
    for _, cls in inspect.getmembers(errors, inspect.isclass):
        if issubclass(cls, Problem):
            yield cls


@cache
def words_of_the_product() -> Counter[str]:
    sources = Path(errors.__file__).parents[1].rglob("*.py")
    return Counter(word for each in sources for word in re.findall(r"\w+", each.read_text()))


def facts_of(cls: type[Problem]) -> set[str]:
    sentence = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]
    names = (name for _, name, _, _ in string.Formatter().parse(sentence) if name)
    return {re.split(r"[.\[]", name)[0] for name in names}


def test_a_sentence_is_the_first_paragraph_on_one_line_with_its_facts() -> None:
    class Torn(Problem):
        """The film {name}
        is torn.

        And this is for programmers.
        """

    assert Torn(name="a.tif").sentence == str(Torn(name="a.tif")) == "The film a.tif is torn."


def test_facts_may_say_what_they_like() -> None:
    assert "{evil} %s" in NoIdentity(where="{evil} %s").sentence


def test_the_lines_of_bad_settings_stay_apart() -> None:
    problem = BadSettings(faults="a.toml: box: is wrong\na.toml: port: is wrong too")
    assert problem.sentence.splitlines() == ["a.toml: box: is wrong", "a.toml: port: is wrong too"]


def test_a_problem_of_another_service_speaks_as_it_did_there() -> None:
    problem = Declined(sentence="No {room}.", code="disk-full", hint="Make some.")
    assert (problem.sentence, problem.code, problem.hint) == (
        "No {room}.", "disk-full", "Make some.",
    )  # fmt: skip


def test_a_refusal_says_what_and_why() -> None:
    assert Refused(what="That", why="it is late").sentence == "That was refused: it is late."


@pytest.mark.parametrize("cls", list(problems()), ids=lambda cls: cls.__name__)
class TestEvery:
    def test_sentence_is_one_for_people(self, cls: type[Problem]) -> None:
        facts = dict.fromkeys(facts_of(cls), 7)
        facts.update({"sentence": "x.", "code": "x", "hint": ""} if cls is Declined else {})  # type: ignore[dict-item]
        sentence = cls(**facts).sentence
        assert "\n" not in sentence
        assert sentence[0].isupper() or sentence[0] in "7x"
        assert sentence.endswith((".", "7"))

    def test_code_is_stable_to_the_eye(self, cls: type[Problem]) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z]+)*", cls.code)

    def test_hint_is_a_sentence_or_nothing(self, cls: type[Problem]) -> None:
        assert cls.hint == "" or (cls.hint[0].isupper() and cls.hint.endswith((".", "?")))

    def test_is_raised_somewhere(self, cls: type[Problem]) -> None:
        assert words_of_the_product()[cls.__name__] > 1, "nobody needs it"


def test_the_codes_of_the_contract_are_there() -> None:
    assert {cls.code for cls in problems()} >= CODES_OF_THE_CONTRACT
