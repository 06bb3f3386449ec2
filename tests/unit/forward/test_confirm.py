"""How a destination is asked for a proof, and what follows from what it says."""

from __future__ import annotations

import pytest

from appliance.forward.confirm import (
    ASK_AFTER_S,
    DENIED_AFTER_S,
    REPORT_WITHIN_S,
    Asked,
    Step,
    after_denial,
    after_report,
    meaning,
    next_question_s,
)
from appliance.journal.abilities import Asking, Known, Way
from appliance.settings.schema import Confirm

NOTHING = Known()
TRYING = Known({Way.COMMITMENT: None})
TRIED = Known(tried=frozenset({Way.COMMITMENT}))
COMMITS = Known({Way.COMMITMENT: True, Way.FIND: False})
FINDS = Known({Way.COMMITMENT: False, Way.FIND: True})
FINDS_PERHAPS = Known({Way.COMMITMENT: False})
NEITHER = Known({Way.COMMITMENT: False, Way.FIND: False})


@pytest.mark.parametrize(
    ("known", "how"),
    [
        (NOTHING, Asking.TRIAL),
        (TRYING, Asking.TRIAL),
        (TRIED, Asking.FIND),
        (COMMITS, Asking.COMMITMENT),
        (FINDS, Asking.FIND),
        (FINDS_PERHAPS, Asking.FIND),
        (NEITHER, Asking.RESPONSE),
    ],
)
def test_auto_takes_the_best_that_is_known_to_work(known: Known, how: Asking) -> None:
    assert known.asking(Confirm.AUTO) is how


@pytest.mark.parametrize("known", [NOTHING, TRIED, COMMITS, NEITHER])
@pytest.mark.parametrize("mode", [Confirm.COMMITMENT, Confirm.FIND, Confirm.RESPONSE])
def test_what_the_settings_insist_on_is_done(mode: Confirm, known: Known) -> None:
    assert known.asking(mode).value == mode.value


@pytest.mark.parametrize(
    ("failure", "insisted", "auto"),
    [
        (0x0000, Step.CONFIRM, Step.CONFIRM),
        (0x0110, Step.ASK_LATER, Step.FIND),
        (0x0112, Step.DENIED, Step.DENIED),
        (0x0119, Step.HOLD, Step.HOLD),
        (0x0122, Step.HOLD, Step.FIND),
        (0x0131, Step.ASK_LATER, Step.FIND),
        (0x0213, Step.ASK_LATER, Step.FIND),
        (0xABCD, Step.ASK_LATER, Step.FIND),
    ],
    ids=lambda value: f"{value:04X}" if isinstance(value, int) else value.value,
)
def test_every_failure_reason(failure: int, insisted: Step, auto: Step) -> None:
    assert after_report(failure, Confirm.COMMITMENT) is insisted
    assert after_report(failure, Confirm.AUTO) is auto


def test_a_reason_is_said_in_words_and_as_it_came() -> None:
    assert meaning(0x0112) == "it does not have it (failure reason 0112)"
    assert meaning(0x1234) == "for a reason unknown to DICOM (failure reason 1234)"


@pytest.mark.parametrize("patience_s", [ASK_AFTER_S, DENIED_AFTER_S])
def test_a_denial_is_asked_about_then_sent_again_twice_then_held(
    patience_s: tuple[float, ...],
) -> None:
    most = len(patience_s)
    assert after_denial(Asked(most - 1, 0), patience_s) is Step.ASK_LATER
    assert [after_denial(Asked(most, n), patience_s) for n in range(4)] == [
        Step.RESEND, Step.RESEND, Step.HOLD, Step.HOLD,
    ]  # fmt: skip


def test_questions_come_more_and_more_seldom_and_at_least_daily() -> None:
    for patience_s in (ASK_AFTER_S, DENIED_AFTER_S, REPORT_WITHIN_S):
        waits = [next_question_s(times, patience_s) for times in range(20)]
        assert waits == sorted(waits)
        assert waits[-1] < 24 * 3600
