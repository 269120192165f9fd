"""Is it spots or stripes? A classifier of patterns in a periodic 2-D field, by shape alone.

The field is cut half way between its lowest and highest value. Each connected
part of what lies above is measured by its *elongation*, area / (pi r^2) with r
the radius of the largest disc that fits inside: 1 for a disc, 4 L / (pi w) for a
band of length L and width w, however it bends, closes or branches. So rotation, scale, amplitude
and, of parts up to half the grid wide, shift don't matter. The thresholds below were fixed on
drawn patterns with known answer (tests/gray_scott/test_patterns.py) before any run was seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rdverify.tools.errors import require

Label = Literal["uniform", "spots", "stripes", "holes", "mixed"]

# Two discs' worth: a stadium 1.8 times as long as wide, still a (dividing) spot.
SPOT_BELOW = 2.0
# Four discs' worth: a stadium 3.4 times as long as wide; nobody calls that a spot.
STRIPE_ABOVE = 4.0
# A label needs three quarters of the area; less is a mixture.
SHARE = 0.75
# One lump is no pattern: four are the least that can repeat in two directions.
LEAST_SPOTS = 4
# Neighbours' correlation of a wave of six cells, cos(2 pi / 6); white noise has 0.
LEAST_SMOOTHNESS = 0.5
# Spots of a radius of two cells still come out round when cut on a grid this much finer.
REFINED = 2
# Differences below 1 % of the feed's concentration (u = 1) are no pattern.
UNIFORM_BELOW = 0.01


@dataclass(frozen=True)
class Pattern:
    """What the classifier saw.

    Attributes:
        label: uniform, spots, stripes, holes (spots of the lower level) or mixed.
        contrast: highest minus lowest value, in the field's unit.
        smoothness: correlation of neighbouring cells.
        coverage: share of cells above the cut.
        components: how many connected parts lie above the cut.
        spot_share: share of their area with elongation < 2.
        stripe_share: share of their area with elongation >= 4.
        elongation: area-weighted mean of log elongation, exponentiated; NaN if uniform.
    """

    label: Label
    contrast: float
    smoothness: float = math.nan
    coverage: float = 0.0
    components: int = 0
    spot_share: float = 0.0
    stripe_share: float = 0.0
    elongation: float = math.nan


def classify(field: npt.ArrayLike, uniform_below: float = UNIFORM_BELOW) -> Pattern:
    """Label the pattern of a field on a doubly periodic grid.

    uniform: contrast <= ``uniform_below``. Otherwise mixed, unless the field is
    smooth (neighbours' correlation >= 0.5) and three quarters of the area above
    the cut are spot-like in at least four parts (spots), or stripe-like
    (stripes). A web above the cut whose gaps are at least four spot-like parts,
    none of them half of all, is holes.

    Args:
        field: concentration, shape (rows, cols), at least 4 x 4, finite.
        uniform_below: contrast up to which the field counts as uniform, in its unit.
    """
    values = np.asarray(field, dtype=float)
    require(
        values.ndim == 2 and min(values.shape) >= 4,
        "field.shape",
        values.shape,
        "(rows, cols), at least 4 x 4",
    )
    require(bool(np.all(np.isfinite(values))), "field", "not finite", "finite everywhere")
    contrast = float(values.max() - values.min())
    if contrast <= uniform_below:
        return Pattern("uniform", contrast)
    smoothness = _smoothness(values)
    # shapes are measured on a finer grid: a disc of few cells is no disc
    finer = ndimage.zoom(values, REFINED, order=3, mode="grid-wrap", grid_mode=True)
    above = finer > (values.max() + values.min()) / 2
    areas, elongations = shapes(above)
    spot_share = float(areas[elongations < SPOT_BELOW].sum() / areas.sum())
    stripe_share = float(areas[elongations >= STRIPE_ABOVE].sum() / areas.sum())
    label: Label = "mixed"
    if smoothness >= LEAST_SMOOTHNESS:
        if spot_share >= SHARE and int((elongations < SPOT_BELOW).sum()) >= LEAST_SPOTS:
            label = "spots"
        elif stripe_share >= SHARE:
            label = "holes" if _pierced(above) else "stripes"
    return Pattern(
        label,
        contrast,
        smoothness,
        float(above.mean()),
        int(areas.size),
        spot_share,
        stripe_share,
        float(np.exp(np.average(np.log(elongations), weights=areas))),
    )


def shapes(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Area in cells and elongation of every connected part of a periodic mask.

    Cells touch at their sides, over the edges too. The radius r of the largest
    disc is the largest distance to a cell outside, less half a cell for the
    boundary between both; elongation is cut off below at 1 (a disc drawn in
    cells can come out slightly under).

    Args:
        mask: shape (rows, cols), neither empty nor full.

    Returns:
        areas, elongations, each of shape (parts,).
    """
    labels, count = label_periodic(mask)
    rows, cols = mask.shape
    # enough for every disc up to half the grid's side across
    down, right = rows // 4 + 1, cols // 4 + 1
    padded = np.pad(mask, ((down,) * 2, (right,) * 2), mode="wrap")
    distance = ndimage.distance_transform_edt(padded)[down : down + rows, right : right + cols]
    parts = np.arange(1, count + 1)
    areas = np.asarray(ndimage.sum_labels(mask, labels, parts), dtype=np.float64)
    radii = np.asarray(ndimage.maximum(distance, labels, parts), dtype=np.float64) - 0.5
    return areas, np.maximum(areas / (math.pi * radii**2), 1.0)


def label_periodic(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], int]:
    """Number the connected parts 1 .. n of a mask on a torus; 0 is outside.

    Args:
        mask: shape (rows, cols).

    Returns:
        labels of shape (rows, cols), and n.
    """
    flat: Any
    flat, count = ndimage.label(mask)
    pairs = [(flat[0], flat[-1]), (flat[:, 0], flat[:, -1])]
    joined = [(a[i], b[i]) for a, b in pairs for i in np.flatnonzero((a > 0) & (b > 0))]
    if not joined:
        return np.asarray(flat, dtype=np.int64), int(count)
    ends = np.array(joined)  # (contacts, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count + 1,) * 2)
    # part 0, outside, has no contact, so it stays alone and keeps number 0
    total, merged = connected_components(graph, directed=False)
    return np.asarray(merged[flat], dtype=np.int64), int(total) - 1


def _smoothness(values: npt.NDArray[np.float64]) -> float:
    centred = values - values.mean()
    across = sum(float((centred * np.roll(centred, 1, axis)).sum()) for axis in (0, 1))
    return across / 2 / float((centred**2).sum())


def _pierced(above: npt.NDArray[np.bool_]) -> bool:
    areas, elongations = shapes(~above)
    spots = areas[elongations < SPOT_BELOW]
    return bool(
        spots.size >= LEAST_SPOTS
        and spots.sum() >= SHARE * areas.sum()
        and areas.max() < areas.sum() / 2
    )
