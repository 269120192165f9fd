"""How many steps do images of rising complexity need? Mosaics of digits, exactly denoised.

A mosaic of 32 x 32 pixels has 1, 4, 16, 64 or 256 tiles, each drawn independently from eight small
pictures: digits that the package ships, scaled down to the tile. More tiles are more and finer
parts. Since tiles are independent, the exact denoiser works tile by tile; and since what it does
depends on the state's place in the span of the eight pictures alone, the chain is run there.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch

from rdverify.ddpm import Schedule
from rdverify.ddpm.denoisers import MixtureDenoiser
from rdverify.metric.runs import Line, Runs, fact, lines
from rdverify.study import Table
from rdverify.tools.arrays import read_arrays
from rdverify.trace import FloatArray

SIDE = 32
TILES = (1, 4, 16, 64, 256)  # in a mosaic
CHOICES = 8  # small pictures that a tile is drawn from
DRAWS = 5  # of these pictures
DRAWN = 1000  # tiles whose generation is followed
# beta ~ 1/T stays below 1 from T = 21 on
STEP_GRID = tuple(int(n) for n in np.unique(np.geomspace(21, 1500, 19).round()))
ERRORS = {"half_percent": 0.005, "one_percent": 0.01, "two_percent": 0.02}


def pictures(runs: Runs, draw: int, tiles: int) -> torch.Tensor:
    """Eight of the shipped digits at a tile's size, mean square 1, shape (8, 1, side, side)."""
    made = read_arrays(runs.golden / "samples" / "mnist.npz", "samples")["samples"]
    chosen = np.random.default_rng((31, draw)).choice(len(made), CHOICES, replace=False)
    digits = torch.from_numpy(made[chosen].astype(float)) / 127.5 - 1
    small = torch.nn.functional.avg_pool2d(digits, math.isqrt(tiles))
    return small / small.square().mean().sqrt()


def coordinates(images: torch.Tensor) -> torch.Tensor:
    """The images in an orthonormal basis of their span, shape (K, 1, 1, K or less)."""
    flat = images.flatten(1)
    basis = torch.linalg.svd(flat, full_matrices=False).Vh
    place: torch.Tensor = flat @ basis.T
    return place[:, None, None]


def error_of(data: torch.Tensor, steps: int) -> float:
    """Distance of the generated tiles to the nearest picture, relative, root mean square."""
    schedule = Schedule.linear(steps, scaling="1/T")
    denoiser, (a, b) = MixtureDenoiser(schedule, data), schedule.drift_coefficients()
    rng = np.random.default_rng(37)

    def noise() -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal((DRAWN, *data.shape[1:])))

    x = noise()
    for t in range(steps - 1, -1, -1):
        x = x + float(a[t]) * x + float(b[t]) * denoiser(x, torch.full((DRAWN,), t))
        if t > 0:
            x = x + math.sqrt(schedule.beta[t]) * noise()
    nearest = torch.cdist(x.flatten(1), data.flatten(1)).min(1).values
    return float((nearest.square().mean() / data.flatten(1).square().sum(1).mean()).sqrt())


@cache
def steps_needed(runs: Runs, draw: int, tiles: int, alike: bool) -> dict[str, float]:
    """Steps from which on the error is small enough, for each of :data:`ERRORS`.

    Interpolated between the grid's steps, both logarithmic; 21, the fewest, where they suffice.
    ``alike``: all tiles of a mosaic are the same, as fine as before but one choice.
    """
    data = coordinates(pictures(runs, draw, tiles)) * (math.sqrt(tiles) if alike else 1.0)
    found: dict[str, float] = {}
    last = (STEP_GRID[0], math.inf)
    for steps in STEP_GRID:
        error = max(error_of(data, steps), 1e-12)
        for name, bound in ERRORS.items():
            if name not in found and error <= bound:
                if steps == STEP_GRID[0]:
                    found[name] = float(steps)
                else:
                    part = math.log(bound / last[1]) / math.log(error / last[1])
                    found[name] = last[0] * (steps / last[0]) ** part
        if len(found) == len(ERRORS):
            return found
        last = (steps, error)
    raise ArithmeticError(f"no T up to {STEP_GRID[-1]} has an error of {min(ERRORS.values())}")


def exponents(runs: Runs, error: str, alike: bool) -> FloatArray:
    """log(steps of the finest / steps of one tile) / log(tiles), one for each draw of pictures."""
    ends = [
        [steps_needed(runs, draw, tiles, alike)[error] for tiles in (TILES[0], TILES[-1])]
        for draw in range(DRAWS)
    ]
    one, many = np.array(ends).T
    return np.asarray(np.log(many / one) / math.log(TILES[-1]))


@fact(
    "metric.steps.{error}.exponent",
    "exponent of the steps needed in the number of tiles, 1 to 256, mosaics of digits, exact "
    "denoiser, for {error} of error of the images",
    error={name: f"{100 * bound:g} %" for name, bound in ERRORS.items()},
)
def _exponent(runs: Runs, error: str) -> FloatArray:
    return exponents(runs, error, alike=False)


@fact(
    "metric.steps.control.alike.exponent",
    "the same for 1 % of error where all tiles of a mosaic are alike: as fine, but one choice",
)
def _exponent_alike(runs: Runs) -> FloatArray:
    return exponents(runs, "one_percent", alike=True)


def table(runs: Runs) -> Table:
    """Steps needed against the number of tiles."""

    def line(tiles: int) -> Line:
        needed = [steps_needed(runs, draw, tiles, alike=False) for draw in range(DRAWS)]
        mean = {name: float(np.mean([one[name] for one in needed])) for name in ERRORS}
        words = {f"steps for {100 * ERRORS[name]:g} %": value for name, value in mean.items()}
        return {"tiles": tiles, "pixels a side": SIDE // math.isqrt(tiles), **words}

    return Table(
        "Steps that mosaics of digits need with the exact denoiser until the images are within "
        f"an error of one of the data's ({STEP_GRID[0]} is the fewest that the schedule allows): "
        "how fine the parts are decides, and which error is allowed",
        lines(line, TILES),
    )
