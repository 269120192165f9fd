"""The map over length, frequency and units: its summaries against data with a known answer."""

import itertools

import numpy as np
import pandas as pd
import pytest

from rdverify.lstm.study import swept
from rdverify.lstm.study.runs import SWEPT
from rdverify.study.frames import read_sweep
from rdverify.tools.paths import golden_folder


def made(off, skill) -> pd.DataFrame:
    """A sweep whose R - 1 and skill are functions of (length, place of the network)."""
    rows = []
    for length, (place, (frequency, hidden, seed)) in itertools.product(
        (25, 50, 100, 200), enumerate(itertools.product((0.01, 0.1), (4, 16), (0, 1, 2)))
    ):
        rows.append(
            {
                "length": length,
                "frequency": frequency,
                "hidden": hidden,
                "seed": seed,
                "r": 1 + off(length, place),
                "r_untrained": 1 - off(length, place) ** 2,
                "skill": skill(place),
            }
        )
    return pd.DataFrame(rows)


def test_the_exponent_is_that_of_a_power_law():
    sweep = made(lambda length, place: (1 + place) * length**-0.8, lambda place: 1.0)
    assert swept.per_network(sweep, "trained") == pytest.approx(np.full(12, -0.8))
    assert swept.per_network(sweep, "untrained") == pytest.approx(np.full(12, -1.6))


def test_the_rank_correlation_is_that_of_the_longest_sequences():
    sweep = made(lambda length, place: (1 + place) / length, lambda place: place**3)
    assert swept.skill_rank(sweep) == pytest.approx(1)
    # what shorter sequences do does not count
    sweep.loc[sweep["length"] < 200, "skill"] = 0.0
    assert swept.skill_rank(sweep) == pytest.approx(1)
    assert swept.skill_rank(sweep.assign(skill=-sweep["skill"])) == pytest.approx(-1)


def test_slow_and_fast_input_are_told_apart():
    sweep = made(lambda length, place: 0.1, lambda place: 1.0)
    assert set(swept.at_speed(sweep, "slow")["frequency"]) == {0.01}
    assert set(swept.at_speed(sweep, "fast")["frequency"]) == {0.1}


def test_fast_input_keeps_a_ratio_from_one_and_so_does_learning():
    sweep = read_sweep(golden_folder(), "lstm", SWEPT)
    slow, fast = (swept.per_network(swept.at_speed(sweep, s), "trained") for s in swept.SPEEDS)
    assert slow.mean() < -0.8  # R - 1 goes as 1 / length
    assert fast.mean() > -0.2  # hardly at all
    assert swept.skill_rank(sweep) > 0.5
