"""Are samples like the data? Kernel distance in the feature space of a small classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rdverify.ddpm.images import ImageSet, scale_pixels
from rdverify.ddpm.unet import IMAGE_SIZE
from rdverify.tools.errors import require
from rdverify.tools.progress import Reporter
from rdverify.tools.reading import refused
from rdverify.tools.records import convert
from rdverify.tools.tensors import read_tensors, require_shapes, write_tensors
from rdverify.tools.torchkit import seeded_globally
from rdverify.trace import FloatArray

SCHEMA = "rdverify-classifier-1"
FEATURES = 64
BLOCKS = 5


class Classifier(torch.nn.Module):
    """Three convolutions with pooling, 64 features, classes; for 1 or 3 x 32 x 32 in [-1, 1]."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        layers: list[torch.nn.Module] = []
        for wide, narrow in ((16, channels), (32, 16), (64, 32)):
            layers += [
                torch.nn.Conv2d(narrow, wide, 3, padding=1),
                torch.nn.ReLU(),
                torch.nn.MaxPool2d(2),
            ]
        self.body = torch.nn.Sequential(
            *layers, torch.nn.Flatten(), torch.nn.Linear(64 * 4 * 4, FEATURES), torch.nn.ReLU()
        )
        self.head = torch.nn.Linear(FEATURES, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits: (n, channels, 32, 32) -> (n, classes)."""
        logits: torch.Tensor = self.head(self.body(x))
        return logits


def build_classifier(channels: int, classes: int = 10, seed: int = 0) -> Classifier:
    """A fresh, untrained classifier."""
    with seeded_globally(seed):
        return Classifier(channels, classes)


def train_classifier(
    data: ImageSet,
    *,
    epochs: int = 5,
    batch: int = 128,
    learning_rate: float = 2e-3,
    seed: int = 0,
    progress: Reporter | None = None,
) -> Classifier:
    """Cross-entropy, Adam, the rate falling to zero as half a cosine; deterministic by seed."""
    require(epochs >= 1, "epochs", epochs, "at least 1")
    require(len(data) >= batch >= 1, "batch", batch, f"1 .. {len(data)}, the number of images")
    classifier = build_classifier(data.channels, len(data.classes), seed).train()
    optimiser = torch.optim.Adam(classifier.parameters(), learning_rate)
    a_epoch = len(data) // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * a_epoch)
    generator = torch.Generator().manual_seed(seed)
    with (progress or Reporter()).task(f"classifier of {data.name}", epochs * a_epoch) as task:
        for _ in range(epochs):
            order = torch.randperm(len(data), generator=generator)
            for chosen in order[: a_epoch * batch].view(a_epoch, batch):
                logits = classifier(scale_pixels(data.images[chosen]))
                loss = torch.nn.functional.cross_entropy(logits, data.labels[chosen])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
                task.advance(note=f"loss {float(loss.detach()):.3f}")
    return classifier.eval()


@torch.no_grad()
def look(classifier: Classifier, images: torch.Tensor) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Features and classes of images.

    Args:
        classifier: in evaluation mode.
        images: uint8, shape (n, channels, 32, 32).

    Returns:
        features, shape (n, 64), float64; classes, shape (n,).

    """
    form = (classifier.channels, IMAGE_SIZE, IMAGE_SIZE)
    require(tuple(images.shape[1:]) == form, "images.shape", tuple(images.shape), f"(n, *{form})")
    require(images.dtype == torch.uint8, "images.dtype", images.dtype, "uint8")
    features, classes = [], []
    for part in images.split(500):  # type: ignore[no-untyped-call]
        seen = classifier.body(scale_pixels(part))
        features.append(seen.double().numpy())
        classes.append(classifier.head(seen).argmax(1).numpy())
    return np.concatenate(features), np.concatenate(classes)


def accuracy(classifier: Classifier, data: ImageSet) -> float:
    """Share of images whose class is right."""
    return float(np.mean(look(classifier, data.images)[1] == data.labels.numpy()))


@dataclass(frozen=True)
class Distance:
    """Squared kernel distance and its standard error over disjoint blocks."""

    value: float
    error: float
    n: int
    m: int


def squared_mmd(x: FloatArray, y: FloatArray) -> float:
    """Unbiased estimate of MMD^2 with the kernel k(a, b) = (a.b/d + 1)^3.

    mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j);
    its mean is 0 for equal distributions, and single values may be below.

    Args:
        x: features, shape (n, d), n >= 2.
        y: features, shape (m, d), m >= 2.

    Source: Binkowski, Sutherland, Arbel, Gretton 2018 (the kernel inception distance),
    here with the features of our own classifier.

    """
    require(
        x.ndim == 2 and y.ndim == 2 and x.shape[1] == y.shape[1],
        "shapes",
        (x.shape, y.shape),
        "(n, d) and (m, d)",
    )
    require(min(len(x), len(y)) >= 2, "number of images", min(len(x), len(y)), "at least 2")

    def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
        k: FloatArray = (a @ b.T / x.shape[1] + 1) ** 3
        return k

    def within(a: FloatArray) -> float:
        k = kernel(a, a)
        return float((k.sum() - np.trace(k)) / (len(a) * (len(a) - 1)))

    return within(x) + within(y) - 2 * float(kernel(x, y).mean())


def kernel_distance(x: FloatArray, y: FloatArray, blocks: int = BLOCKS) -> Distance:
    """:func:`squared_mmd` of all, with the error from its scatter over disjoint blocks.

    Args:
        x: features, shape (n, d), n >= 2 ``blocks``; exchangeable, in any order.
        y: features, shape (m, d), m >= 2 ``blocks``.
        blocks: how many, >= 2; block k of x is held against block k of y.

    """
    require(blocks >= 2, "blocks", blocks, "at least 2")
    require(
        min(len(x), len(y)) >= 2 * blocks,
        "number of images",
        min(len(x), len(y)),
        f"at least {2 * blocks}",
    )
    parts = [
        squared_mmd(a, b)
        for a, b in zip(np.array_split(x, blocks), np.array_split(y, blocks), strict=True)
    ]
    return Distance(
        squared_mmd(x, y), float(np.std(parts, ddof=1) / math.sqrt(blocks)), len(x), len(y)
    )


def save_classifier(
    classifier: Classifier, path: Path | str, dtype: torch.dtype = torch.float32
) -> Path:
    """Write the weights as safetensors, atomically."""
    header = {
        "schema": SCHEMA,
        "channels": classifier.channels,
        "classes": classifier.classes,
    }
    return write_tensors(path, classifier.state_dict(), header, dtype)


def load_classifier(path: Path | str) -> Classifier:
    """Read what :func:`save_classifier` wrote, or raise :class:`InputError`."""
    tensors, header = read_tensors(path, SCHEMA, "classifier")
    with refused("classifier", path, f"a safetensors file of schema {SCHEMA}"):
        form = convert({name: header.get(name) for name in ("channels", "classes")}, dict[str, int])
        require_shapes(lambda: Classifier(**form), tensors, "classifier", path)
        classifier = Classifier(**form)
        classifier.load_state_dict({name: value.float() for name, value in tensors.items()})
    return classifier.eval()


def quality_rows(
    classifier: Classifier, recorded: Mapping[str, npt.NDArray[Any]], dataset: str
) -> list[dict[str, Any]]:
    """Measure recorded samples anew: three rows, trained, untrained and the data's own halves.

    Args:
        classifier: trained on the real set.
        recorded: "samples" and "untrained", uint8, shape (n, channels, 32, 32), and
            "real_features", shape (m, 64): features of m real test images, which
            stand in for the images themselves.
        dataset: for the column of that name.

    Returns:
        One mapping a row: dataset, images, n, real, kernel_distance, error, classes_hit,
        rarest_class (how many images of it) and confidence (mean probability of the class).

    """
    real = np.asarray(recorded["real_features"], dtype=np.float64)
    halves = real[::2], real[1::2]
    rows = []
    for name in ("samples", "untrained"):
        images = torch.from_numpy(np.array(recorded[name]))
        features, classes = look(classifier, images)
        rows.append(
            _row(dataset, name, kernel_distance(features, real), features, classes, classifier)
        )
    _, classes = _classes_of(classifier, halves[0])
    rows.append(
        _row(
            dataset,
            "real, one half against the other",
            kernel_distance(*halves),
            halves[0],
            classes,
            classifier,
        )
    )
    return rows


@torch.no_grad()
def _classes_of(
    classifier: Classifier, features: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    chances = classifier.head(torch.from_numpy(features).float()).softmax(1).double().numpy()
    return chances, chances.argmax(1)


def _row(
    dataset: str,
    name: str,
    distance: Distance,
    features: FloatArray,
    classes: npt.NDArray[np.int64],
    classifier: Classifier,
) -> dict[str, Any]:
    counts = np.bincount(classes, minlength=classifier.classes)
    chances, _ = _classes_of(classifier, features)
    return {
        "dataset": dataset,
        "images": name,
        "n": distance.n,
        "real": distance.m,
        "kernel_distance": distance.value,
        "error": distance.error,
        "classes_hit": int((counts > 0).sum()),
        "rarest_class": int(counts.min()),
        "confidence": float(chances.max(axis=1).mean()),
    }
