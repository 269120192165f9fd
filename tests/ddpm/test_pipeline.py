"""Names of the hub, twins without training, and what an index says of a pipeline's parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

from rdverify.ddpm import ForClass
from rdverify.ddpm import pipeline as loading
from rdverify.ddpm.pipeline import find_pipeline, load_pipeline, untrained
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


def saved(folder: Path, below: str = "unet") -> UNet2DModel:
    """A pipeline's network and scheduler in folders of their own, or side by side."""
    network, scheduler = unet(), DDPMScheduler(num_train_timesteps=7)
    if below:
        DDPMPipeline(network, scheduler).save_pretrained(folder)
    else:
        network.save_pretrained(folder)
        scheduler.save_pretrained(folder)
    return network


@pytest.mark.parametrize("below", ["unet", ""])
def test_of_the_hub_are_asked_the_weights_where_the_network_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    network, asked = saved(tmp_path, below), []

    def download(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(tmp_path)

    assert find_pipeline(tmp_path).inside is None
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found = find_pipeline("owner/name")
    assert found.home == tmp_path / below
    asked.clear()
    loaded = found.load()
    assert torch.equal(loaded.unet.conv_in.weight, network.conv_in.weight)
    stem = f"{below}/{loading.WEIGHTS}" if below else loading.WEIGHTS
    assert asked == [("owner/name", [f"{stem}.safetensors*", f"{stem}-*.safetensors"])]


def test_what_is_read_of_a_folder_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it left to accelerate, which need not be there and fills no gap of a file."""
    network, told, read = saved(tmp_path), [], UNet2DModel.from_pretrained

    def spied(*places: Any, **options: Any) -> Any:
        told.append((options["local_files_only"], options["low_cpu_mem_usage"]))
        return read(*places, **options)

    monkeypatch.setattr(UNet2DModel, "from_pretrained", spied)
    monkeypatch.setattr("huggingface_hub.snapshot_download", None)
    found = load_pipeline(tmp_path)
    assert told == [(True, False)]
    assert torch.equal(found.unet.conv_in.weight, network.conv_in.weight)
    assert set(found.read) == {
        "unet/config.json",
        f"unet/{loading.WEIGHTS}.safetensors",
        "scheduler/scheduler_config.json",
    }


@pytest.mark.parametrize("given", ["", "scheduler_config.json"])
def test_another_scheduler_is_given_by_its_folder_or_its_file(tmp_path: Path, given: str) -> None:
    saved(tmp_path / "pipeline")
    DDPMScheduler(num_train_timesteps=9).save_pretrained(tmp_path / "other")
    assert find_pipeline(tmp_path / "pipeline").scheduler.config.num_train_timesteps == 7
    found = find_pipeline(tmp_path / "pipeline", tmp_path / "other" / given)
    assert found.scheduler.config.num_train_timesteps == 9
    assert found.settings == tmp_path / "other" / "scheduler_config.json"
