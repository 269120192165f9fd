"""Image data sets as tensors of 32x32 pixels, read through torchvision.

The root folder is laid out as torchvision lays it out; it is the argument
``root``, or the environment variable RDVERIFY_DATA where that is None.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from rdverify.tools.errors import InputError, one_line, require
from rdverify.tools.fileset import file_set, recover
from rdverify.tools.reading import refused, require_file

ROOT_VARIABLE = "RDVERIFY_DATA"
IMAGE_SIZE = 32
FIRST_4000 = "first 4,000 images of CIFAR-10"
MOST_PIXELS = 50_000_000  # of one image: unpacked it takes four bytes for each
SIXTEEN = ("PNG", "PPM")  # formats whose deep grey has 16 bits
HELD_OUT = 10  # a folder has no test set: every tenth image is held out
PixelRange = Literal["[-1,1]", "[0,1]"]
Split = Literal["train", "test"]

# name, channels, class in torchvision.datasets, which is slow to import
_TORCHVISION: dict[str, tuple[str, int, str]] = {
    "mnist": ("MNIST", 1, "MNIST"),
    "fashionmnist": ("FashionMNIST", 1, "FashionMNIST"),
    "cifar10": ("CIFAR-10", 3, "CIFAR10"),
}
_FOLDERS = {"cifar10-first4000": (FIRST_4000, 3, "CIFAR10-first4000/train")}
NAMES = (*_TORCHVISION, *_FOLDERS)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one split.

    Args:
        name: for the reader, such as "MNIST" or "first 4,000 images of CIFAR-10".
        images: uint8, shape (n, channels, 32, 32), 0 .. 255.
        labels: int64, shape (n,).
        classes: their names in the order of the labels.

    """

    name: str
    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        fits = shape[2:] == (IMAGE_SIZE, IMAGE_SIZE)
        require(fits, f"shape of {self.name}", shape, "(n, channels, 32, 32)")
        kind = self.images.dtype
        require(kind == torch.uint8, f"dtype of {self.name}", kind, "uint8")
        labels = tuple(self.labels.shape)
        require(
            labels == shape[:1], f"labels of {self.name}", labels, f"one for each of {shape[0]}"
        )

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return int(self.images.shape[1])

    @property
    def sha256(self) -> str:
        """The hash of all pixels: what weights and checkpoints say that they learned from."""
        return hashlib.sha256(self.images.numpy().tobytes()).hexdigest()

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def scaled(self, pixel_range: PixelRange = "[-1,1]") -> torch.Tensor:
        """All images as the network sees them, float32, shape (n, channels, 32, 32)."""
        return scale_pixels(self.images, pixel_range)

    def mean_square(self, pixel_range: PixelRange = "[-1,1]") -> float:
        """m2, the mean of x_0^2 over images and pixels: what the closed form needs."""
        levels = torch.bincount(self.images.flatten(), minlength=256).double()
        values = scale_pixels(torch.arange(256, dtype=torch.uint8), pixel_range).double()
        return float((levels * values**2).sum() / levels.sum())


def scale_pixels(images: torch.Tensor, pixel_range: PixelRange = "[-1,1]") -> torch.Tensor:
    """x_0 = 2 p/255 - 1, or p/255: uint8 of any shape to float32 of that shape."""
    require(pixel_range in ("[-1,1]", "[0,1]"), "pixel_range", pixel_range, "'[-1,1]' or '[0,1]'")
    unit = images.float() / 255
    return 2 * unit - 1 if pixel_range == "[-1,1]" else unit


def unscale_pixels(images: torch.Tensor, pixel_range: PixelRange = "[-1,1]") -> torch.Tensor:
    """The inverse of :func:`scale_pixels`, clipped to 0 .. 255 and rounded to uint8."""
    require(pixel_range in ("[-1,1]", "[0,1]"), "pixel_range", pixel_range, "'[-1,1]' or '[0,1]'")
    unit = (images + 1) / 2 if pixel_range == "[-1,1]" else images
    return (unit * 255).round().clamp(0, 255).to(torch.uint8)


def data_root(root: Path | str | None = None) -> Path:
    """``root``, or the folder that RDVERIFY_DATA names; :class:`InputError` if neither is one."""
    chosen = root if root is not None else os.environ.get(ROOT_VARIABLE) or None
    if chosen is None:
        raise InputError(
            "data root = None is not allowed: must be the folder of the image data, "
            f"given as --data-root or in the environment variable {ROOT_VARIABLE}"
        )
    require(Path(chosen).is_dir(), "data root", str(chosen), "an existing folder")
    return Path(chosen)


def load_images(
    dataset: str,
    split: Split = "train",
    *,
    root: Path | str | None = None,
    download: bool = False,
    channels: int | None = None,
) -> ImageSet:
    """Read one split of a data set into memory.

    Args:
        dataset: "mnist", "fashionmnist", "cifar10", "cifar10-first4000" (the
            first 4,000 training images only, and named so), or "folder:PATH"
            for any folder with one folder of images a class.
        split: "train" or "test"; of a folder of images every tenth is "test".
        root: folder of the data; None takes RDVERIFY_DATA. Not used by "folder:PATH".
        download: fetch what is missing (the three data sets of torchvision).
        channels: refuse a data set of another number; for a folder also what
            its images are read as (default: 3, or 1 if all are grey).

    Returns:
        MNIST's 28x28 pixels padded with 2 black pixels a side; other images
        scaled to 32x32.

    Raises:
        InputError: unknown name, no data below the root, a folder without
            images, a corrupt file, grey images for a colour model.

    """
    require(split in ("train", "test"), "split", split, "'train' or 'test'")
    if dataset in _TORCHVISION:
        return _from_torchvision(dataset, split, data_root(root), download, channels)
    if dataset in _FOLDERS:
        name, expected, below = _FOLDERS[dataset]
        return _from_folder(
            name, data_root(root) / below, split, expected if channels is None else channels
        )
    require(
        dataset.startswith("folder:"),
        "dataset",
        dataset,
        f"one of {', '.join(NAMES)}, or folder:PATH",
    )
    folder = Path(dataset.removeprefix("folder:"))
    return _from_folder(folder.name, folder, split, channels)


def _from_torchvision(
    dataset: str, split: Split, root: Path, download: bool, channels: int | None
) -> ImageSet:
    name, native, kind = _TORCHVISION[dataset]
    if channels is not None and channels != native:
        raise _wrong_channels(name, native, channels)
    factory = getattr(import_module("torchvision.datasets"), kind)
    try:
        found = _read_or_fetched(factory, root, split, download)
        images = torch.as_tensor(np.asarray(found.data))
        labels = torch.as_tensor(np.asarray(found.targets), dtype=torch.int64)
        side = (28, 28) if native == 1 else (IMAGE_SIZE, IMAGE_SIZE, 3)
        if tuple(images.shape[1:]) != side or len(labels) != len(images):
            raise ValueError(f"{len(labels)} labels of images of shape {tuple(images.shape)}")
    except Exception as error:  # torchvision raises many kinds for missing and broken files
        reason = one_line(error)
        raise InputError(
            f"data root = {str(root)!r} is not allowed (no readable {name}: {reason}):"
            f" must hold {name} as torchvision lays it out; --download fetches it"
        ) from error
    if native == 1:  # (n, 28, 28) -> (n, 1, 32, 32)
        images = torch.nn.functional.pad(images[:, None], (2, 2, 2, 2))
    else:  # (n, 32, 32, 3) -> (n, 3, 32, 32)
        images = images.permute(0, 3, 1, 2).contiguous()
    return ImageSet(name, images, labels, tuple(str(label) for label in found.classes))


def _read_or_fetched(factory: Callable[..., Any], root: Path, split: Split, download: bool) -> Any:
    """What torchvision finds below the root; if that is not whole and may be, it is fetched.

    Downloaded and unpacked elsewhere: of what an interruption left, torchvision takes an
    unpacked file for a whole one.
    """
    if download:
        recover(root)
    try:
        return factory(root, train=split == "train", download=False)
    except Exception:
        if not download:
            raise
    with file_set(root) as new:
        factory(new, train=split == "train", download=True)
    return factory(root, train=split == "train", download=False)


def _from_folder(name: str, folder: Path, split: Split, channels: int | None) -> ImageSet:
    require(folder.is_dir(), "image folder", str(folder), "an existing folder")
    _require_no_circle(folder)
    image_folder = import_module("torchvision.datasets").ImageFolder
    try:
        found = image_folder(str(folder))
    except FileNotFoundError as error:
        raise InputError(
            f"image folder = {str(folder)!r} is not allowed (no images): must hold "
            "one folder of images for each class"
        ) from error
    # in the order of the file names, so that every class is held out in the same share
    files = sorted(found.samples, key=lambda sample: (Path(sample[0]).name, sample[0]))
    chosen = [
        sample
        for index, sample in enumerate(files)
        if (index % HELD_OUT == HELD_OUT - 1) == (split == "test")
    ]
    require(
        len(chosen) > 0,
        "image folder",
        str(folder),
        f"a folder of at least {HELD_OUT} images ({len(files)} found)",
    )
    read = [_read(path) for path, _ in chosen]
    all_grey = all(grey for _, grey in read)
    if channels == 3:
        for (path, _), (_, grey) in zip(chosen, read, strict=True):
            if grey:
                raise _wrong_channels(path, 1, 3)
    target = channels or (1 if all_grey else 3)
    pixels = torch.stack([_pixels(image, target) for image, _ in read])
    labels = torch.tensor([label for _, label in chosen], dtype=torch.int64)
    return ImageSet(name, pixels, labels, tuple(found.classes))


def _require_no_circle(folder: Path) -> None:
    """Raise InputError if links lead to a folder twice: its images would count as often."""
    seen: set[tuple[int, int]] = set()
    for place, _, _ in os.walk(folder, followlinks=True):
        known = os.stat(place)
        again = (known.st_dev, known.st_ino) in seen
        require(not again, "image folder", place, "reached once, not also by a link")
        seen.add((known.st_dev, known.st_ino))


def _read(path: str) -> tuple[Image.Image, bool]:
    """An image of 8 bits a channel, and whether it is grey."""
    file = require_file("image", path)
    with (
        refused("image", path, "a whole image file"),
        warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
        Image.open(file) as image,
    ):
        width, height = image.size  # known before anything is unpacked
        allowed = f"at most {MOST_PIXELS} pixels"
        require(width * height <= MOST_PIXELS, f"size of image {path}", image.size, allowed)
        image.load()
        deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format in SIXTEEN)
        if deep:  # 16 bits of grey, which Pillow would cut off at 255
            levels = np.asarray(image).astype(np.float64) / 257
            return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8)), True
        allowed = "of 8 or 16 bits a channel"
        require(image.mode not in ("I", "F"), f"mode of image {path}", image.mode, allowed)
        return image.copy(), image.mode in ("1", "L", "LA")


def _pixels(image: Image.Image, channels: int) -> torch.Tensor:
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size == (28, 28):
        padded = Image.new(image.mode, (IMAGE_SIZE, IMAGE_SIZE))
        padded.paste(image, (2, 2))
        image = padded
    elif image.size != (IMAGE_SIZE, IMAGE_SIZE):
        image = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BOX)
    array = np.asarray(image, dtype=np.uint8).reshape(IMAGE_SIZE, IMAGE_SIZE, channels)
    return torch.from_numpy(array.transpose(2, 0, 1).copy())  # -> (channels, 32, 32)


def _wrong_channels(where: str, found: int, wanted: int) -> InputError:
    words = {1: "grey", 3: "colour"}
    return InputError(
        f"images = {where!r} is not allowed: must be {words.get(wanted, wanted)} "
        f"for this model, and is {words.get(found, found)}"
    )
