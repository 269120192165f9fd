"""Each error names the argument, its value and what is allowed, before any step."""

from __future__ import annotations

import math
import re

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
        for value in (-1.0, 0, math.nan, math.inf, "0.03", None, True)
    ),
    *(
        (name, value, "a finite number")
        for name in ("square_u", "square_v", "background_u", "background_v")
        for value in (math.nan, -math.inf, "1", None)
    ),
    ("noise", -0.1, "0 or more"),
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


def test_the_initial_state_given_is_left_as_it_was():
    start = (FINE * 0.9, FINE * 0.1)
    simulate(GrayScottConfig(**SMALL), start)
    assert np.all(start[0] == 0.9)
    assert np.all(start[1] == 0.1)
