"""``rdverify measure ...``: a model of one's own, its certificate, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rdverify.tools.errors import require

if TYPE_CHECKING:
    from rdverify.measure.certificate import Certificate
    from rdverify.measure.network import Kind

measure = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Measure a model of your own: how do its reaction and its diffusion balance?

    Every model that changes a state step by step adds something to it (reaction) and spreads or
    loses something (diffusion). R is the ratio of their mean lengths. Nothing of the model
    is changed, and nothing in a weights file is run.

    An LSTM or GRU: save its weights and the sequences that it is to read,

    \b
      torch.save(model.lstm.state_dict(), "lstm.pt")        # or safetensors
      numpy.save("series.npy", x)                           # (sequences, steps, features)
      rdverify measure lstm lstm.pt series.npy

    A PDE: name its kinetics, or write them as a function of your own,

    \b
      rdverify measure pde schnakenberg --set a=0.1 --set b=0.9
      # mine.py:  def reaction(u, v, rate=0.3): return rate - u * v, u * v - v
      rdverify measure pde mine.py --set rate=0.5 --set d_v=10

    A diffusion model: a folder that save_pretrained of diffusers wrote, or its id on the hub,

    \b
      pipeline.save_pretrained("my-ddpm")                   # a UNet2DModel and its scheduler
      rdverify measure ddpm my-ddpm --steps 50

    Each writes a certificate into the folder --output: R with its interval, R_t over time, controls
    (such as untrained twins), what R can't tell here, and hashes of what was read;
    certificate.html is the page to look at first, certificate.json the same for programs.

    From Python the same is rdverify.measure; for any other model, hand both terms of each step
    to rdverify.measure.Recorder in your own loop.
    """,
)

Output = Annotated[Path, typer.Option(help="Folder for the certificate's four files.")]
Weights = Annotated[
    Path, typer.Argument(help="safetensors, or a state dict written by torch.save.")
]
Series = Annotated[
    Path,
    typer.Argument(
        help="Sequences to read: .npy of (sequences, steps, features), NaN after a sequence's end; "
        ".csv or .parquet with one row a step and one column a feature."
    ),
]
Prefix = Annotated[
    str | None, typer.Option(help="Of the keys, where the file has several recurrent modules.")
]
Gates = Annotated[
    str,
    typer.Option(
        help="Order of the gates in the weights: torch, keras, or letters such as ifco (lstm) or "
        "zrn (gru). auto: keras for Keras's names, else torch."
    ),
]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 ...")]
Columns = Annotated[str, typer.Option(help="Of a table, the features in order: a,b,c.")]
Sequence = Annotated[str | None, typer.Option(help="Column of a table that numbers the sequences.")]
Seeds = Annotated[int, typer.Option(help="Untrained twins to compare with; 0 for none.")]
FOLDER = Path("rdverify-measure")


@measure.command()
def lstm(
    weights: Weights,
    series: Series,
    output: Output = FOLDER,
    prefix: Prefix = None,
    gates: Gates = "auto",
    device: Device = "cpu",
    columns: Columns = "",
    sequence: Sequence = None,
    seeds: Seeds = 5,
) -> None:
    """An LSTM of any layers and directions, on sequences of your own."""
    _network("lstm", weights, series, output, prefix, gates, device, columns, sequence, seeds)


@measure.command()
def gru(
    weights: Weights,
    series: Series,
    output: Output = FOLDER,
    prefix: Prefix = None,
    gates: Gates = "auto",
    device: Device = "cpu",
    columns: Columns = "",
    sequence: Sequence = None,
    seeds: Seeds = 5,
) -> None:
    """A GRU of any layers and directions, on sequences of your own.

    The paper has no GRU. From h_t - h_{t-1} = (1 - z_t)(n_t - h_{t-1}) its reaction is
    (1 - z_t) n_t, and its diffusion (1 - z_t) h_{t-1}.
    """
    _network("gru", weights, series, output, prefix, gates, device, columns, sequence, seeds)


@measure.command()
def ddpm(
    pipeline: Annotated[
        str, typer.Argument(help="A diffusers folder with unet/ and scheduler/, or a hub id.")
    ],
    output: Output = FOLDER,
    steps: Annotated[
        int | None, typer.Option(help="As set_timesteps takes it; default every trained step.")
    ] = None,
    eta: Annotated[float, typer.Option(help="Of a DDIM scheduler, above 0 and up to 1.")] = 0.0,
    scheduler: Annotated[
        Path | None, typer.Option(help="Folder of a scheduler in place of the pipeline's.")
    ] = None,
    images: Annotated[int, typer.Option(help="To sample, at least 2.")] = 16,
    seed: Annotated[int, typer.Option(help="Of the images' noise.")] = 0,
    batch: Annotated[int | None, typer.Option(help="Images at a time; default all.")] = None,
    size: Annotated[
        str, typer.Option(help="Of the images, such as 32 or 32x48; default the network's.")
    ] = "",
    class_label: Annotated[
        int | None, typer.Option(help="Which class, of a class-conditional network.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1 ...; default a GPU where there is one.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Untrained twins to compare with; 0 for none.")] = 3,
) -> None:
    """A diffusion model: any diffusers pipeline of a UNet2DModel with DDPM or DDIM steps.

    Reaction is the drift mu(x_t, t) - x_t of a reverse step, diffusion the noise sigma_t z that
    is added to it, both with the scheduler's own numbers: what the network predicts (epsilon,
    sample or v), variance (fixed or learned), clipping, spacing of the steps. Measured beside
    untrained twins and the schedule's closed form.
    """
    require(seeds >= 0 and seeds != 1, "seeds", seeds, "0, or at least 2")
    require(images >= 2, "images", images, "at least 2, so that R has an interval")
    height, width = _size(size)
    from rdverify.measure.diffusion import certify_folder
    from rdverify.tools.progress import ConsoleReporter
    from rdverify.tools.provenance import typed_command

    certificate = certify_folder(
        pipeline,
        scheduler=scheduler,
        steps=steps,
        eta=eta,
        class_label=class_label,
        size=(height, width) if height else None,
        device=device,
        images=images,
        seed=seed,
        batch=batch,
        seeds=seeds,
        command=typed_command(),
        progress=ConsoleReporter(),
        output=output,
    )
    finish(certificate, output)


def _size(typed: str) -> tuple[int, int]:
    """Height and width of "32x48" or "32"; (0, 0) for nothing."""
    parts = typed.lower().split("x") if typed else ["0"]
    whole = len(parts) <= 2 and all(part.isdecimal() for part in parts)
    require(whole and (not typed or all(map(int, parts))), "size", typed, "such as 32 or 32x48")
    return int(parts[0]), int(parts[-1])


def _network(
    kind: Kind,
    weights: Path,
    series: Path,
    output: Path,
    prefix: str | None,
    gates: str,
    device: str,
    columns: str,
    sequence: str | None,
    seeds: int,
) -> None:
    require(seeds >= 0 and seeds != 1, "seeds", seeds, "0, or at least 2")
    require(weights.is_file(), "weights", str(weights), "a file that exists")
    require(series.is_file(), "series", str(series), "a file that exists")
    from rdverify.measure.networks import certify_files
    from rdverify.tools.provenance import typed_command

    certificate = certify_files(
        kind,
        weights,
        series,
        prefix=prefix,
        gates=gates,
        device=device,
        columns=[name.strip() for name in columns.split(",") if name.strip()],
        sequence=sequence,
        seeds=seeds,
        command=typed_command(),
        output=output,
    )
    finish(certificate, output)


@measure.command()
def pde(
    kinetics: Annotated[
        str,
        typer.Argument(
            help="schnakenberg, brusselator or fitzhugh-nagumo; or a Python file that defines "
            "reaction(u, v, rate=0.3), returning (R_u, R_v)."
        ),
    ],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="NAME=VALUE, as often as needed: a parameter of the kinetics, d_u, d_v, rows, "
            "cols, dx, dy, dt, steps, noise, bc (periodic or no-flux), seed.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs, each from its own seed.")] = 3,
    field: Annotated[str, typer.Option(help="Whose R is meant: u or v.")] = "v",
    output: Output = FOLDER,
) -> None:
    """A reaction-diffusion PDE of two fields on a rectangular grid, run and measured.

    The file of your own is compiled into the fast kernel. It may also set STATE = (u, v), the
    uniform state that runs start from, and D_U, D_V, DX, DT, STEPS.
    """
    require(seeds >= 1, "seeds", seeds, "1 or more")
    require(field in ("u", "v"), "field", field, "u or v")
    settings = dict(map(_setting, given or []))
    from rdverify.measure.pde import configured, kinetics_of
    from rdverify.measure.pdes import certify_pde
    from rdverify.tools.files import check_output_folder
    from rdverify.tools.provenance import typed_command

    config = configured(kinetics_of(kinetics), settings)
    read = {"kinetics": Path(kinetics)} if kinetics.endswith(".py") else {}
    check_output_folder(output)
    certificate = certify_pde(config, seeds=seeds, field=field, read=read, command=typed_command())
    finish(certificate, output)


def _setting(typed: str) -> tuple[str, int | float | str]:
    """NAME=VALUE as a name and a whole number, a number, or a word."""
    name, sign, value = typed.partition("=")
    require(bool(sign and name and value), "set", typed, "NAME=VALUE, such as a=0.1")
    for kind in (int, float):
        try:
            return name.strip(), kind(value)
        except ValueError:
            continue
    return name.strip(), value.strip()


def finish(certificate: Certificate, output: Path) -> None:
    """Write the certificate and say what it says."""
    from rdverify.measure.pages import summary, write

    write(certificate, output)
    typer.echo(summary(certificate))
    typer.echo(f"Written to {output}: certificate.html, .md, .json, .png")
