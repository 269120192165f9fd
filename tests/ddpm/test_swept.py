"""The map over schedule, steps and dimension: its summaries against data with a known answer."""

import itertools

import pandas as pd
import pytest

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.study import swept
from rdverify.ddpm.study.runs import SWEPT
from rdverify.study.frames import read_sweep
from rdverify.tools.paths import golden_folder


@pytest.fixture(scope="module")
def sweep():
    return read_sweep(golden_folder(), "ddpm", SWEPT)


def test_the_order_is_that_of_a_power_law_with_the_most_pixels():
    made = pd.DataFrame(
        [
            {"schedule": "linear", "T": T, "dimension": d, "r": T**-0.5 if d == 64 else 1.0}
            for T, d in itertools.product((32, 250, 1000, 4000), (1, 64))
        ]
    )
    made.loc[made["T"] == 32, "r"] = 9.0  # before the order counts
    assert swept.order(made, "linear") == pytest.approx(-0.5)


def test_the_closed_form_of_the_record_is_that_of_the_formula(sweep):
    row = sweep.query("schedule == 'linear' and T == 1000 and dimension == 1024").iloc[0]
    # the pictures' mean squares scatter around 1/4 by a few percent, of which R feels little
    expected = expected_balance(Schedule.linear(1000, scaling="1/T"), 1024, 0.25)
    assert row["expected_r"] == pytest.approx(expected.r, rel=0.01)


def test_a_chain_of_many_pixels_has_the_ratio_of_the_closed_form(sweep):
    many = sweep.query("dimension == 1024 and T >= 1000")
    assert swept.off_closed_form(many).abs().max() < 0.02
