"""What a network may be, what it may return, and what is taken where nothing is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler

from rdverify.ddpm import ReverseProcess, Schedule, of_scheduler, reverse_step
from rdverify.ddpm.denoisers import zero
from rdverify.ddpm.network import NETWORK, answer, check_config, image_shape, take_apart
from rdverify.tools.errors import InputError

SHORT = Schedule.linear(5, 0.1, 0.4)
X = torch.zeros((2, 3, 4, 5))


@pytest.mark.parametrize("name", [None, "", "UNet1DModel", "UNet3DConditionModel", "unet", "VAE"])
def test_only_one_kind_of_network_is_called_with_an_image_and_a_time(name: str | None) -> None:
    check_config({"_class_name": NETWORK})
    given = {} if name is None else {"_class_name": name}
    with pytest.raises(InputError, match=f"network = '{name or ''}.*must be a {NETWORK}"):
        check_config(given)


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_classes_are_counted_from_nothing(classes: int) -> None:
    config = {"_class_name": NETWORK, "num_class_embeds": classes}
    for label in range(classes):
        check_config(config, label)
    for wrong in (None, -1, classes):
        with pytest.raises(InputError, match=f"class_label = {wrong} .* from 0 to {classes - 1} "):
            check_config(config, wrong)


def test_where_nothing_is_said_nothing_is_limited_and_the_last_step_adds_no_noise() -> None:
    network, process = take_apart(zero, SHORT)
    assert network is zero
    assert process.limit is None
    assert process.added.tolist() == [True] * 4 + [False]
    assert take_apart(zero, SHORT, last_noise=True)[1].added.tolist() == [True] * 5


@pytest.mark.parametrize(("clip", "reach"), [(True, 1.0), (1.0, 1.0), (0.5, 0.5), (False, None)])
def test_a_limit_is_that_of_pixels_unless_a_number_is_given(clip: Any, reach: float | None) -> None:
    """The image is as far as its limit goes, as the step that is told its limit has it."""
    x, eps = torch.full((1, 1, 1, 1), 3.0).double(), torch.zeros((1, 1, 1, 1)).double()
    _, process = take_apart(zero, SHORT, clip=clip)
    after, _, _ = reverse_step(x, eps, 2, SHORT, eps, clip=reach)
    assert process.drift(x, eps, 2).item() == pytest.approx((after - x).item(), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "value"),
    [("variance", "beta"), ("clip", 1.0), ("clip", False), ("last_noise", True)],
)
def test_what_a_scheduler_decides_is_not_told_besides(name: str, value: Any) -> None:
    assert take_apart(zero, DDPMScheduler(5), last_noise=False)[1].T == 5
    with pytest.raises(InputError, match=f"{name} = .* left to the scheduler"):
        take_apart(zero, DDPMScheduler(5), **{name: value})


@pytest.mark.parametrize(("at", "name"), enumerate(["channels", "height", "width"]))
def test_an_image_has_at_least_one_pixel_and_channel(at: int, name: str) -> None:
    _, process = take_apart(zero, SHORT)
    assert image_shape(zero, (1, 1, 1), None, 2, process) == (1, 1, 1)
    shape = [1, 1, 1]
    shape[at] = 0
    with pytest.raises(InputError, match=f"{name} = 0 "):
        image_shape(zero, shape, None, 2, process)


def says(channels: int, returned: int) -> Any:
    config = {"in_channels": channels, "out_channels": returned}
    return SimpleNamespace(config=SimpleNamespace(**config))


def shape_of(network: Any, process: ReverseProcess) -> tuple[int, int, int]:
    return image_shape(network, (3, 4, 5), None, 2, process)


@pytest.mark.parametrize(
    ("kind", "returned", "words"),
    [("fixed_small", 3, "sample and nothing else"), ("learned", 6, "mean and variance")],
)
def test_what_a_network_returns_is_what_the_scheduler_takes(
    kind: str, returned: int, words: str
) -> None:
    scheduler = DDPMScheduler(5, variance_type=kind, prediction_type="sample")
    process = of_scheduler(scheduler)
    assert shape_of(says(3, returned), process) == (3, 4, 5)
    for wrong in (1, 9 - returned, returned + 1):
        must = f"must be {returned}: {words}, as the scheduler has it"
        with pytest.raises(InputError, match=f"out_channels = {wrong} .*{must}$"):
            shape_of(says(3, wrong), process)


@pytest.mark.parametrize(
    "shape", [(1, 3, 4, 5), (3, 3, 4, 5), (2, 6, 4, 5), (2, 3, 4, 6), (2, 3, 5, 4), (2, 3, 4), ()]
)
def test_an_answer_has_the_shape_of_the_state(shape: tuple[int, ...]) -> None:
    for output in (X, SimpleNamespace(sample=X)):
        assert torch.equal(answer(output, X, 1), X)
    with pytest.raises(InputError, match=r"at t = 1 = .* that of the state, \(2, 3, 4, 5\)$"):
        answer(torch.zeros(shape), X, 1)


def test_an_answer_of_mean_and_variance_has_twice_its_channels() -> None:
    both = torch.zeros((2, 6, 4, 5), dtype=torch.float16)
    assert answer(both, X, 1, doubled=True).dtype == X.dtype
    for wrong in (X, torch.zeros((2, 7, 4, 5))):
        with pytest.raises(InputError, match=r"\(2, 6, 4, 5\): mean and variance$"):
            answer(wrong, X, 1, doubled=True)
