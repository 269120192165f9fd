"""Where sequences start, what they may be asked for, and what nobody set."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    frequencies,
    generate,
)
from rdverify.tools.errors import InputError

RAW: dict[str, Any] = {"normalisation": "none", "burn_in": 0.0, "length": 2, "dt": 1e-3}
EVERY: tuple[type[DataConfig], ...] = (SineConfig, LorenzConfig, VanDerPolConfig)


def fills(values: np.ndarray, low: float, high: float) -> bool:
    """Whether values lie between two ends, and come near both."""
    near = 0.02 * (high - low)
    return bool(low <= values.min() < low + near and high - near < values.max() <= high)


def test_lorenz_starts_in_a_box_around_the_attractor_and_off_the_axis() -> None:
    x, y, z = (
        generate(LorenzConfig(sequences=1000, coordinate=c, **RAW))[:, 0] for c in ("x", "y", "z")
    )
    assert fills(x[x > 0], 1, 15)
    assert fills(-x[x < 0], 1, 15)
    assert abs((x > 0).mean() - 0.5) < 0.1
    assert fills(y, -20, 20)
    assert fills(z, 5, 40)


def test_van_der_pol_starts_on_either_side_at_rest_in_the_mean() -> None:
    for start in (2.0, 0.5):
        for coordinate in ("x", "v"):
            config = VanDerPolConfig(sequences=1000, start=start, coordinate=coordinate, **RAW)
            assert fills(generate(config)[:, 0], -start, start)


def test_a_burn_in_leaves_out_what_comes_before() -> None:
    whole = VanDerPolConfig(sequences=3, normalisation="none", burn_in=0.0, dt=0.5, length=9)
    later = dataclasses.replace(whole, burn_in=2.0, length=5)
    assert generate(later) == pytest.approx(generate(whole)[:, 4:], abs=1e-7)


def test_one_mu_takes_no_number_from_the_generator() -> None:
    """The shipped networks were trained on what a seed gives: starts are drawn first."""
    found = generate(VanDerPolConfig(sequences=4, seed=7, **RAW))[:, 0]
    assert found == pytest.approx(np.random.default_rng([7, 0]).uniform(-2, 2, 8)[:4])


def test_a_range_of_mu_that_is_one_number_is_that_number() -> None:
    alone = VanDerPolConfig(sequences=4, length=20)
    both = dataclasses.replace(alone, mu_high=alone.mu)
    assert np.array_equal(generate(both), generate(alone))


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.once
def test_only_unseen_sequences_come_in_another_number(kind: type[DataConfig]) -> None:
    config = kind(sequences=3, length=4)
    assert np.array_equal(generate(config, "train", 3), generate(config))
    for count in (2, 4):
        assert generate(config, "unseen", count).shape == (count, 4)
        with pytest.raises(InputError, match=r"^sequences = . is not allowed: must be config\."):
            generate(config, "train", count)
    with pytest.raises(InputError, match=r"^sequences = 0 .* an integer, 1 or more$"):
        generate(config, "unseen", 0)
    with pytest.raises(InputError, match=r"^part = 'test'"):
        generate(config, "test")  # type: ignore[arg-type]


def test_frequencies_are_those_of_the_part_and_number_asked_for() -> None:
    config = SineConfig(sequences=5)
    assert frequencies(config).shape == (5,)
    for part in ("train", "unseen"):
        f = frequencies(config, part, 5)  # type: ignore[arg-type]
        x = generate(config, part)  # type: ignore[arg-type]
        expected = 2 * np.cos(2 * np.pi * f)[:, None] * x[:, 1:-1]
        assert x[:, 2:] + x[:, :-2] == pytest.approx(expected, abs=1e-11)
    assert frequencies(config, "unseen", 9).shape == (9,)


def test_the_least_and_the_largest_that_is_allowed_can_be_made() -> None:
    for kind in EVERY:
        assert kind(length=2, sequences=1, seed=0)
        assert kind(length=2**20, sequences=2**13)
        with pytest.raises(InputError, match=r"^sequences = 8193 .* held at once"):
            kind(length=2**20, sequences=2**13 + 1)
    assert SineConfig(frequency_low=0.5, frequency_high=0.5)
    assert SineConfig(frequency_low=1e-9)
    for slow in (LorenzConfig, VanDerPolConfig):
        assert slow(dt=100.0, burn_in=1e5)
        assert slow(dt=1e-9, burn_in=0.0)


@pytest.mark.parametrize("kind", [LorenzConfig, VanDerPolConfig])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dt", 0.0),
        ("dt", -0.5),
        ("dt", math.nextafter(100, 101)),
        ("burn_in", -0.5),
        ("burn_in", math.nextafter(1e5, 1e6)),
    ],
)
def test_times_outside_their_range_are_named(kind: Any, name: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"^{name} = .* must be in [(\[]0, 1(00|e5)\]$"):
        kind(**{name: value})


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        (SineConfig, "amplitude", (0.0, -0.5)),
        (SineConfig, "scale", (0.0, -0.5)),
        (VanDerPolConfig, "start", (0.0, -0.5)),
        (VanDerPolConfig, "mu", (-0.5, -1e-9)),
        (LorenzConfig, "seed", (-1,)),
    ],
)
def test_what_is_not_positive_is_named(kind: Any, name: str, values: tuple[Any, ...]) -> None:
    for value in values:
        with pytest.raises(InputError, match=f"^{name} = "):
            kind(**{name: value})


@pytest.mark.once
def test_a_signal_is_normalised_to_what_is_asked_for() -> None:
    """One that is not the same on both sides of 0: z of Lorenz, all positive."""
    config = LorenzConfig(coordinate="z", sequences=5, length=40, normalisation="none")
    raw = generate(config)
    low, high = raw.min(), raw.max()
    expected = {
        "scale": raw / 20,
        "standard": (raw - raw.mean()) / raw.std(),
        "minmax": 2 * (raw - low) / (high - low) - 1,
        "unit": (raw - low) / (high - low),
    }
    for name, values in expected.items():
        made = generate(dataclasses.replace(config, normalisation=name))
        assert made == pytest.approx(values, rel=1e-12, abs=1e-12), name


def test_what_nobody_set_is_what_the_words_say() -> None:
    for kind, scale in zip(EVERY, (1, 20, 2), strict=True):
        config = kind()
        assert (config.length, config.sequences, config.seed) == (200, 128, 0)
        assert (config.normalisation, config.scale) == ("scale", scale)
    assert SineConfig().amplitude == 1
    lorenz, van_der_pol = LorenzConfig(), VanDerPolConfig()
    assert (lorenz.dt, lorenz.burn_in, lorenz.coordinate) == (0.05, 10, "x")
    assert (van_der_pol.dt, van_der_pol.burn_in, van_der_pol.coordinate) == (0.1, 20, "x")
    assert (van_der_pol.mu, van_der_pol.mu_high) == (1, None)
