"""The DDPM's forward and reverse process, its norms, and their closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import spec
from rdverify import balance_of
from rdverify.ddpm import (
    Schedule,
    expected_balance,
    final_ratio,
    forward_step,
    q_sample,
    reverse_step,
    sample,
)
from rdverify.ddpm.expected import mean_norm

SCHEDULES = {
    "increasing": Schedule.linear(1000),
    "decreasing": Schedule.linear(1000, direction="decreasing"),
    "short": Schedule.linear(50),
    "short, beta as 1/T": Schedule.linear(50, scaling="1/T"),
    "cosine": Schedule.cosine(200),
}
FAMILY = 0.0027  # chance of a false alarm of one 3-standard-error comparison


def linear_denoiser(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """A deterministic stand-in for a network: smooth, not proportional to x."""
    phase = torch.cos(t.to(x.dtype))[:, None, None, None]
    return 0.9 * x - 0.1 * torch.roll(x, 1, dims=-1) + 0.01 * phase


def tiny_unet(channels: int = 1) -> UNet2DModel:
    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=8,
        in_channels=channels,
        out_channels=channels,
        layers_per_block=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    ).eval()


def oracle(schedule: Schedule, **options: Any) -> DDPMScheduler:
    """diffusers' scheduler with our betas; its tables in float64, the state stays as it is.

    Its own tables are float32, in which 1 - alpha_bar near the data loses three digits.
    """
    scheduler = DDPMScheduler(
        num_train_timesteps=schedule.T,
        trained_betas=schedule.beta.tolist(),
        **{"clip_sample": False, "variance_type": "fixed_large", **options},
    )
    scheduler.betas = torch.tensor(schedule.beta)
    scheduler.alphas = 1 - scheduler.betas
    scheduler.alphas_cumprod = torch.cumprod(scheduler.alphas, 0)
    scheduler.one = torch.tensor(1.0, dtype=torch.float64)
    scheduler.set_timesteps(schedule.T)
    return scheduler


class Replay:
    """Stands in for a random generator by handing out given noise, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, noises: list[torch.Tensor]) -> None:
        import diffusers.schedulers.scheduling_ddpm as module

        self.noises = list(noises)
        monkeypatch.setattr(module, "randn_tensor", lambda *_, **__: self.noises.pop(0))


# --- schedules ------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 400),
    st.floats(1e-6, 0.4),
    st.floats(1e-6, 0.4),
    st.sampled_from(["increasing", "decreasing"]),
)
def test_linear_schedule_has_its_end_points_and_the_right_product(T, low, high, direction):
    low, high = min(low, high), max(low, high)
    schedule = Schedule.linear(T, low, high, direction)
    ends = (schedule.beta[0], schedule.beta[-1])
    assert ends == pytest.approx((low, high) if direction == "increasing" else (high, low))
    product = math.prod(1 - b for b in schedule.beta)
    assert schedule.alpha_bar[-1] == pytest.approx(product, rel=1e-9)
    assert schedule.one_minus_alpha_bar == pytest.approx(1 - schedule.alpha_bar, abs=1e-12)


def test_beta_as_one_over_T_keeps_the_total_noise():
    """sum beta is the same for every T; with fixed end points it grows like T."""
    for T in (50, 200, 4000):
        assert Schedule.linear(T, scaling="1/T").beta.sum() == pytest.approx(10.05)
        assert Schedule.linear(T).beta.sum() == pytest.approx(10.05 * T / 1000)


def test_schedules_agree_with_diffusers():
    theirs = DDPMScheduler(1000)
    assert np.allclose(Schedule.linear().alpha_bar, theirs.alphas_cumprod.double(), rtol=2e-5)
    cosine = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    assert np.allclose(Schedule.cosine().beta, cosine.betas.double(), rtol=1e-4)
    assert np.allclose(Schedule.from_scheduler(theirs).beta, Schedule.linear().beta, rtol=1e-6)


# --- Eq. 8, the forward process -------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_eq08_steps_compose_to_q_sample(name):
    """Mean and variance of t + 1 steps, carried exactly, are those of q(x_t | x_0)."""
    schedule = SCHEDULES[name]
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    mean, variance = one, 0.0
    for t in range(schedule.T):
        mean = forward_step(mean, t, schedule, zero)
        gain = float(forward_step(one, t, schedule, zero))
        kick = float(forward_step(zero, t, schedule, one))
        variance = gain**2 * variance + kick**2
        assert float(q_sample(one, t, schedule, zero)) == pytest.approx(float(mean), rel=1e-9)
        assert float(q_sample(zero, t, schedule, one)) ** 2 == pytest.approx(variance, rel=1e-9)


def test_eq08_agrees_with_diffusers_add_noise():
    schedule, generator = Schedule.linear(), torch.Generator().manual_seed(1)
    scheduler = oracle(schedule)
    x, noise = torch.randn((2, 4, 3, 5, 5), generator=generator, dtype=torch.float64)
    for t in (0, 1, 500, 999):
        theirs = scheduler.add_noise(x, noise, torch.full((4,), t))
        assert torch.allclose(q_sample(x, t, schedule, noise), theirs, atol=1e-12)


# --- the reverse step against diffusers ------------------------------------------------


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(
    ("variance", "kind"), [("beta", "fixed_large"), ("posterior", "fixed_small")]
)
@pytest.mark.parametrize("name", ["increasing", "decreasing", "cosine"])
def test_one_step_agrees_with_diffusers_to_1e5_in_float32(monkeypatch, name, variance, kind, clip):
    schedule = SCHEDULES[name]
    scheduler = oracle(schedule, variance_type=kind, clip_sample=clip)
    generator = torch.Generator().manual_seed(2)
    for t in (0, 1, 2, schedule.T // 2, schedule.T - 1):
        x_0, eps, z = torch.randn((3, 4, 3, 8, 8), generator=generator)
        x = q_sample(0.5 * x_0, t, schedule, eps)
        Replay(monkeypatch, [z])
        theirs = scheduler.step(eps, t, x).prev_sample
        ours, drift, kick = reverse_step(
            x, eps, t, schedule, z, variance=variance, clip=1.0 if clip else None
        )
        assert float((ours - theirs).abs().max()) < 1e-5
        rebuilt = x + drift + (kick if t > 0 else 0)
        assert float((ours - rebuilt).abs().max()) < 1e-6


def test_one_step_differs_from_stock_diffusers_by_the_rounding_of_its_tables(monkeypatch):
    """Against its float32 tables the gap near the data is diffusers' own, not ours."""
    stock, exact = (
        DDPMScheduler(1000, clip_sample=False),
        oracle(Schedule.linear(), variance_type="fixed_small"),
    )
    generator = torch.Generator().manual_seed(2)
    for t in (0, 1, 2, 10, 500, 999):
        x_0, eps, z = torch.randn((3, 4, 3, 8, 8), generator=generator)
        x = q_sample(0.5 * x_0, t, Schedule.linear(), eps)
        Replay(monkeypatch, [z, z])
        rounded, precise = (s.step(eps, t, x).prev_sample for s in (stock, exact))
        ours, _, _ = reverse_step(x, eps, t, Schedule.linear(), z, variance="posterior")
        assert float((ours - rounded).abs().max()) < 2e-4
        assert float((ours - rounded).abs().max()) < float((precise - rounded).abs().max()) + 1e-5


@pytest.mark.parametrize("name", ["increasing", "decreasing", "short"])
def test_whole_chain_agrees_with_diffusers_to_1e9_in_float64(monkeypatch, name):
    schedule = SCHEDULES[name]
    n, shape = 2, (1, 6, 6)
    torch.manual_seed(3)
    seen: list[torch.Tensor] = []
    ours, trace = sample(
        linear_denoiser,
        schedule,
        shape,
        images=n,
        seed=5,
        dtype=torch.float64,
        observe=lambda t, x, eps: seen.append(x.clone()),
    )
    # the same noise, drawn from the documented streams: x_T first, then one z a step
    streams = [torch.Generator().manual_seed(s) for s in trace.seeds]
    noises = [
        torch.stack([torch.empty(shape, dtype=torch.float64).normal_(generator=g) for g in streams])
        for _ in range(schedule.T + 1)
    ]
    scheduler, x = oracle(schedule), noises[0]
    Replay(monkeypatch, noises[1:])
    for t in scheduler.timesteps:
        x = scheduler.step(linear_denoiser(x, t.repeat(n)), int(t), x).prev_sample
    assert torch.equal(seen[0], noises[0])
    assert float((ours - x).abs().max()) < 1e-9 * max(1.0, float(x.abs().max()))


def test_a_pipeline_is_its_network_and_schedule_but_for_the_rounding_of_its_tables():
    unet = tiny_unet()
    pipeline = DDPMPipeline(unet, DDPMScheduler(12, variance_type="fixed_small"))
    images, trace = sample(pipeline, images=2, seed=4)
    again, same = sample(
        unet,
        Schedule.from_scheduler(pipeline.scheduler),
        (1, 8, 8),
        2,
        4,
        variance="posterior",
        clip=1.0,
    )
    assert torch.allclose(images, again, atol=1e-3)
    assert np.allclose(trace.react, same.react, rtol=1e-3)
    assert trace.steps == 12
    assert trace.config["clip"] == 1.0


# --- the sampler ----------------------------------------------------------------------


def test_eq14_eq17_norms_are_those_of_the_steps_taken():
    """Rebuilding every step from the observed states gives the recorded norms."""
    schedule, states, noise_estimates = Schedule.linear(20), [], []

    def observe(t, x, eps):
        states.append(x.clone())
        noise_estimates.append(eps.clone())

    images, trace = sample(
        linear_denoiser,
        schedule,
        (3, 4, 4),
        images=3,
        seed=6,
        dtype=torch.float64,
        observe=observe,
        last_noise=True,
    )
    states.append(images)
    for step, t in enumerate(range(19, -1, -1)):
        x, eps = states[step], noise_estimates[step]
        mu = (x - schedule.beta[t] / math.sqrt(1 - schedule.alpha_bar[t]) * eps) / math.sqrt(
            schedule.alpha[t]
        )
        for k in range(3):
            assert trace.react[k, step] == pytest.approx(float((mu - x)[k].norm()), rel=1e-9)
            assert trace.diff[k, step] == pytest.approx(
                float((states[step + 1] - mu)[k].norm()), rel=1e-9
            )
            assert trace.extras["epsilon"][k, step] == pytest.approx(float(eps[k].norm()))


def test_image_k_depends_neither_on_how_many_there_are_nor_on_the_batch():
    schedule = Schedule.linear(30)
    many, trace = sample(linear_denoiser, schedule, (1, 5, 5), images=7, seed=1)
    few, short = sample(linear_denoiser, schedule, (1, 5, 5), images=3, seed=1)
    split, other = sample(linear_denoiser, schedule, (1, 5, 5), images=7, seed=1, batch=2)
    assert torch.equal(many[:3], few)
    assert torch.allclose(many, split, atol=1e-6)
    assert trace.seeds[:3] == short.seeds
    assert np.allclose(trace.react, other.react, rtol=1e-5)
    assert len(set(trace.seeds)) == 7
    assert not torch.allclose(many, sample(linear_denoiser, schedule, (1, 5, 5), 7, 2)[0])


def test_noise_in_the_last_step_changes_that_step_only():
    schedule = Schedule.linear(30)
    without, trace = sample(linear_denoiser, schedule, (1, 5, 5), images=2, seed=1)
    with_it, noisy = sample(linear_denoiser, schedule, (1, 5, 5), images=2, seed=1, last_noise=True)
    assert np.array_equal(trace.react, noisy.react)
    assert np.array_equal(trace.diff, noisy.diff)  # the z that was drawn, added or not
    assert np.all(trace.extras["added"][:, -1] == 0)
    assert np.array_equal(trace.extras["added"][:, :-1], trace.diff[:, :-1])
    added = (with_it - without).flatten(1).norm(dim=1).numpy()
    assert added == pytest.approx(trace.diff[:, -1], rel=1e-4)


def test_posterior_variance_adds_nothing_at_the_last_step_and_less_everywhere():
    schedule = Schedule.linear(40)
    beta, posterior = schedule.sigma("beta"), schedule.sigma("posterior")
    assert posterior[0] == 0
    assert np.all(posterior < beta)
    _, trace = sample(linear_denoiser, schedule, (1, 4, 4), images=1, variance="posterior")
    assert balance_of(trace).r_t[0, -1] == math.inf


def test_network_is_left_in_the_mode_it_was_in():
    unet = tiny_unet()
    unet.train()
    sample(unet, Schedule.linear(2), images=1)
    assert unet.training
    unet.eval()
    sample(unet, Schedule.linear(2), images=1)
    assert not unet.training


# --- closed form ------------------------------------------------------------------------


def test_mean_norm_agrees_with_multiple_precision():
    """1F1 at 30 digits, from a library that shares no code with ours."""
    import mpmath

    for d in (1, 2, 3, 64, 1024, 3072):
        for ratio in (0, 1e-6, 0.01, 0.3, 0.499, 0.51, 0.99, 3, 30):
            z = mpmath.mpf(ratio * d) / 2
            exact = (
                mpmath.sqrt(2)
                * mpmath.gamma((mpmath.mpf(d) + 1) / 2)
                / mpmath.gamma(mpmath.mpf(d) / 2)
                * mpmath.hyp1f1(mpmath.mpf(-1) / 2, mpmath.mpf(d) / 2, -z)
            )
            ours = mean_norm(np.array([1.5]), d, np.array([1.5**2 * ratio * d]))[0] / 1.5
            assert ours == pytest.approx(float(exact), rel=1e-9)


CASES = [
    (name, d, m2)
    for name in SCHEDULES
    for d, m2 in ((1, 0.0), (3, 1.0), (16, 0.25), (64, 1.0), (192, 30.0))
]


def test_closed_form_agrees_with_monte_carlo_within_three_standard_errors():
    """Drift norms on q(x_t | x_0) with the true noise, all cases corrected together."""
    rng = np.random.default_rng(20)
    n, deviations = 4000, []
    for name, d, m2 in CASES:
        schedule = SCHEDULES[name]
        expected = expected_balance(schedule, d, m2)
        x_0 = rng.standard_normal(d)
        x_0 *= math.sqrt(m2 * d) / np.linalg.norm(x_0)
        for step in np.linspace(0, schedule.T - 1, 5).astype(int):
            t = schedule.T - 1 - int(step)
            eps, z = rng.standard_normal((2, n, d))
            x = np.sqrt(schedule.alpha_bar[t]) * x_0 + np.sqrt(1 - schedule.alpha_bar[t]) * eps
            mu = (x - schedule.beta[t] / np.sqrt(1 - schedule.alpha_bar[t]) * eps) / np.sqrt(
                1 - schedule.beta[t]
            )
            for norms, mean, std in (
                (np.linalg.norm(mu - x, axis=1), expected.react_t, expected.react_std_t),
                (
                    np.linalg.norm(np.sqrt(schedule.beta[t]) * z, axis=1),
                    expected.diff_t,
                    expected.diff_std_t,
                ),
            ):
                deviations.append((norms.mean() - mean[step]) / (norms.std(ddof=1) / math.sqrt(n)))
                assert norms.std() == pytest.approx(std[step], rel=0.1)
    limit = stats.norm.isf(FAMILY / (2 * len(deviations)))
    assert np.abs(deviations).max() < limit
    assert np.std(deviations) == pytest.approx(1, abs=0.2)  # neither too good nor too bad


def test_closed_form_of_many_images_is_the_mean_over_them():
    schedule, m2 = Schedule.linear(100), np.linspace(0.1, 2.0, 500)
    together = expected_balance(schedule, 48, m2).m_react
    one_by_one = np.mean([expected_balance(schedule, 48, value).m_react for value in m2])
    assert together == pytest.approx(one_by_one, rel=1e-6)


def test_sampling_error_of_m_diff_is_the_predicted_one():
    """The spread of M_diff over trajectories is sqrt(sum_t var_t) / T."""
    schedule = Schedule.linear(50)
    _, trace = sample(lambda x, t: torch.zeros_like(x), schedule, (1, 4, 4), images=400, seed=3)
    _, error = expected_balance(schedule, 16, 0.0).monte_carlo_error(1)
    runs = trace.diff.mean(axis=1)
    low, high = stats.chi2.ppf([0.001, 0.999], 399) / 399
    assert low < (runs.std(ddof=1) / error) ** 2 < high


def test_last_ratio_of_the_closed_form_is_one_for_data_of_no_size():
    """beta_1 = 1 - alpha_bar_1: with the true noise both norms are sqrt(beta_1) chi at t = 0."""
    for schedule in SCHEDULES.values():
        beta = schedule.beta[0]
        exact = abs((1 - 1 / math.sqrt(1 - beta)) * math.sqrt(beta) + math.sqrt(beta / (1 - beta)))
        r_last = expected_balance(schedule, 1024, 0.0).r_t[-1]
        assert r_last == pytest.approx(exact / math.sqrt(beta), rel=1e-9)
        assert r_last == pytest.approx(1.0, abs=1e-9)


def test_final_ratio_follows_the_denoising_error():
    """An estimate E[eps | x] of Gaussian data has norm d - mmse; R_T = sqrt(1 - mmse/d)."""
    schedule, d, variance = Schedule.linear(1000), 4096, 3e-4
    rng = torch.Generator().manual_seed(8)
    x_0, eps = torch.randn((2, 1, d), generator=rng, dtype=torch.float64)
    rest = 1 - schedule.alpha_bar[0]
    total = schedule.alpha_bar[0] * variance + rest
    x = q_sample(math.sqrt(variance) * x_0, 0, schedule, eps)
    estimate = math.sqrt(rest) / total * x
    _, drift, _ = reverse_step(x, estimate, 0, schedule, eps)
    _, _, kick = reverse_step(
        x, estimate, 0, schedule, torch.randn((1, d), generator=rng, dtype=torch.float64)
    )
    mmse = d * (1 - rest / total)
    assert float(drift.norm() / kick.norm()) == pytest.approx(final_ratio(mmse, d), rel=0.05)
    assert final_ratio(0, d) == 1
    assert final_ratio(d, d) == 0


def test_printed_table_follows_from_the_schedule():
    """T = 1000, beta 1e-4 to 0.02, 32 x 32 pixels: print within two single-run errors."""
    for printed, d in ((3.0274, 1024), (3.0277, 1024), (5.2508, 3072)):
        expected = expected_balance(Schedule.linear(), d, 0.5)
        assert abs(printed - expected.m_diff) < 2 * expected.monte_carlo_error(1)[1]
        other = expected_balance(Schedule.linear(), 28 * 28 * d // 1024, 0.5)
        assert abs(printed - other.m_diff) > 20 * other.monte_carlo_error(1)[1]


# --- agreement with the specification -----------------------------------------------------


def one_run(schedule: Schedule, seed: int) -> tuple[Any, dict[str, Any]]:
    """A trajectory with all that Eqs. (14) and (17) need, in order of generation."""
    states, noise_estimates = [], []

    def observe(t: int, x: torch.Tensor, eps: torch.Tensor) -> None:
        states.append(x[0].numpy().copy())
        noise_estimates.append(eps[0].numpy().copy())

    _, trace = sample(
        linear_denoiser,
        schedule,
        (1, 4, 4),
        images=1,
        seed=seed,
        dtype=torch.float64,
        observe=observe,
    )
    generator = torch.Generator().manual_seed(trace.seeds[0])
    z = [
        torch.empty((1, 4, 4), dtype=torch.float64).normal_(generator=generator).numpy()
        for _ in range(schedule.T + 1)
    ][1:]
    # one flat vector per step: the specification's norm runs over the last axis
    flat = [np.reshape(values, (schedule.T, -1)) for values in (states, noise_estimates, z)]
    return trace, {
        "x": flat[0],
        "epsilon_theta": flat[1],
        "z": flat[2],
        "beta_t": schedule.beta[::-1],
        "alpha_bar_t": schedule.alpha_bar[::-1],
    }


@pytest.mark.parametrize("name", ["short", "cosine"])
def test_eq14_agrees_with_the_specification_in_both_readings(name):
    trace, given_ = one_run(SCHEDULES[name], 3)
    arguments = [given_[key] for key in ("x", "epsilon_theta", "beta_t", "alpha_bar_t")]
    equation = spec.EQUATIONS[14]
    assert balance_of(trace).m_react == pytest.approx(equation.corrected(*arguments), rel=1e-9)
    assert trace.extras["epsilon"].mean() == pytest.approx(equation.printed(*arguments), rel=1e-9)


@pytest.mark.parametrize("name", ["short", "cosine"])
def test_eq17_agrees_with_the_specification(name):
    trace, given_ = one_run(SCHEDULES[name], 4)
    sigma = SCHEDULES[name].sigma()[::-1]
    expected = spec.EQUATIONS[17].corrected(sigma, given_["z"])
    assert balance_of(trace).m_diff == pytest.approx(expected, rel=1e-9)


def test_eq08_agrees_with_the_corrected_specification_and_not_with_the_printed_index():
    """spec counts beta from beta_0, which no schedule has: beta[t + 1] there is our beta[t]."""
    schedule, generator = Schedule.linear(6), np.random.default_rng(1)
    x, eps = generator.standard_normal((2, 5))
    padded = np.concatenate([[0.0], schedule.beta])
    for t in range(schedule.T):
        ours = forward_step(torch.tensor(x), t, schedule, torch.tensor(eps)).numpy()
        assert ours == pytest.approx(spec.EQUATIONS[8].corrected(x, padded, t, eps))
        assert ours != pytest.approx(spec.EQUATIONS[8].printed(x, padded, t, eps))
