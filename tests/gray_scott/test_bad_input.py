"""Each error names the argument, its value and what is allowed, before any step."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from rdverify import InputError
from rdverify.gray_scott import GrayScottConfig, largest_dt, run_many, simulate

SMALL = {"feed_rate": 0.03, "rows": 6, "cols": 5, "square": 2, "steps": 3}
POSITIVE = "a positive finite number"

BAD = [
    *(
        (name, value, POSITIVE)
        for name in ("feed_rate", "kill_rate", "d_u", "d_v", "dx", "dt")
        for value in (-1.0, -1e-9, 0, math.nan, math.inf, "0.03", None, True)
    ),
    *(
        (name, value, "a finite number")
        for name in ("square_u", "square_v", "background_u", "background_v")
        for value in (math.nan, -math.inf, "1", None)
    ),
    ("noise", -0.1, "0 or more"),
    ("noise", -1.0, "0 or more"),
    ("noise", math.nan, "0 or more"),
    *(
        (name, value, "an integer, 2 or more")
        for name in ("rows", "cols")
        for value in (0, 1, -5, 3.0, "9", True)
    ),
    ("steps", 0, "an integer, 1 or more"),
    ("steps", 1e4, "an integer, 1 or more"),
    ("seed", -1, "an integer, 0 or more"),
    ("square", 6, "from 0 to 5"),
    ("square", -1, "from 0 to 5"),
    ("noise_kind", "pink", "'normal' or 'uniform'"),
    ("dtype", "float16", "'float64' or 'float32'"),
    ("dtype", np.float64, "'float64' or 'float32'"),
    ("kinetics", "u3v", "'uv2' or 'u2v'"),
    ("u_terms", 1, "True or False"),
    ("inner_products", "yes", "True or False"),
    ("snapshots", (4,), "integers from 0 to steps = 3"),
    ("snapshots", (-1,), "integers from 0 to steps = 3"),
    ("snapshots", (1.5,), "integers from 0 to steps = 3"),
    ("snapshots", 2, "a tuple of steps"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), BAD, ids=lambda part: repr(part)[:30])
def test_bad_setting(name, value, allowed):
    with pytest.raises(InputError) as caught:
        GrayScottConfig(**SMALL | {name: value})
    message = str(caught.value)
    shown = value[0] if isinstance(value, tuple) else value
    assert message.startswith(f"{name} = {shown!r} is not allowed: must be ")
    assert allowed in message
    assert "\n" not in message


def test_the_least_and_the_largest_that_is_allowed_can_be_made():
    least = GrayScottConfig(0.03, rows=2, cols=2, square=0, noise=0, steps=1, seed=0)
    assert replace(least, square=2, snapshots=[0, 1]).snapshots == (0, 1)
    assert replace(least, square=2, rows=9, snapshots=np.arange(2)).snapshots == (0, 1)
    assert replace(least, snapshots=range(2)).snapshots == (0, 1)


def test_more_cells_or_steps_than_can_be_held_are_refused():
    """Four numbers of each cell, and of each step, are counted."""
    config = GrayScottConfig(**SMALL)
    for sides in ((46_340, 46_340), (2, 2**30), (2**30, 2)):
        assert replace(config, rows=sides[0], cols=sides[1])
    assert replace(config, steps=2**31)
    for sides in ((46_341, 46_341), (2, 2**30 + 1), (2**30 + 1, 2)):
        with pytest.raises(InputError, match=r"^rows = .* held at once"):
            replace(config, rows=sides[0], cols=sides[1])
    with pytest.raises(InputError, match=r"^steps = 2147483649 .* held at once"):
        replace(config, steps=2**31 + 1)


@pytest.mark.parametrize(
    ("kinetics", "square_v", "background_v", "highest"),
    [
        ("uv2", 0.1, 0.0, 1 / 3),  # F / (F + k)
        ("uv2", -0.5, 0.2, 0.5),
        ("uv2", 0.1, -0.75, 0.75),
        ("u2v", 0.1, 0.0, 1 / 3),
        ("u2v", 0.5, 0.2, 0.5),
    ],
)
def test_the_longest_step_counts_with_the_highest_v(kinetics, square_v, background_v, highest):
    """The checkerboard of u, 8 / dx^2 of its second difference, decays by what turns it over."""
    config = GrayScottConfig(
        0.03, 0.06, square_v=square_v, background_v=background_v, kinetics=kinetics, dt=0.1
    )
    decay = 0.03 + (highest**2 if kinetics == "uv2" else 2 * highest)
    assert largest_dt(config) * (8 * 1e-5 / 0.01**2 + decay) == pytest.approx(2)
    # where v diffuses the faster, it is v's, which decays by F + k
    swift = replace(config, d_u=1e-7, d_v=2e-5)
    assert largest_dt(swift) * (8 * 2e-5 / 0.01**2 + 0.09) == pytest.approx(2)


def test_unstable_dt_says_how_large_it_may_be():
    with pytest.raises(InputError) as caught:
        GrayScottConfig(**SMALL, dt=3.0)
    stated = re.fullmatch(
        r"dt = 3\.0 is not allowed: must be at most ([\d.]+) for .*", str(caught.value)
    )
    assert stated is not None
    assert float(stated[1]) == pytest.approx(largest_dt(GrayScottConfig(**SMALL)), rel=1e-5)
    assert GrayScottConfig(**SMALL, dt=float(stated[1]) * 0.99999)
    # never looser than diffusion alone allows
    assert float(stated[1]) < 0.01**2 / (4 * 1e-5)


def test_a_finer_grid_needs_a_smaller_step():
    with pytest.raises(InputError, match=r"^dt \(not set: the default\) = 1\.0 is not"):
        GrayScottConfig(**SMALL, dx=0.005)
    assert GrayScottConfig(**SMALL, dx=0.005, dt=0.5)


def test_a_small_grid_says_that_the_square_was_set_by_nobody():
    with pytest.raises(InputError) as caught:
        GrayScottConfig(feed_rate=0.03, rows=10, cols=12)
    assert str(caught.value) == (
        "square (not set: the default) = 20 is not allowed: must be an integer from 0 to 10, "
        "the lesser of rows = 10 and cols = 12"
    )


NAN = np.full((6, 5), np.nan)
FINE = np.ones((6, 5))


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        (FINE, "initial = "),
        ((FINE,), "initial = "),
        ((FINE, FINE[:5]), r"initial v\.shape = \(5, 5\) is not allowed: must be \(6, 5\)"),
        ((FINE.T, FINE), r"initial u\.shape = \(5, 6\) is not allowed: must be \(6, 5\)"),
        ((NAN, FINE), r"initial u = .* must be finite in every cell"),
        ((FINE, -np.inf * FINE), r"initial v = .* must be finite in every cell"),
        ((FINE * 1j, FINE), r"initial u\.dtype = 'complex128' .* must be real numbers"),
        ((FINE.astype(str), FINE), r"initial u\.dtype = .* must be real numbers"),
    ],
    ids=lambda part: "" if isinstance(part, str) else None,
)
def test_bad_initial_state(initial, message):
    with pytest.raises(InputError, match=f"^{message}") as caught:
        simulate(GrayScottConfig(**SMALL), initial)
    assert "\n" not in str(caught.value)


def test_float32_initial_state_beyond_its_range_is_refused():
    with pytest.raises(InputError, match=r"initial u = .* finite"):
        simulate(GrayScottConfig(**SMALL, dtype="float32"), (FINE * 1e300, FINE))


@pytest.mark.parametrize("workers", [0, -2, 1.5, None])
def test_bad_workers(workers):
    with pytest.raises(InputError, match=r"^workers = .* must be an integer, 1 or more"):
        run_many([GrayScottConfig(**SMALL)], workers)


@pytest.mark.once
def test_the_initial_state_given_is_left_as_it_was():
    start = (FINE * 0.9, FINE * 0.1)
    simulate(GrayScottConfig(**SMALL), start)
    assert np.all(start[0] == 0.9)
    assert np.all(start[1] == 0.1)
