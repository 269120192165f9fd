"""Which U-Nets there are, told before one is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rdverify.ddpm import images, unet
from rdverify.ddpm.unet import (
    architecture,
    build_unet,
    channels_last,
    count_parameters,
    require_shape,
    save_unet,
)
from rdverify.tools.errors import InputError
from rdverify.tools.tensors import read_tensors

TINY: dict[str, Any] = {"widths": (8, 16), "norm_groups": 4}


@pytest.mark.parametrize(
    ("widths", "groups", "attention"),
    [
        ((1,), 1, ()),
        ((1,), 1, (0,)),
        ((4096,), 4096, ()),
        ((4, 8, 12, 16, 20), 4, (0, 1, 2, 3, 4)),
        ((6, 6), 3, (1, 0)),
    ],
)
def test_shapes_reach_from_one_narrow_level_to_five(
    widths: Any, groups: int, attention: Any
) -> None:
    require_shape(widths, groups, attention)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no level": (lambda: require_shape((), 1, ()), r"widths = \(\) .* 1 to 5 levels"),
    "six levels": (lambda: require_shape((8,) * 6, 8, ()), "widths .* 1 to 5 levels"),
    "no group": (lambda: require_shape((8,), 0, ()), "norm_groups = 0 .* 1 to 4096"),
    "too many groups": (lambda: require_shape((4097,), 4097, ()), "norm_groups = 4097"),
    "no width": (lambda: require_shape((8, 0), 8, ()), "widths = 0 .* 1 to 4096"),
    "too wide": (lambda: require_shape((8, 4104), 8, ()), "widths = 4104"),
    "no multiple": (lambda: require_shape((8, 12), 8, ()), "positive multiples of norm_groups = 8"),
    "a level before the first": (lambda: require_shape((8,), 8, (-1,)), "attention = -1"),
    "a level after the last": (
        lambda: require_shape((8, 8), 8, (2,)),
        r"attention = \(2,\) .* different levels, 0 \.\. 1",
    ),
    "a level far after the last": (
        lambda: require_shape((8, 8), 8, (3,)),
        r"attention = \(3,\) .* different levels, 0 \.\. 1",
    ),
    "a level twice": (lambda: require_shape((8, 8), 8, (1, 1)), r"attention = \(1, 1\)"),
    "two channels": (lambda: build_unet(2), "channels = 2 .* 1 .grey. or 3"),
    "no layer": (lambda: build_unet(1, layers_per_block=0), "layers_per_block = 0 .* 1 to 16"),
    "too many layers": (lambda: build_unet(1, layers_per_block=17), "layers_per_block = 17"),
    "stored as float64": (
        lambda: save_unet(build_unet(1, **TINY), "nowhere", dtype=torch.float64),
        r"dtype = torch\.float64 .* float32 or float16",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_u_net_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()


def test_a_network_is_for_images_of_the_size_that_data_have() -> None:
    assert build_unet(1, **TINY).config.sample_size == images.IMAGE_SIZE == unet.IMAGE_SIZE


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("attention", [(), (1,)])
def test_a_network_says_what_it_was_made_of(
    channels: int, attention: tuple[int, ...], tmp_path: Path
) -> None:
    options: dict[str, Any] = {**TINY, "layers_per_block": 2, "attention": attention, "seed": 1}
    network = build_unet(channels, **options)
    form = architecture(network)
    told = {key: tuple(v) if isinstance(v, list) else v for key, v in form.items()}
    again = build_unet(**({"seed": 1} | told))
    for a, b in zip(network.state_dict().items(), again.state_dict().items(), strict=True):
        assert a[0] == b[0]
        assert torch.equal(a[1], b[1])
    assert count_parameters(network) == sum(v.numel() for v in network.state_dict().values())
    _, header = read_tensors(save_unet(network, tmp_path / "net", note={"from": "a test"}))
    assert header["architecture"] == form
    assert header["from"] == "a test"


def test_laid_out_for_a_cpu_a_network_says_the_same() -> None:
    network = build_unet(1, **TINY, seed=1)
    x = torch.randn((2, 1, 32, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = network(x, 7).sample
        after = channels_last(network)(x, 7).sample
    assert torch.allclose(before, after, atol=1e-5)
    assert network.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
