"""The full profile: train the three networks anew, and measure every record again."""

from __future__ import annotations

from pathlib import Path

from rdverify.ddpm.card import card, training, write_weights
from rdverify.ddpm.card_record import load_carded, read_card
from rdverify.ddpm.checkpoint import Record
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet, load_images
from rdverify.ddpm.study.open_settings import measure_open
from rdverify.ddpm.study.quality_record import EPOCHS, record_quality
from rdverify.ddpm.study.records import final_errors
from rdverify.ddpm.study.rows import (
    FINAL_RECORD,
    OPEN_RECORD,
    QUALITY_RECORD,
    RECORD,
    ROWS,
    SCHEDULE,
    TRAINING_RECORD,
    load_row,
)
from rdverify.ddpm.study.settings import search
from rdverify.ddpm.study.training_curve import measure_training
from rdverify.ddpm.training import train
from rdverify.study import Context
from rdverify.study.frames import read_frame
from rdverify.tools.errors import InputError

Splits = tuple[str, ImageSet, ImageSet]  # name, to train on, held out


def find_data(context: Context) -> dict[str, Splits]:
    """The images of each row: CIFAR-10 whole, or its first 4,000 where only those are there.

    Raises:
        InputError: where a row has no data below the root; nothing was trained yet.

    """
    found: dict[str, Splits] = {}
    for row, names in ((row.setting, row.datasets) for row in ROWS.values()):
        refused: InputError | None = None
        for name in names:
            try:
                train_split, test_split = (
                    load_images(name, split, root=context.data_root, download=context.download)
                    for split in ("train", "test")
                )
            except InputError as error:
                refused = refused or error  # that of the better data set tells what to fetch
                continue
            found[row] = (name, train_split, test_split)
            break
        else:
            assert refused is not None
            raise refused
    return found


def recipe(context: Context, row: str) -> TrainingConfig:
    """How the shipped network of a row was trained, from its card."""
    told = load_row(context.golden, row)[1]["training"]
    fields = {name: told[name] for name in vars(TrainingConfig()) if name in told}
    levels = {name: tuple(told.get(name, ())) for name in ("widths", "attention")}
    return TrainingConfig(**fields | levels | {"steps": told["steps_planned"]})


def retrain(
    context: Context, config: TrainingConfig | None = None, quality_images: int = 500
) -> tuple[Path, Path]:
    """Train into ``context.work``, measure every record, and return where both lie.

    Resumes from checkpoints, weights and records that an earlier run left there.

    Args:
        context: its data root holds the three data sets.
        config: of the training; default what the shipped networks' cards say.
        quality_images: samples of each network held against real images.

    Returns:
        (folder with weights/, folder of records), as ``measure`` wants them.

    Raises:
        InputError: where data are missing; before any training.

    """
    folder, progress = context.work / "ddpm", context.progress
    records = folder / "search"
    data = find_data(context)
    for row, splits in data.items():
        _train_row(context, folder, row, splits, config)
    for dataset in EPOCHS:
        if not _quality_measured(folder, dataset):
            record_quality(
                dataset, folder, root=context.data_root, images=quality_images, progress=progress
            )
    final_errors(
        folder,
        records / FINAL_RECORD,
        context.data_root,
        {row: name for row, (name, _, _) in data.items()},
    )
    search(folder, records / RECORD, progress)
    measure_open(folder, records / OPEN_RECORD, progress)
    return folder, records


def _train_row(
    context: Context, folder: Path, row: str, splits: Splits, config: TrainingConfig | None
) -> None:
    """Train one network, unless it is there, and measure R along its training."""
    (name, images, held_out), stem, progress = splits, ROWS[row].file, context.progress
    weights, own = folder / "weights" / f"{stem}.safetensors", config or recipe(context, row)
    other = _differs(weights, images, own) if weights.exists() else "not yet trained"
    progress.say(f"{row}: {other or 'already trained'}, {weights}")
    if other:
        trained = train(
            images,
            held_out,
            own,
            schedule=SCHEDULE,
            checkpoint=folder / f"{stem}.checkpoint.safetensors",
            snapshots=folder / f"{stem}-snapshots",
            progress=progress,
        )
        write_weights(trained.unet, card(name, images, held_out, own, SCHEDULE, trained), weights)
    measure_training(
        folder / "search" / TRAINING_RECORD,
        name,
        folder / f"{stem}-snapshots",
        card=read_card(weights.with_suffix(".json")),
        progress=progress,
    )


def _differs(weights: Path, images: ImageSet, config: TrainingConfig) -> str:
    """What keeps an earlier run's weights from being those of this training, in words."""
    try:
        told = load_carded(weights, images.channels)[1]
    except InputError as error:
        return f"trained anew ({error})"
    if told["data_sha256"] != images.sha256:
        return "trained anew (its weights learned from other images)"
    if told["training"] != training(config, Record(config.steps)):
        return "trained anew (its weights are of other settings or steps)"
    return ""


def _quality_measured(folder: Path, dataset: str) -> bool:
    """Whether an earlier run has finished :func:`record_quality`."""
    table = folder / "search" / QUALITY_RECORD
    return table.exists() and dataset in set(read_frame(table)["dataset"])
