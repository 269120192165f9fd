"""A number is the same number whatever library made it: settings and results are Python's own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rdverify import InputError
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.expected import expected_balance
from rdverify.ddpm.sampler import sample
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.sde import VariancePreserving
from rdverify.ddpm.target import ChainConfig
from rdverify.gray_scott import GrayScottConfig
from rdverify.gray_scott.plane import pattern_bound, turing
from rdverify.gray_scott.stability import laplacian, stability, steady_states
from rdverify.lstm import LSTMConfig
from rdverify.lstm.sequences import LorenzConfig, SineConfig, VanDerPolConfig, generate
from rdverify.lstm.training import train
from rdverify.measure.kinetics import NAMED
from rdverify.measure.pde import PDEConfig
from rdverify.sweep.axes import Axis
from rdverify.trace import Trace

MADE: dict[str, Callable[..., Any]] = {
    "TrainingConfig": TrainingConfig,
    "VariancePreserving": VariancePreserving,
    "ChainConfig": ChainConfig,
    "GrayScottConfig": lambda **more: GrayScottConfig(**{"feed_rate": 0.03} | more),
    "LSTMConfig": lambda **more: LSTMConfig(**{"data": SineConfig()} | more),
    "LorenzConfig": LorenzConfig,
    "SineConfig": SineConfig,
    "VanDerPolConfig": VanDerPolConfig,
    "PDEConfig": lambda **more: PDEConfig(next(iter(NAMED.values())), **more),
}
KINDS: dict[type, list[Callable[[Any], Any]]] = {
    int: [np.int64, np.uint16],
    float: [np.float64, np.longdouble, Fraction],
}


def numbers(config: Any) -> dict[str, Any]:
    """Its fields that are numbers, or tuples of them."""
    found = {entry.name: getattr(config, entry.name) for entry in dataclasses.fields(config)}
    return {name: value for name, value in found.items() if type(value) in (int, float, tuple)}


@pytest.mark.parametrize("name", MADE)
def test_settings_are_python_s_own_numbers_whatever_they_were_given_as(name: str) -> None:
    plain = MADE[name]()
    told = json.dumps(numbers(plain))
    for field, value in numbers(plain).items():
        for kind in KINDS.get(type(value), [lambda given: tuple(map(np.int64, given))]):
            found = MADE[name](**{field: kind(value)})
            assert found == plain
            assert type(getattr(found, field)) is type(value)
            assert json.dumps(numbers(found)) == told


def test_what_was_trained_from_numpy_s_numbers_is_what_is_trained_from_python_s(
    tmp_path: Path,
) -> None:
    given: dict[str, Any] = {"hidden": 3, "epochs": 2, "batch_size": 2, "seed": 1}
    plain = LSTMConfig(SineConfig(sequences=4, length=12), **given)
    other = LSTMConfig(
        SineConfig(sequences=np.int64(4), length=np.int32(12)),  # type: ignore[arg-type]
        **{name: np.int64(value) for name, value in given.items()},
    )
    kept = [tmp_path / name for name in ("plain", "other")]
    losses = [
        train(config, checkpoint=path).losses
        for config, path in zip((plain, other), kept, strict=True)
    ]
    assert losses[0].tolist() == losses[1].tolist()
    assert kept[0].read_bytes() == kept[1].read_bytes()


RATES = {"feed_rate": Fraction(1, 32), "kill_rate": Fraction(1, 16)}


@pytest.mark.parametrize("kind", [float, np.float16, np.float32, np.longdouble, Fraction])
def test_states_and_bounds_are_those_of_the_float_that_was_given(kind: Callable[..., Any]) -> None:
    """In float16 D_u D_v would be 0, and with fractions there would be no square roots."""
    small, smaller = (Fraction(1, 2**power) for power in (15, 16))
    d_u, d_v = kind(float(small)), kind(float(smaller))
    given = {name: kind(float(rate)) for name, rate in RATES.items()}
    plain = {name: float(rate) for name, rate in RATES.items()}
    assert steady_states(**given) == steady_states(**plain)
    for state in steady_states(**plain, kinetics="u2v"):
        found = stability(state, d_u=d_u, d_v=d_v, kinetics="u2v", **given)
        assert found == stability(state, d_u=2.0**-15, d_v=2.0**-16, kinetics="u2v", **plain)
    assert pattern_bound(0.03, d_u, d_v) == pattern_bound(0.03, 2.0**-15, 2.0**-16)
    assert turing(0.03, 0.05, d_u, d_v) == turing(0.03, 0.05, 2.0**-15, 2.0**-16)


def test_whole_numbers_neither_wrap_around_nor_end_in_an_error_of_their_own() -> None:
    state = (0.5, 0.25)
    small, large = np.uint8(1), np.uint8(254)  # their difference as bytes is 3
    assert stability(state, 0.03, 0.06, small, large) == stability(state, 0.03, 0.06, 1.0, 254.0)
    assert stability(state, 0.03, 0.06, 10**150, 10**149) == stability(
        state, 0.03, 0.06, 1e150, 1e149
    )
    with pytest.raises(InputError, match=r"^d_v"):
        stability(state, 0.03, 0.06, 1, 10**400)


@pytest.mark.parametrize("below", [Fraction(-1, 3), np.float32(-1), -1])
def test_what_is_refused_is_refused_of_every_kind(below: Any) -> None:
    with pytest.raises(InputError, match=r"^input_noise"):
        LSTMConfig(SineConfig(), input_noise=below)
    with pytest.raises(InputError, match=r"^noise"):
        GrayScottConfig(0.03, noise=below)


def test_a_noise_that_is_nothing_as_a_float_is_nothing() -> None:
    assert LSTMConfig(SineConfig(), input_noise=Fraction(-1, 10**400)).input_noise == 0  # type: ignore[arg-type]


def test_counts_and_seeds_as_numpy_s_numbers_give_what_python_s_give() -> None:
    """As bytes 2 * 128 would be 0, and -(-images // batch) would overflow."""
    data = VanDerPolConfig(length=5, burn_in=0.0)
    assert np.array_equal(generate(data, "unseen", np.uint8(128)), generate(data, "unseen", 128))  # type: ignore[arg-type]
    expected = expected_balance(Schedule.linear(300), 16, 0.25)
    assert expected.monte_carlo_error(np.uint8(200)) == expected.monte_carlo_error(200)  # type: ignore[arg-type]
    schedule = Schedule.linear(np.uint8(20), np.float16(1e-4), np.float16(0.02))  # type: ignore[arg-type]
    plain = Schedule.linear(20, float(np.float16(1e-4)), float(np.float16(0.02)))
    assert np.array_equal(schedule.beta, plain.beta)
    bumps = [
        Schedule.cosine(T, s=s).beta for T, s in ((np.uint8(255), np.float16(0.25)), (255, 0.25))
    ]  # type: ignore[arg-type]
    assert np.array_equal(*bumps)
    field = np.add.outer(np.arange(4.0), np.arange(4.0) ** 2)
    assert np.array_equal(laplacian(field, np.uint8(16)), laplacian(field, 16))  # type: ignore[arg-type]
    axis = Axis("x", np.uint8(0), np.uint8(255), "integer")  # type: ignore[arg-type]
    assert [axis.value(unit) for unit in (0, 0.5, 0.999)] == [
        Axis("x", 0, 255, "integer").value(unit) for unit in (0, 0.5, 0.999)
    ]
    json.dumps(axis.describe())


def test_a_chain_of_numpy_s_numbers_can_be_kept(tmp_path: Path) -> None:
    def zero(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x)

    kinds: list[Callable[[int], Any]] = [int, np.int64, np.uint8]
    made = [
        sample(zero, Schedule.linear(300), shape=(1, 2, 2), images=of(5), batch=of(3), seed=of(7))
        for of in kinds
    ]
    for state, trace in made:
        assert torch.equal(state, made[0][0])
        trace.save(tmp_path / "t.npz")
    config = {"D": [np.float32(1)], "n": np.int8(2)}
    noted = Trace(np.ones((1, 2)), np.ones((1, 2)), system="RD", config=config)
    noted.save(tmp_path / "t.npz")
    assert Trace.load(tmp_path / "t.npz").config == {"D": [1.0], "n": 2}
