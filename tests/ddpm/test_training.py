"""Training learns, repeats to the bit, and survives being killed at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rdverify import cli
from rdverify.ddpm import training as ddpm_training
from rdverify.ddpm.batches import Batches
from rdverify.ddpm.card import card
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.schedule import Schedule, q_sample
from rdverify.ddpm.training import train
from rdverify.ddpm.unet import architecture, build_unet, load_unet
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder

TINY = TrainingConfig(steps=12, batch=4, warmup=2, widths=(8,))
GOLDEN = ["mnist", "fashionmnist", "cifar10"]


def squares(n: int = 40, channels: int = 1, seed: int = 0) -> ImageSet:
    """White squares at random places on black."""
    rng = np.random.default_rng(seed)
    images = torch.zeros(n, channels, 32, 32, dtype=torch.uint8)
    for image, (row, column) in zip(images, rng.integers(0, 20, (n, 2)), strict=True):
        image[:, row : row + 12, column : column + 12] = 255
    return ImageSet("squares", images, torch.zeros(n, dtype=torch.int64), ("square",))


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


@pytest.mark.twice
def test_equal_seeds_give_equal_weights_and_others_do_not():
    config = replace(TINY, steps=4)
    one, again, other = (
        train(squares(), squares(), each) for each in (config, config, replace(config, seed=1))
    )
    assert same_weights(one.unet, again.unet)
    assert same_weights(one.raw, again.raw)
    assert one.record.losses == again.record.losses
    assert not same_weights(one.unet, other.unet)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that nothing interrupts, with checkpoints."""
    return train(
        squares(),
        squares(),
        TINY,
        checkpoint=tmp_path_factory.mktemp("whole") / "state",
        checkpoint_every=2,
    )


@pytest.mark.once
@pytest.mark.parametrize("stop", [1, 5, 11])
def test_interrupted_training_ends_in_the_same_weights(tmp_path, monkeypatch, whole, stop):
    update = ddpm_training._Training.update

    def killed(training):
        if training.record.step == stop:
            raise KeyboardInterrupt
        update(training)

    path = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(ddpm_training._Training, "update", killed)
        with pytest.raises(KeyboardInterrupt):
            train(squares(), squares(), TINY, checkpoint=path, checkpoint_every=2)
    resumed = train(squares(), squares(), TINY, checkpoint=path, checkpoint_every=2)
    assert same_weights(whole.unet, resumed.unet)
    assert same_weights(whole.raw, resumed.raw)
    assert whole.record.losses == resumed.record.losses
    assert whole.record.validation == resumed.record.validation
    finished = train(squares(), squares(), TINY, checkpoint=path)
    assert same_weights(whole.unet, finished.unet)


@pytest.mark.once
def test_cooldown_lets_the_rate_fall_to_zero_and_resumes(tmp_path, monkeypatch):
    rates, update = [], ddpm_training._Training.update

    def noted(training):
        update(training)
        rates.append(training.adam.param_groups[0]["lr"])

    monkeypatch.setattr(ddpm_training._Training, "update", noted)
    path = tmp_path / "state"
    train(squares(), squares(), TINY, checkpoint=path, until=4)
    cut = train(squares(), squares(), TINY, checkpoint=path, until=8, cooldown=4)
    plain = [TINY.rate(step) for step in range(8)]
    assert rates[:5] == plain[:5]
    assert np.allclose(np.array(rates[4:]) / plain[4:], [1, 0.75, 0.5, 0.25])
    assert same_weights(train(squares(), squares(), TINY, until=8, cooldown=4).unet, cut.unet)
    with pytest.raises(InputError, match="cooldown"):
        train(squares(), squares(), TINY, checkpoint=path, until=10)
    with pytest.raises(InputError, match="cooldown"):
        train(squares(), squares(), TINY, checkpoint=path, until=10, cooldown=4)
    train(squares(), squares(), TINY, checkpoint=tmp_path / "late", until=6)
    with pytest.raises(InputError, match="must be 0, as the checkpoint has it"):
        train(squares(), squares(), TINY, checkpoint=tmp_path / "late", until=8, cooldown=4)


@pytest.mark.once
@pytest.mark.parametrize("stop", [2, 4, 6])
def test_a_training_with_a_cooldown_resumes_wherever_it_was_stopped(tmp_path, monkeypatch, stop):
    """Before the cooldown, at its first step and within it."""
    whole = train(squares(), squares(), TINY, until=8, cooldown=4)
    update, path = ddpm_training._Training.update, tmp_path / "state"

    def stopped(training):
        if training.record.step == stop:
            raise KeyboardInterrupt
        update(training)

    options = {"checkpoint": path, "checkpoint_every": 1, "until": 8, "cooldown": 4}
    with monkeypatch.context() as patch:
        patch.setattr(ddpm_training._Training, "update", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(squares(), squares(), TINY, **options)
    resumed = train(squares(), squares(), TINY, **options)
    assert same_weights(whole.unet, resumed.unet)
    assert resumed.record.cooling == (4, 8)
    if stop < 4:  # another end is no other training before the cooldown has begun
        again = tmp_path / "again"
        with monkeypatch.context() as patch:
            patch.setattr(ddpm_training._Training, "update", stopped)
            with pytest.raises(KeyboardInterrupt):
                train(squares(), squares(), TINY, **options | {"checkpoint": again})
        other = train(squares(), squares(), TINY, checkpoint=again, until=6)
        assert same_weights(other.unet, train(squares(), squares(), TINY, until=6).unet)


def png_folder(root: Path) -> Path:
    for index, image in enumerate(squares(40).images):
        folder = root / f"class{index % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0].numpy(), "L").save(folder / f"{index:03d}.png")
    return root


def command(data: Path, output: Path) -> list[str]:
    options = {"steps": 25, "batch": 4, "widths": "8", "checkpoint-every": 1, "device": "cpu"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return ["train", "ddpm", f"folder:{data}", "--output", str(output), *words]


def run_command(words: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "rdverify", *words], check=True, capture_output=True)


# the command, killed as soon as its third checkpoint lies in its place
KILLED = """
import os, runpy, signal

replace, written = os.replace, []

def counted(source, target, **options):
    replace(source, target, **options)
    written.append(str(target).endswith(".checkpoint.safetensors"))
    if sum(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

os.replace = counted
runpy.run_module("rdverify", run_name="__main__")
"""


@pytest.mark.end_to_end
def test_killed_by_the_system_training_resumes_to_the_same_bytes(tmp_path):
    data = png_folder(tmp_path / "squares")
    run_command(command(data, tmp_path / "whole"))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *command(data, tmp_path / "cut")], capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    weights = Path("ddpm-squares.safetensors")
    assert not (tmp_path / "cut" / weights).exists()  # it was killed on the way
    run_command(command(data, tmp_path / "cut"))
    assert (tmp_path / "cut" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()
    # what a killed writer may leave beside the checkpoint never stands in the way
    whole, cut = (
        json.loads((tmp_path / folder / "ddpm-squares.json").read_text())
        for folder in ("whole", "cut")
    )
    for key in set(whole) - {"seconds"}:
        assert whole[key] == cut[key], key


@pytest.mark.once
def test_training_lowers_the_held_out_error_below_the_best_constant():
    config = replace(
        TINY, steps=100, batch=8, widths=(8, 8), warmup=10, learning_rate=4e-3, ema_decay=0.9
    )
    record = train(squares(200), squares(60, seed=9), config).record
    assert record.validation[0][0] == 0
    # predicting zero leaves the noise's own mean square, 1
    assert record.validation[-1][2] < 0.5
    assert record.losses[-1][1] < 0.6
    steps = [step for step, _ in record.losses]
    assert steps == [50, 100]


def test_eq08_marginal_has_the_mean_and_variance_of_the_closed_form():
    schedule = Schedule.linear()
    generator = torch.Generator().manual_seed(0)
    x_0 = torch.full((4000, 1, 4, 4), 0.7)
    for t in (0, 400, 999):
        noise = torch.randn(x_0.shape, generator=generator)
        x_t = q_sample(x_0, torch.full((4000,), t), schedule, noise).double()
        # one time for all is the same formula, to the bit
        assert torch.equal(x_t, q_sample(x_0, t, schedule, noise).double())
        spread = 1 - schedule.alpha_bar[t]
        n = x_t.numel()
        assert abs(x_t.mean() - 0.7 * schedule.alpha_bar[t] ** 0.5) < 4 * (spread / n) ** 0.5
        assert abs(x_t.var() / spread - 1) < 4 * (2 / n) ** 0.5


def test_each_image_is_seen_once_an_epoch_and_every_time_is_drawn():
    data = squares(40)
    data.images[:, 0, 0, 0] = torch.arange(40)
    schedule = Schedule(np.full(10, 1e-12))  # x_t is x_0 all but exactly
    draw = Batches(data.images, schedule, batch=4, seed=0)
    seen, times = [], set()
    for step in range(10):  # one epoch
        x_t, t, noise = draw(step)
        seen += ((x_t[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
        times |= set(t.tolist())
        assert noise.shape == (4, 1, 32, 32)
    assert sorted(seen) == list(range(40))
    for step in range(10, 60):
        times |= set(draw(step)[1].tolist())
    assert times == set(range(10))


def test_moving_average_of_no_memory_is_the_weights_themselves():
    trained = train(squares(), squares(), replace(TINY, ema_decay=0.0))
    assert same_weights(trained.unet, trained.raw)


@pytest.mark.once
def test_snapshots_hold_untrained_and_last_weights(tmp_path):
    trained = train(squares(), squares(), TINY, snapshots=tmp_path, snapshot_steps=(0,))
    assert same_weights(
        load_unet(tmp_path / "step-00000-ema.safetensors"),
        build_unet(1, widths=TINY.widths, seed=TINY.seed),
    )
    assert same_weights(load_unet(tmp_path / "step-00012-ema.safetensors"), trained.unet)
    assert same_weights(load_unet(tmp_path / "step-00012-raw.safetensors"), trained.raw)


def test_checkpoint_of_other_settings_or_no_checkpoint_is_refused_and_kept(tmp_path):
    path = tmp_path / "state"
    train(squares(), squares(), TINY, checkpoint=path)
    whole = path.read_bytes()
    for config, data, match in (
        (replace(TINY, seed=7), squares(), "seed = 0, now 7"),
        (TINY, squares(seed=5), "images"),
    ):
        with pytest.raises(InputError, match=match):
            train(data, squares(), config, checkpoint=path)
    with pytest.raises(InputError, match="beta"):
        train(squares(), squares(), TINY, checkpoint=path, schedule=Schedule.cosine())
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-10])
    with pytest.raises(InputError, match="must be a whole safetensors file"):
        train(squares(), squares(), TINY, checkpoint=path)


@pytest.mark.once
def test_no_step_is_validated_twice_however_often_it_is_come_to(tmp_path):
    config, path = replace(TINY, steps=3), tmp_path / "state"
    for until, steps in ((1, [0, 1]), (1, [0, 1]), (3, [0, 1, 3]), (3, [0, 1, 3])):
        record = train(squares(), squares(), config, checkpoint=path, until=until).record
        assert [step for step, *_ in record.validation] == steps


def test_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "state"
    train(squares(), squares(), TINY, checkpoint=path)
    whole = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        train(squares(), squares(), TINY, snapshots=tmp_path, checkpoint=tmp_path / "other")
    assert path.read_bytes() == whole
    assert sorted(item.name for item in tmp_path.iterdir()) == ["state"]


def test_loss_that_is_not_finite_stops_with_the_step(tmp_path):
    with pytest.raises(InputError, match=r"loss = \S+ at step 12"):
        train(squares(), squares(), replace(TINY, learning_rate=1e30, clip=1e30, warmup=0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("batch", 0),
        ("learning_rate", 0.0),
        ("ema_decay", 1.0),
        ("clip", 0.0),
        ("seed", -1),
        ("warmup", -1),
        ("steps", 2.5),
        ("precision", "float8"),
        ("pixel_range", "[0,255]"),
    ],
)
def test_bad_settings_are_named(field, value):
    with pytest.raises(InputError, match=field):
        replace(TINY, **{field: value})


def test_too_few_images_and_other_channels_are_refused():
    with pytest.raises(InputError, match="at least a batch"):
        train(squares(3), squares(), TINY)
    with pytest.raises(InputError, match=r"held_out\.channels"):
        train(squares(), squares(channels=3), TINY)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mnist", "--data-root", "nowhere"], "data root"),
        (["folder:empty"], "no images"),
        (["mnist", "--data-root", "empty"], "no readable MNIST"),
        (["mnist", "--steps", "0"], "steps"),
        (["mnist", "--widths", "8,x"], "widths"),
        (["mnist", "--store", "float8"], "store"),
        (["folder:squares", "--batch", "4", "--device", "abacus"], "device = 'abacus'"),
    ],
)
def test_command_exits_with_2_and_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    png_folder(Path("squares"))
    monkeypatch.setattr(sys, "argv", ["rdverify", "train", "ddpm", *arguments, "--output", "out"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    lines = capsys.readouterr().err.strip().splitlines()
    assert caught.value.code == 2
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.once
def test_card_thins_the_loss_curve_but_keeps_its_mean(tmp_path):
    trained = train(squares(), squares(), TINY)
    trained.record.losses[:] = [(step, float(step % 7)) for step in range(1, 601)]
    told = card("squares", squares(), squares(), TINY, Schedule.linear(), trained)
    assert len(told["loss"]) == 100
    assert np.mean([row["mse"] for row in told["loss"]]) == pytest.approx(
        np.mean([step % 7 for step in range(1, 601)])
    )


@pytest.mark.parametrize("name", GOLDEN)
def test_shipped_weights_match_their_cards(name):
    weights = golden_folder() / "weights" / f"ddpm-{name}.safetensors"
    told = json.loads(weights.with_suffix(".json").read_text())
    unet = load_unet(weights, channels=3 if name == "cifar10" else 1)
    assert architecture(unet) == told["architecture"]
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == told["sha256"]
    last = told["validation"][-1]
    assert last["step"] == told["training"]["steps"]
    assert last["mse_ema"] < 0.1 * told["validation"][0]["mse_ema"]
    if name == "cifar10":
        assert told["data"] == "first 4,000 images of CIFAR-10"


@pytest.mark.parametrize("name", GOLDEN)
def test_shipped_network_tells_noise_from_image(name):
    unet = load_unet(golden_folder() / "weights" / f"ddpm-{name}.safetensors")
    channels = architecture(unet)["channels"]
    x_0 = squares(8, channels).scaled()
    noise = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = unet(q_sample(x_0, 300, Schedule.linear(), noise), torch.full((8,), 300)).sample
    # a square is no digit, yet far better than zero (1) must come out
    assert float(((found - noise) ** 2).mean()) < 0.5


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.once
def test_rounding_the_weights_to_half_precision_moves_the_prediction_little(name):
    unet = load_unet(golden_folder() / "weights" / f"ddpm-{name}.safetensors")
    channels = architecture(unet)["channels"]
    generator = torch.Generator().manual_seed(2)
    x_t = torch.randn(4, channels, 32, 32, generator=generator)
    times = torch.tensor([0, 100, 500, 999])
    with torch.no_grad():
        before = unet(x_t, times).sample
        for parameter in unet.parameters():  # float16 rounds by up to 2^-11 of each weight
            parameter *= 1 + (torch.rand(parameter.shape, generator=generator) * 2 - 1) * 2**-11
        moved = float((unet(x_t, times).sample - before).square().mean().sqrt())
    # the norm of the noise is 1 a pixel; with 16 trajectories M_react is known to about 1e-3
    assert moved < 1e-3
