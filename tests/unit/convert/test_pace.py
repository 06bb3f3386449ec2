"""Limits of time are longer on a slow machine, and never shorter than they are written."""

from __future__ import annotations

import pytest

from appliance.convert import pace


@pytest.mark.parametrize(
    ("measured_s", "slowness"), [(0.001, 1.0), (0.008, 1.0), (0.02, 2.5), (0.04, 5.0), (1.0, 8.0)]
)
def test_limits_are_in_proportion_to_the_machine(
    monkeypatch: pytest.MonkeyPatch, measured_s: float, slowness: float
) -> None:
    monkeypatch.setattr(pace, "_measured_s", lambda: measured_s)
    assert pace.slowness.__wrapped__() == pytest.approx(slowness)


def test_it_is_measured_once() -> None:
    assert pace.slowness() == pace.slowness()
