"""The U-Net's file: written whole, read back the same, anything else refused unopened."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rdverify.ddpm import unet as unet_module
from rdverify.ddpm.unet import (
    architecture,
    build_unet,
    channels_last,
    count_parameters,
    load_unet,
    save_unet,
)
from rdverify.tools.errors import InputError
from rdverify.tools.tensors import read_tensors, write_tensors

TINY = {"widths": (8, 16), "norm_groups": 4}


@pytest.fixture
def saved(tmp_path):
    return save_unet(build_unet(1, **TINY, seed=3), tmp_path / "tiny.safetensors")


def test_default_network_is_small_and_without_attention():
    unet = build_unet(1, seed=0)
    assert 0.9e6 < count_parameters(unet) < 1.3e6
    assert "Attention" not in {type(module).__name__ for module in unet.modules()}
    assert not unet.training


def test_what_loading_imports_is_imported_where_tensors_have_memory(saved, monkeypatch):
    """diffusers makes tensors when it is imported, and asks them for their numbers."""
    own, places = unet_module._kind, []

    def kind():
        places.append(torch.empty(0).device.type)
        return own()

    monkeypatch.setattr(unet_module, "_kind", kind)
    load_unet(saved)
    assert places[0] == "cpu"
    assert "meta" in places


def test_weights_laid_out_for_a_cpu_give_the_same_up_to_rounding():
    plain, quick = build_unet(1, **TINY, seed=3), channels_last(build_unet(1, **TINY, seed=3))
    x, t = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor(7)
    assert all(
        torch.equal(a, b) for a, b in zip(plain.parameters(), quick.parameters(), strict=True)
    )
    torch.testing.assert_close(quick(x, t).sample, plain(x, t).sample, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_output_has_the_shape_of_the_image(channels):
    x = torch.zeros(2, channels, 32, 32)
    assert build_unet(channels, **TINY)(x, torch.tensor([0, 999])).sample.shape == x.shape


def test_seed_decides_the_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (build_unet(1, **TINY, seed=seed).conv_in.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_round_trip_is_exact_and_bytes_repeat(saved, tmp_path):
    unet = load_unet(saved)
    again = save_unet(unet, tmp_path / "again.safetensors")
    assert again.read_bytes() == saved.read_bytes()
    assert architecture(unet) == {
        "channels": 1,
        "widths": [8, 16],
        "layers_per_block": 1,
        "norm_groups": 4,
    }  # as files from before attention: none is not named


@pytest.mark.parametrize("attention", [(), (1,), (0, 1)])
@pytest.mark.twice
def test_attention_is_where_it_was_asked_for_and_travels_with_the_file(attention, tmp_path):
    unet = build_unet(1, **TINY, attention=attention, seed=3)
    heads = [name for name, part in unet.named_modules() if type(part).__name__ == "Attention"]
    levels = sorted({int(name.split(".")[1]) for name in heads if name.startswith("down_blocks")})
    assert tuple(levels) == attention
    assert any(name.startswith("mid_block") for name in heads) == bool(attention)
    # the way up has its levels in reverse
    up = {len(TINY["widths"]) - 1 - int(n.split(".")[1]) for n in heads if n.startswith("up_blo")}
    assert sorted(up) == levels
    again = load_unet(save_unet(unet, tmp_path / "tiny.safetensors"))
    assert tuple(architecture(again).get("attention", ())) == attention
    x = torch.randn((1, 1, 32, 32), generator=torch.Generator().manual_seed(1))
    assert torch.equal(again(x, 7).sample, unet(x, 7).sample)


def test_half_precision_file_loads_as_float32_rounded_once(saved, tmp_path):
    unet = load_unet(saved)
    half = load_unet(save_unet(unet, tmp_path / "half.safetensors", dtype=torch.float16))
    for (name, value), rounded in zip(
        unet.state_dict().items(), half.state_dict().values(), strict=True
    ):
        assert torch.equal(value.half().float(), rounded), name


class Trap:
    """Unpickling this leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def refused(match: str, path: Path, **options) -> None:
    with pytest.raises(InputError, match=match) as caught:
        load_unet(path, **options)
    assert "\n" not in str(caught.value)
    assert str(path.name) in str(caught.value)


def test_pickles_are_never_loaded(tmp_path):
    trace = tmp_path / "sprung"
    for name, write in (
        ("a.pt", lambda path: torch.save(Trap(trace), path)),
        ("b.pkl", lambda path: path.write_bytes(pickle.dumps(Trap(trace)))),
        ("c.safetensors", lambda path: torch.save(Trap(trace), path)),
    ):
        write(tmp_path / name)
        refused("must be a whole safetensors file", tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize("kept", [0, 4, 200, -1])
def test_truncated_file_is_refused(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    refused("must be a whole safetensors file", saved)


def test_missing_foreign_and_other_architecture_are_refused(saved, tmp_path):
    refused("no such file", tmp_path / "nowhere.safetensors")
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    refused("its schema is None", tmp_path / "foreign.safetensors")
    refused("1 channels, not 3", saved, channels=3)
    tensors, header = read_tensors(saved)
    for other in ({"widths": [8, 24]}, {"widths": [8] * 5}, {"layers_per_block": 16}):
        form = {"architecture": {**header["architecture"], **other}}
        write_tensors(saved, tensors, header | form)
        refused("another architecture", saved)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    unet = build_unet(1, **TINY, seed=0)
    with torch.no_grad():
        unet.conv_in.bias[0] = float("nan")
    refused("finite throughout", save_unet(unet, tmp_path / "nan.safetensors"))


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("channels", {"channels": 2}),
        ("widths", {"channels": 1, "widths": (8, 12)}),
        ("widths", {"channels": 1, "widths": ()}),
        ("norm_groups", {"channels": 1, "norm_groups": 0}),
        ("layers_per_block", {"channels": 1, "layers_per_block": 0}),
        ("attention", {"channels": 1, **TINY, "attention": (2,)}),
        ("attention", {"channels": 1, **TINY, "attention": (1, 1)}),
    ],
)
def test_bad_arguments_are_named(argument, options):
    with pytest.raises(InputError, match=argument):
        build_unet(**options)
