"""Long work: ``rdverify train ...``, ``rdverify record ...`` and ``rdverify sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdverify import systems
from rdverify.tools.errors import require

if TYPE_CHECKING:
    from rdverify.ddpm.config import TrainingConfig

train = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train a network.")
record = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Measure once more what the package ships as a record.",
)

DataRoot = Annotated[
    Path | None, typer.Option(help="Folder of the image data sets.", envvar="RDVERIFY_DATA")
]
Golden = Annotated[
    Path | None, typer.Option(help="Folder with weights/ and search/; default: the shipped one.")
]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; default a GPU where there is one.")]
Snapshots = Annotated[bool, typer.Option("--snapshots", help="Keep weights on the way.")]
Attention = Annotated[
    str, typer.Option(help="Levels with self-attention, such as 2,3; 0 is the finest.")
]
Store = Annotated[str, typer.Option(help="float32 or float16, of the weights file.")]
STORES = ("float32", "float16")


@train.command()
def ddpm(
    dataset: Annotated[
        str, typer.Argument(help="mnist, fashionmnist, cifar10, ... or folder:PATH")
    ],
    output: Annotated[Path, typer.Option(help="Folder for weights, card and checkpoint.")],
    data_root: DataRoot = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the data if missing.")
    ] = False,
    steps: Annotated[
        int | None, typer.Option(help="Steps after which the rate has fallen to 0.")
    ] = None,
    until: Annotated[int | None, typer.Option(help="Stop after this step, resumably.")] = None,
    cooldown: Annotated[
        int, typer.Option(help="The last steps before --until, with the rate falling to 0.")
    ] = 0,
    batch: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam, at its highest.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order, times and noise.")] = None,
    pixel_range: Annotated[str | None, typer.Option(help="[-1,1] or [0,1].")] = None,
    flip: Annotated[bool, typer.Option("--flip", help="Mirror images at random.")] = False,
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16.")] = None,
    widths: Annotated[str, typer.Option(help="Channels by level, such as 32,64,64.")] = "",
    norm_groups: Annotated[
        int | None, typer.Option(help="Groups of channels that are normalised together.")
    ] = None,
    attention: Attention = "",
    device: Device = None,
    checkpoint_every: Annotated[int, typer.Option(help="Steps between two checkpoints.")] = 500,
    store: Store = "float32",
    snapshots: Snapshots = False,
) -> None:
    """Train the noise predictor on images; a stopped training goes on where it was."""
    require(store in STORES, "store", store, " or ".join(STORES))
    config = _training_config(
        widths=_whole_numbers("widths", widths),
        attention=_whole_numbers("attention", attention),
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        pixel_range=pixel_range,
        flip=flip,
        precision=precision,
        norm_groups=norm_groups,
    )
    from rdverify.ddpm.card import train_and_save

    train_and_save(
        dataset,
        output,
        config,
        data_root=data_root,
        download=download,
        until=until,
        cooldown=cooldown,
        device=device,
        checkpoint_every=checkpoint_every,
        half=store == "float16",
        snapshots=snapshots,
    )


def _whole_numbers(name: str, typed: str) -> tuple[int, ...] | None:
    """The numbers of "2,3"; None for nothing."""
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    whole = all(part.isdecimal() for part in parts)
    require(whole, name, typed, "whole numbers with commas between")
    return tuple(map(int, parts)) or None


def _training_config(**given: Any) -> TrainingConfig:
    """What was typed; the rest as the configuration has it."""
    from rdverify.ddpm.config import TrainingConfig

    return TrainingConfig(**{k: v for k, v in given.items() if v is not None})


def _golden(folder: Path | None) -> Path:
    """The folder to record in, which can be written."""
    from rdverify.tools.files import check_output_folder
    from rdverify.tools.paths import golden_folder

    found = folder or golden_folder(held=False)  # records are made there, one by one
    search = found / "search"
    check_output_folder(search if search.exists() else found)
    return found


@record.command()
def variants(golden: Golden = None, images: Annotated[int, typer.Option(min=2)] = 4) -> None:
    """Variants of the DDPM sampler with the trained networks (ddpm.csv, ddpm_open.csv); resumes."""
    from rdverify.ddpm.study.open_settings import measure_open
    from rdverify.ddpm.study.rows import OPEN_RECORD, RECORD
    from rdverify.ddpm.study.settings import search
    from rdverify.tools.progress import ConsoleReporter

    folder = _golden(golden)
    search(folder, folder / "search" / RECORD, ConsoleReporter(), images)
    measure_open(folder, folder / "search" / OPEN_RECORD, ConsoleReporter())


@record.command()
def final(golden: Golden = None, data_root: DataRoot = None) -> None:
    """Error of each DDPM network near the data, on held-out images (ddpm_final.csv)."""
    from rdverify.ddpm.study.records import final_errors
    from rdverify.ddpm.study.rows import FINAL_RECORD, ROWS, load_row

    folder = _golden(golden)
    datasets = {name: load_row(folder, name)[1]["dataset"] for name in ROWS}
    final_errors(folder, folder / "search" / FINAL_RECORD, data_root, datasets)


@record.command()
def architecture(
    cards: Annotated[list[Path], typer.Argument(help="CARD.json of each, beside its weights.")],
    golden: Golden = None,
) -> None:
    """The same row from networks of several shapes (ddpm_architecture.csv)."""
    from rdverify.ddpm.study.records import compare
    from rdverify.ddpm.study.rows import ARCHITECTURE_RECORD
    from rdverify.tools.progress import ConsoleReporter

    compare(cards, _golden(golden) / "search" / ARCHITECTURE_RECORD, ConsoleReporter())


@record.command()
def noise(golden: Golden = None) -> None:
    """M_diff of chains of noise without any network (ddpm_noise.csv)."""
    from rdverify.ddpm.study.noise import measure_noise
    from rdverify.ddpm.study.rows import NOISE_RECORD
    from rdverify.tools.progress import ConsoleReporter

    measure_noise(_golden(golden) / "search" / NOISE_RECORD, ConsoleReporter())


@record.command()
def quality(
    dataset: Annotated[str, typer.Argument(help="mnist or fashionmnist")],
    golden: Golden = None,
    data_root: DataRoot = None,
    images: Annotated[int, typer.Option(min=2, help="Samples of each network.")] = 500,
    steps: Annotated[int, typer.Option(min=2, help="Steps of a sample.")] = 125,
) -> None:
    """Kernel distance of samples to real images (image_quality.csv)."""
    from rdverify.ddpm.study.quality_record import EPOCHS, record_quality
    from rdverify.tools.progress import ConsoleReporter

    require(dataset in EPOCHS, "dataset", dataset, f"one of {', '.join(EPOCHS)}")
    for row in record_quality(
        dataset,
        _golden(golden),
        root=data_root,
        images=images,
        steps=steps,
        progress=ConsoleReporter(),
    ):
        typer.echo(row)


@record.command()
def training_curve(
    trainings: Annotated[
        list[str], typer.Argument(help="CARD.json=FOLDER of each training's snapshots.")
    ],
    golden: Golden = None,
) -> None:
    """R along trainings, from the weights kept on the way (ddpm_training.csv); resumes."""
    from rdverify.ddpm.study.rows import TRAINING_RECORD
    from rdverify.ddpm.study.training_curve import measure_trainings

    measure_trainings(trainings, _golden(golden) / "search" / TRAINING_RECORD)


def sweep(
    study: Annotated[Path | None, typer.Argument(help="TOML file.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the record. Default: the study's name.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; default: the cores there are.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Of a Dask cluster, such as tcp://host:8786.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do failed runs again.")
    ] = False,
    fields: Annotated[
        str | None, typer.Option(help="List the settings of a system, and what a run tells.")
    ] = None,
) -> None:
    r"""Run a system over a grid or a space-filling design of its settings.

    A study says which system, what varies, what is fixed, and with which seeds:

    \b
      system = "gray-scott"           # lstm, ddpm, or package.module:function
      seeds = [0, 1, 2]
      [design]
      kind = "sobol"                  # halton, latin-hypercube; default: grid
      runs = 512
      [fixed]
      rows = 64
      cols = 64
      [axes]
      feed_rate = { low = 0.01, high = 0.08 }       # points = 15 in a grid
      dx = { low = 0.005, high = 0.02, scale = "log" }
      noise_kind = ["normal", "uniform"]

    Every run is a row: the setting, its numbers such as r, or its error. Rows are written as they
    come, so that the same command goes on after an interruption; at the end they stand sorted
    in results.parquet (pandas.read_parquet), the same to the byte wherever the runs were done.

    On a cluster: pip install 'rdverify[dask]', dask scheduler, on each machine dask worker
    tcp://host:8786, and --scheduler tcp://host:8786. A system of your own is a function in a
    module: def mine(setting): return {"r": ...}.
    """
    from tabulate import tabulate

    from rdverify.sweep import command as sweeping
    from rdverify.tools.progress import ConsoleReporter
    from rdverify.tools.provenance import typed_command

    if fields is not None:
        allowed = f"{', '.join(systems.TARGETS)} or package.module:function"
        require(fields in systems.TARGETS or ":" in fields, "fields", fields, allowed)
        typer.echo(sweeping.fields_text(systems.TARGETS.get(fields, fields)))
        return
    require(study is not None, "study", study, "given: a TOML file")
    assert study is not None
    results = sweeping.sweep(
        study,
        systems.TARGETS,
        ConsoleReporter(),
        output=output,
        workers=workers,
        scheduler=scheduler,
        retry_failed=retry_failed,
        command=typed_command(),
    )
    line, numbers = sweeping.summary(results)
    typer.echo(tabulate(numbers, ("number", "lowest", "median", "highest")))
    typer.echo(line)
