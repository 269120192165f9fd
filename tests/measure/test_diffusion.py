"""A diffusers pipeline's certificate: against a loop of one's own, from every layout of files."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import diffusers
import jsonschema
import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMPipeline,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    EulerDiscreteScheduler,
    UNet1DModel,
    UNet2DModel,
)
from packaging.version import Version
from safetensors.torch import load_file, save_file

import rdverify.ddpm.pipeline as loading
from rdverify.balance import balance_of
from rdverify.cli import app, guarded
from rdverify.ddpm import Schedule, load_pipeline, sample
from rdverify.measure import certificate_schema, certify_folder, certify_pipeline, read_certificate
from rdverify.measure.certifying import resemblance
from rdverify.tools.errors import InputError
from rdverify.tools.records import plain
from rdverify.trace import Trace

WEIGHTS = "diffusion_pytorch_model.safetensors"
NEW = Version(diffusers.__version__) >= Version("0.33")


def unet(out: int = 2, seed: int = 0, **more) -> UNet2DModel:
    torch.manual_seed(seed)
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
    sizes = {"layers_per_block": 1, "block_out_channels": (8, 8), "norm_num_groups": 4}
    shape = {"sample_size": 8, "in_channels": 2, "out_channels": out}
    return UNet2DModel(**blocks, **sizes, **shape, **more).eval()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that plain diffusers code made and saved."""
    folder = tmp_path_factory.mktemp("pipeline")
    DDPMPipeline(unet(), DDPMScheduler(num_train_timesteps=24)).save_pretrained(folder)
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "pipeline"))


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def quick(place, **more):
    return certify_folder(place, **{"images": 3, "seeds": 0, "device": "cpu"} | more)


def test_the_certificate_is_that_of_a_loop_of_ones_own_around_diffusers_step(made):
    """Both terms as differences of states, from diffusers' pipeline and step alone."""
    found = certify_folder(made, images=4, seeds=0, steps=12, device="cpu")
    pipeline = DDPMPipeline.from_pretrained(made, low_cpu_mem_usage=False)
    pipeline.set_progress_bar_config(disable=True)
    scheduler, network = pipeline.scheduler, pipeline.unet.double()
    scheduler.set_timesteps(12)
    # the noise that the command draws: image k from a stream of its own
    states = [int(np.random.SeedSequence((0, k)).generate_state(1, np.uint64)[0]) for k in range(4)]
    streams = [torch.Generator().manual_seed(state >> 1) for state in states]
    x = torch.stack([torch.empty(2, 8, 8).normal_(generator=g) for g in streams])
    reaction, diffusion = [], []
    with torch.no_grad():
        for t in scheduler.timesteps:
            output = network(x.double(), t).sample
            z = torch.stack([torch.empty(2, 8, 8).normal_(generator=g) for g in streams]).double()
            mean, after = (step(scheduler, output, t, x.double(), z * k) for k in (0, 1))
            reaction.append((mean - x).flatten(1).norm(dim=1).mean())
            diffusion.append((after - mean).flatten(1).norm(dim=1).mean())
            x = after.float()
    assert found.m_react == pytest.approx(float(np.mean(reaction)), rel=1e-5)
    assert found.m_diff == pytest.approx(float(np.mean(diffusion)), rel=1e-6)
    ratios = np.divide(reaction[:-1], diffusion[:-1])
    assert found.r_t.values[:-1] == pytest.approx(ratios, rel=1e-4)
    assert found.r_t.values[-1] is None  # fixed_small: no noise, and no ratio


def step(scheduler, output, t, x, z):
    with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", return_value=z):
        return scheduler.step(output, t, x).prev_sample


@pytest.mark.twice
def test_what_it_says_besides(made, tmp_path):
    found = certify_folder(made, images=4, seeds=2, device="cpu", command="as typed")
    assert found.kind == "ddpm"
    assert found.r.n == 4
    assert found.r.low < found.r.value < found.r.high
    twins, exact = found.controls
    assert (twins.name, twins.r.n) == ("untrained twins", 2)
    assert exact.r.low is None
    assert exact.r.value > 0
    # the model is untrained itself
    assert twins.differs is False
    assert any("not defined there" in note for note in found.notes)
    assert any("at step 23 of 24" in note for note in found.notes)
    assert found.mode.label is not None
    assert set(found.origin.sha256) == {
        "unet/config.json",
        f"unet/{WEIGHTS}",
        "scheduler/scheduler_config.json",
    }
    assert found.origin.settings["T"] == 24
    jsonschema.validate(plain(found), certificate_schema())
    large = certify_pipeline(
        DDPMPipeline(unet(), DDPMScheduler(num_train_timesteps=24, variance_type="fixed_large")),
        images=2,
        seeds=0,
    )
    assert large.r_t.values[-1] is not None
    assert any("would add counts" in note for note in large.notes)


def test_a_step_without_noise_does_not_pass_for_a_rise_of_r_t():
    """Its R_t, infinite, would be the steepest rise of all."""
    trace = Trace(np.full((2, 200), 0.3), np.where(np.arange(200) < 199, np.ones((2, 200)), 0))
    assert resemblance(trace).label == "none"


@pytest.mark.twice
def test_every_layout_of_the_same_files_gives_the_same(made, tmp_path):
    same = quick(made).r.value
    flat, apart = tmp_path / "flat", tmp_path / "apart"
    shutil.copytree(made / "unet", flat)
    shutil.copy(made / "scheduler" / "scheduler_config.json", flat)
    shutil.copytree(made / "unet", apart)
    for place, scheduler in (
        (flat, None),
        (made / "unet", None),  # its scheduler lies beside it
        (apart, made / "scheduler"),
        (apart, made / "scheduler" / "scheduler_config.json"),
    ):
        assert quick(place, scheduler=scheduler).r.value == same
    with pytest.raises(InputError, match="must have a scheduler/"):
        quick(apart)


def test_what_else_a_pipeline_has_is_told(copy):
    """As a latent diffusion model, whose chain is one of latents."""
    rewrite(copy / "model_index.json", vqvae=["diffusers", "VQModel"], image_encoder=[None, None])
    assert any("pipeline's vqvae did nothing" in note for note in quick(copy).notes)


@pytest.mark.twice
def test_every_form_of_weights_gives_the_same(copy):
    same, home = quick(copy).r.value, copy / "unet"
    network = UNet2DModel.from_pretrained(home, low_cpu_mem_usage=False)
    forms = [{"safe_serialization": False}, {"variant": "fp16"}]
    # older ones read shards only with the help of another package
    forms += (
        [{"max_shard_size": "20KB"}] if Version(diffusers.__version__) >= Version("0.33") else []
    )
    for options in forms:
        for path in home.iterdir():
            path.unlink()
        network.save_pretrained(home, **options)
        found = quick(copy)
        assert found.r.value == same
        read = {path.name for path in home.iterdir() if not path.name.endswith("index.json")}
        assert {name.removeprefix("unet/") for name in found.origin.sha256} == read | {
            "scheduler/scheduler_config.json"
        }


def test_ddim_asks_for_its_noise_and_is_measured_with_it(tmp_path):
    scheduler = DDIMScheduler(num_train_timesteps=24)
    DDIMPipeline(unet(), scheduler).save_pretrained(tmp_path / "ddim")
    with pytest.raises(InputError, match=r"eta = 0.0 .* no denominator"):
        quick(tmp_path / "ddim")
    half, whole = (quick(tmp_path / "ddim", eta=eta, steps=8) for eta in (0.5, 1.0))
    assert half.r.value > whole.r.value
    assert half.m_diff == pytest.approx(whole.m_diff / 2, rel=1e-6)


@pytest.mark.twice
def test_learned_variance_classes_and_other_sizes(tmp_path):
    scheduler = DDPMScheduler(num_train_timesteps=12, variance_type="learned_range")
    network = unet(4, num_class_embeds=3)
    DDPMPipeline(network, scheduler).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"class_label = None .* from 0 to 2"):
        quick(tmp_path)
    found = quick(tmp_path, class_label=1, size=(12, 4), seeds=2)
    assert found.origin.settings["shape"] == [2, 12, 4]
    assert any("predicts the variance" in note for note in found.notes)
    assert quick(tmp_path, class_label=2).r.value != quick(tmp_path, class_label=1).r.value


SPOILT = {
    "no folder, no hub": (lambda f: f / "none" / "there" / "at all", "no such folder"),
    "a file": (lambda f: f / "model_index.json", "must be a folder"),
    "an empty folder": (lambda f: empty(f), "no config.json"),
    "a pipeline without a unet": (lambda f: autoencoder(f), "a pipeline of vae, scheduler"),
    "a network in one dimension": (lambda f: line(f), "UNet1DModel"),
    "another scheduler": (lambda f: euler(f), "EulerDiscreteScheduler"),
    "a scheduler nobody knows": (
        lambda f: scheduler(f, _class_name="MyScheduler"),
        "scheduler = 'MyScheduler'",
    ),
    "a scheduler of another variance": (
        lambda f: scheduler(f, variance_type="fixed_large_log"),
        "variance_type = 'fixed_large_log'",
    ),
    "a variance that no one predicts": (
        lambda f: scheduler(f, variance_type="learned"),
        "out_channels = 2",
    ),
    "settings that are no JSON": (lambda f: torn(f), "scheduler_config.json' is not allowed"),
    "a network of text": (
        lambda f: network(f, _class_name="UNet2DConditionModel"),
        "UNet2DConditionModel",
    ),
    "a network of no size": (lambda f: network(f, sample_size=None), "shape = None"),
}


def empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def autoencoder(folder: Path) -> Path:
    shutil.rmtree(folder / "unet")
    index = {"_class_name": "SomePipeline", "vae": ["diffusers", "AutoencoderKL"]}
    index |= {"scheduler": ["diffusers", "DDPMScheduler"], "safety_checker": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    AutoencoderKL(block_out_channels=(32,)).save_pretrained(folder / "vae")
    return folder


def line(folder: Path) -> Path:
    shutil.rmtree(folder / "unet")
    UNet1DModel(block_out_channels=(8, 8, 8), layers_per_block=1).save_pretrained(folder / "unet")
    return folder


def euler(folder: Path) -> Path:
    EulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    return folder


def scheduler(folder: Path, **changes) -> Path:
    rewrite(folder / "scheduler" / "scheduler_config.json", **changes)
    return folder


def network(folder: Path, **changes) -> Path:
    rewrite(folder / "unet" / "config.json", **changes)
    return folder


def torn(folder: Path) -> Path:
    (folder / "scheduler" / "scheduler_config.json").write_text("{")
    return folder


@pytest.mark.parametrize("name", SPOILT)
def test_a_wrong_kind_of_folder_is_told_before_weights_are_read(copy, name):
    spoil, words = SPOILT[name]
    for weights in (copy / "unet").glob("*.safetensors"):
        weights.unlink()  # so that reading them would be another error
    with pytest.raises(InputError, match=words) as caught:
        quick(spoil(copy))
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_sound_are_named(copy):
    path = copy / "unet" / WEIGHTS
    whole = load_file(path)
    for key, change, words in (
        ("conv_in.weight", lambda v: v * math.nan, r"conv_in.weight of .*NaN"),
        ("conv_in.bias", lambda v: None, r"conv_in.bias.*must be there"),
        ("conv_in.bias", lambda v: v[:3].clone(), r"conv_in.bias"),
    ):
        tensors = whole | {key: change(whole[key])}
        save_file({k: v for k, v in tensors.items() if v is not None}, path)
        with pytest.raises(InputError, match=words) as caught:
            quick(copy)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"no safetensors at all")
    with pytest.raises(InputError, match="unet = "):
        quick(copy)
    path.unlink()
    with pytest.raises(InputError, match=f"folder with {WEIGHTS}"):
        quick(copy)


def test_any_network_under_a_schedule_of_ones_own():
    schedule = Schedule.linear(30)
    found = certify_pipeline(lambda x, t: 0.9 * x, schedule, shape=(1, 6, 6), images=3)
    _, trace = sample(lambda x, t: 0.9 * x, schedule, (1, 6, 6), images=3)
    assert found.r.value == balance_of(trace).r
    assert [control.name for control in found.controls] == ["closed form"]
    assert any("no untrained twin" in note for note in found.notes)
    half = certify_pipeline(unet().half(), DDPMScheduler(num_train_timesteps=5), images=2, seeds=0)
    assert any("computes in float16; the state and all norms are float32" in n for n in half.notes)


def test_weights_with_the_old_names_of_attention_are_read(tmp_path):
    """As the first pipelines on the hub have them."""
    blocks = {"down_block_types": ("DownBlock2D", "AttnDownBlock2D")}
    blocks["up_block_types"] = ("AttnUpBlock2D", "UpBlock2D")
    network = UNet2DModel(
        **blocks, sample_size=8, in_channels=1, out_channels=1, layers_per_block=1,
        block_out_channels=(8, 8), norm_num_groups=4, attention_head_dim=8,
    )  # fmt: skip
    DDPMPipeline(network, DDPMScheduler(num_train_timesteps=6)).save_pretrained(tmp_path)
    same, path = quick(tmp_path).r.value, tmp_path / "unet" / WEIGHTS
    new = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = load_file(path)
    for now, then in new.items():
        tensors = {name.replace(f".{now}.", f".{then}."): v for name, v in tensors.items()}
    assert any(".query." in name for name in tensors)
    save_file(tensors, path)
    assert quick(tmp_path).r.value == same


@pytest.mark.twice
def test_reading_a_pipeline_changes_no_random_state(made):
    before = torch.get_rng_state()
    load_pipeline(made)
    quick(made, seeds=2)
    assert torch.equal(torch.get_rng_state(), before)


# --- the hub ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.twice
def test_a_hub_id_is_fetched_settings_first_and_weights_of_one_form(copy, monkeypatch, form):
    if form == "bin":
        path = copy / "unet" / WEIGHTS
        path.unlink()
        unet().save_pretrained(copy / "unet", safe_serialization=False)
    asked = []

    def snapshot_download(name, allow_patterns):
        asked.extend(allow_patterns)
        return str(copy)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.chdir(copy.parent)
    found = quick("someone/their-ddpm")
    assert found.r.value == quick(copy).r.value
    assert asked[:2] == ["model_index.json", "*config.json"]
    assert asked[-2] == f"unet/diffusion_pytorch_model.{form}*"
    assert all("/" not in name or name.startswith("unet/") for name in asked)


@pytest.mark.once
def test_a_hub_id_without_network_is_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "rdverify", "measure", "ddpm", "someone/their-ddpm"],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "not found on the hub" in done.stderr
    assert not list(tmp_path.glob("rdverify-measure*"))


# --- the command ------------------------------------------------------------------------


def run(*words: str) -> int:
    return guarded(lambda: app(list(words), standalone_mode=False))


@pytest.mark.twice
def test_the_command_writes_a_certificate(made, tmp_path, capsys):
    words = ["measure", "ddpm", str(made), "--images", "2", "--seeds", "0", "--steps", "6"]
    assert run(*words, "--output", str(tmp_path / "out"), "--size", "8x12") == 0
    found = read_certificate(tmp_path / "out" / "certificate.json")
    assert found.r_t.steps == 6
    assert found.origin.settings["shape"] == [2, 8, 12]
    assert f"R = {found.r.value:.5g}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--images", "1"], "images = 1"),
        (["--seeds", "1"], "seeds = 1"),
        (["--steps", "0"], "steps = 0"),
        (["--steps", "25"], "steps = 25"),
        (["--eta", "0.5"], "eta = 0.5"),
        (["--eta", "nan"], "eta = nan"),
        (["--batch", "0"], "batch = 0"),
        (["--seed", "-1"], "seed = -1"),
        (["--size", "8x"], "size = '8x'"),
        (["--size", "0"], "size = '0'"),
        (["--size", "8x8x8"], "size = '8x8x8'"),
        (["--device", "abacus"], "device = 'abacus'"),
        (["--class-label", "1"], "class_label = 1"),
        (["--scheduler", "nowhere"], "scheduler = 'nowhere'"),
    ],
)
@pytest.mark.twice
def test_bad_options_are_one_line_and_status_2(made, tmp_path, capsys, words, told):
    assert run("measure", "ddpm", str(made), "--output", str(tmp_path / "out"), *words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_a_bad_seed_is_named_before_weights_are_read(made, monkeypatch):
    monkeypatch.setattr(loading, "_network", lambda *_: pytest.fail("weights were read"))
    for bad in ({"images": 2.0}, {"seed": 1.7}, {"images": 10**12}, {"seeds": True}, {"batch": 0}):
        with pytest.raises(InputError, match=f"{next(iter(bad))} = "):
            quick(made, **bad)
