"""Image data: exact pixels in, exact tensors out, and clear refusals."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rdverify.ddpm import images as data
from rdverify.ddpm.images import load_images, scale_pixels, unscale_pixels
from rdverify.tools.errors import InputError


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def mnist_root(tmp_path):
    rng = np.random.default_rng(0)
    for stem, n in (("train", 20), ("t10k", 10)):
        raw = tmp_path / "MNIST" / "raw"
        write_idx(raw / f"{stem}-images-idx3-ubyte", rng.integers(0, 256, (n, 28, 28)))
        write_idx(raw / f"{stem}-labels-idx1-ubyte", np.arange(n) % 10)
    return tmp_path


def image_folder(root: Path, mode: str = "RGB", n: int = 20, size: int = 32) -> Path:
    rng = np.random.default_rng(1)
    for index in range(n):
        folder = root / f"class{index % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        shape = (size, size) if mode == "L" else (size, size, 3)
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels, mode).save(folder / f"{index:03d}.png")
    return root


def test_mnist_pixels_lie_in_the_middle_of_a_black_border(mnist_root):
    loaded = load_images("mnist", root=mnist_root)
    rng = np.random.default_rng(0)
    original = rng.integers(0, 256, (20, 28, 28)).astype(np.uint8)
    assert loaded.images.shape == (20, 1, 32, 32)
    assert loaded.name == "MNIST"
    assert np.array_equal(loaded.images[:, 0, 2:-2, 2:-2], original)
    assert int(loaded.images.sum()) == int(original.astype(int).sum())
    assert loaded.labels.tolist() == [i % 10 for i in range(20)]


def test_root_is_taken_from_the_environment(mnist_root, monkeypatch):
    monkeypatch.setenv("RDVERIFY_DATA", str(mnist_root))
    assert len(load_images("mnist", "test")) == 10


def test_scaling_is_affine_onto_the_named_range_and_inverts():
    levels = torch.arange(256, dtype=torch.uint8)
    for form, low in (("[-1,1]", -1.0), ("[0,1]", 0.0)):
        scaled = scale_pixels(levels, form)
        assert scaled[0] == low
        assert scaled[-1] == 1
        assert torch.allclose(scaled.diff(), torch.full((255,), (1 - low) / 255), atol=1e-6)
        assert torch.equal(unscale_pixels(scaled, form), levels)


def test_mean_square_is_that_of_the_scaled_pixels(mnist_root):
    loaded = load_images("mnist", root=mnist_root)
    for form in ("[-1,1]", "[0,1]"):
        direct = (loaded.scaled(form).double() ** 2).mean().item()
        assert loaded.mean_square(form) == pytest.approx(direct, rel=1e-6)


def test_folder_holds_out_every_tenth_image_of_all(tmp_path):
    image_folder(tmp_path / "set", n=40)
    name = f"folder:{tmp_path / 'set'}"
    train, test = load_images(name), load_images(name, "test")
    assert (len(train), len(test)) == (36, 4)
    both = {tuple(image.flatten().tolist()) for image in torch.cat([train.images, test.images])}
    assert len(both) == 40
    assert train.channels == 3


def test_folder_pixels_are_exact_and_small_images_are_padded(tmp_path):
    image_folder(tmp_path / "grey", "L", n=10, size=28)
    loaded = load_images(f"folder:{tmp_path / 'grey'}", "test")
    with Image.open(tmp_path / "grey" / "class1" / "009.png") as image:
        original = np.asarray(image)
    assert loaded.images.shape == (1, 1, 32, 32)
    assert np.array_equal(loaded.images[0, 0, 2:-2, 2:-2], original)


def test_large_images_keep_their_mean(tmp_path):
    image_folder(tmp_path / "large", n=10, size=64)
    loaded = load_images(f"folder:{tmp_path / 'large'}", "test")
    with Image.open(tmp_path / "large" / "class1" / "009.png") as image:
        mean = np.asarray(image).mean()
    assert loaded.images.float().mean() == pytest.approx(mean, abs=0.5)


def refused(match: str, *arguments, **options) -> None:
    with pytest.raises(InputError, match=match) as caught:
        load_images(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_refusals_name_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.delenv("RDVERIFY_DATA", raising=False)
    refused("RDVERIFY_DATA", "mnist")
    refused("existing folder", "mnist", root=tmp_path / "nowhere")
    refused("no readable MNIST", "mnist", root=tmp_path)
    refused("no readable CIFAR-10", "cifar10", root=tmp_path)
    refused("one of mnist", "imagenet", root=tmp_path)
    refused("'train' or 'test'", "mnist", "all", root=tmp_path)
    (tmp_path / "empty").mkdir()
    refused("no images", f"folder:{tmp_path / 'empty'}")
    (tmp_path / "empty" / "class").mkdir()
    refused("no images", f"folder:{tmp_path / 'empty'}")


def test_truncated_idx_file_is_refused(mnist_root):
    path = mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:5000])
    refused("no readable MNIST", "mnist", root=mnist_root)


def test_corrupt_image_is_refused_by_name(tmp_path):
    image_folder(tmp_path / "set")
    path = tmp_path / "set" / "class0" / "004.png"
    path.write_bytes(path.read_bytes()[:300])
    refused("004.png", f"folder:{tmp_path / 'set'}")


def test_grey_images_are_refused_for_a_colour_model_and_the_reverse(tmp_path, mnist_root):
    image_folder(tmp_path / "grey", "L")
    refused("colour for this model, and is grey", f"folder:{tmp_path / 'grey'}", channels=3)
    refused("colour for this model, and is grey", "mnist", root=mnist_root, channels=3)


@pytest.mark.parametrize("form", ["png", "tiff", "pgm"])
def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(tmp_path, form):
    levels = np.arange(1024, dtype=np.uint16).reshape(32, 32) * 64  # 0 .. 65472
    (tmp_path / "set" / "class").mkdir(parents=True)
    for index in range(10):
        Image.fromarray(levels).save(tmp_path / "set" / "class" / f"{index}.{form}")
    loaded = load_images(f"folder:{tmp_path / 'set'}", "test")
    assert np.array_equal(loaded.images[0, 0], np.round(levels / 257))


def test_depths_and_sizes_that_can_not_be_read_are_named(tmp_path):
    (tmp_path / "set" / "class").mkdir(parents=True)
    for index in range(10):
        Image.new("L", (4, 4)).save(tmp_path / "set" / "class" / f"{index}.png")
    last = tmp_path / "set" / "class" / "9.tiff"
    (tmp_path / "set" / "class" / "9.png").unlink()
    Image.new("F", (4, 4)).save(last)
    refused("of 8 or 16 bits", f"folder:{tmp_path / 'set'}", "test")
    Image.new("1", (10_001, 10_000)).save(last, compression="group4")
    refused("at most 50000000 pixels", f"folder:{tmp_path / 'set'}", "test")
    last.unlink()
    os.mkfifo(last)
    refused("no folder, pipe or device", f"folder:{tmp_path / 'set'}", "test")


def test_links_that_lead_in_a_circle_are_refused(tmp_path):
    image_folder(tmp_path / "set")
    (tmp_path / "set" / "class0" / "again").symlink_to(tmp_path / "set")
    refused("reached once", f"folder:{tmp_path / 'set'}")


@pytest.mark.parametrize(("side", "labels"), [(27, 6), (28, 5), (28, 7)])
def test_mnist_of_another_size_or_number_of_labels_is_refused(tmp_path, side, labels):
    raw = tmp_path / "MNIST" / "raw"
    for part in ("train", "t10k"):
        write_idx(raw / f"{part}-images-idx3-ubyte", np.zeros((6, side, side)))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.zeros(labels))
    refused(f"{labels} labels of images of shape", "mnist", root=tmp_path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros((2, 1, 31, 31), dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros((2, 1, 32, 32)), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros((2, 1, 32, 32), dtype=torch.uint8), torch.zeros(1, dtype=torch.int64)),
    ],
)
def test_an_image_set_has_one_size_and_one_label_an_image(images, labels):
    with pytest.raises(InputError, match=r"of made up = "):
        data.ImageSet("made up", images, labels, ("one",))


def real_root() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("RDVERIFY_DATA") or beside)
    if not (root / "MNIST").is_dir():
        pytest.skip(f"no image data below {root}; set RDVERIFY_DATA to its folder")
    return root


@pytest.mark.parametrize(
    ("name", "classes", "counts"),
    [("mnist", "0 - zero", (6742, 5421)), ("fashionmnist", "T-shirt/top", (6000, 6000))],
)
def test_published_class_counts(name, classes, counts):
    loaded = load_images(name, root=real_root())
    per_class = loaded.labels.bincount()
    assert len(loaded) == 60_000
    assert loaded.classes[0] == classes
    assert (int(per_class.max()), int(per_class.min())) == counts


def test_partial_cifar_says_so():
    root = real_root()
    if not (root / "CIFAR10-first4000").is_dir():
        pytest.skip(f"no CIFAR10-first4000 below {root}")
    loaded = load_images("cifar10-first4000", "test", root=root)
    assert loaded.name == data.FIRST_4000 == "first 4,000 images of CIFAR-10"
    assert loaded.images.shape == (400, 3, 32, 32)
    assert len(loaded.labels.unique()) == 10
