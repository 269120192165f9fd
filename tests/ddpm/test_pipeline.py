"""Names of the hub, twins without training, and what an index says of a pipeline's parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DModel

from rdverify.ddpm import ForClass
from rdverify.ddpm import pipeline as loading
from rdverify.ddpm.pipeline import find_pipeline, untrained
from rdverify.tools.errors import InputError


def unet(**more: object) -> UNet2DModel:
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
    sizes = {"layers_per_block": 1, "block_out_channels": (8, 8), "norm_num_groups": 4}
    return UNet2DModel(**blocks, **sizes, sample_size=8, in_channels=1, out_channels=1, **more)


@pytest.mark.parametrize("name", ["", "a/b/c", "/a", "a/", ".", "..", "./a", "a/.b", "~a/b", "a/~"])
def test_what_is_no_id_of_the_hub_is_not_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", None)
    with pytest.raises(InputError, match="there is no such folder"):
        loading._fetched(name, ["*"])


@pytest.mark.parametrize("name", ["alone", "owner/name", "o.n/n~a.", "a-b/c_d"])
def test_an_id_of_the_hub_is_asked_for_and_its_mishap_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[str]]] = []

    def download(place: str, allow_patterns: list[str]) -> str:
        asked.append((place, allow_patterns))
        if len(asked) == 2:
            raise RuntimeError("no\nway " + 100 * "x")
        return "there"

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert loading._fetched(name, ("*.json",)) == Path("there")
    assert asked == [(name, ["*.json"])]
    with pytest.raises(InputError, match=r"not found on the hub: no way x+") as caught:
        loading._fetched(name, ("*.json",))
    assert len(str(caught.value).split("hub: ")[1].split(")")[0]) == 60


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_an_untrained_twin_is_of_the_same_kind_and_of_its_own_seed(dtype: torch.dtype) -> None:
    network = unet().to(dtype).train()
    one, same, other = (untrained(network, seed) for seed in (1, 1, 2))
    weights = [twin.conv_in.weight for twin in (one, same, other)]
    assert weights[0].dtype == dtype
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not one.training
    assert dict(one.config) == dict(network.config)


def test_the_twin_of_a_class_is_asked_for_that_class() -> None:
    twin = untrained(ForClass(unet(num_class_embeds=3), 2), 1)
    assert isinstance(twin, ForClass)
    assert twin.label == 2
    with pytest.raises(InputError, match=r"network = 'Linear' .* of diffusers"):
        untrained(torch.nn.Linear(1, 1), 0)


def test_parts_are_those_that_are_there(tmp_path: Path) -> None:
    assert loading._parts(tmp_path) == []
    index = {"_class_name": "P", "unet": ["d", "U"], "vae": ["d", "V"], "safety": [None, None]}
    (tmp_path / "model_index.json").write_text(json.dumps(index | {"n": 3, "s": "text"}))
    assert loading._parts(tmp_path) == ["unet", "vae"]
    with pytest.raises(InputError, match="a pipeline of unet, vae"):
        find_pipeline(tmp_path)
    (tmp_path / "model_index.json").write_text("[]")
    with pytest.raises(InputError, match="settings"):
        loading._parts(tmp_path)


def test_whole_weights_come_before_their_pieces_and_a_variant_is_its_own(tmp_path: Path) -> None:
    stem = "diffusion_pytorch_model"
    pieces = [f"{stem}-0000{k}-of-00002.safetensors" for k in (2, 1)]
    for name in (*pieces, f"{stem}.fp16.bin", f"{stem}.safetensors.index.json"):
        (tmp_path / name).touch()
    found = {form: [p.name for p in loading._files(tmp_path, *form)] for form in loading.FORMS}
    assert list(found.values()) == [sorted(pieces), [], [], [f"{stem}.fp16.bin"]]
    (tmp_path / f"{stem}.safetensors").touch()
    assert loading._files(tmp_path, None, "safetensors") == [tmp_path / f"{stem}.safetensors"]
