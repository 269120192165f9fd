"""Where image data end: sizes, splits, modes and roots that are read or refused."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rdverify.ddpm import images as data
from rdverify.ddpm.images import (
    ImageSet,
    data_root,
    load_images,
    scale_pixels,
    unscale_pixels,
)
from rdverify.tools.errors import InputError
from rdverify.tools.staging import PREFIX


def folder(root: Path, n: int, mode: str = "L", size: tuple[int, int] = (32, 32)) -> Path:
    """Images of one grey each, 10 k + 5, in two classes by turns."""
    for k in range(n):
        place = root / f"class{k % 2}"
        place.mkdir(parents=True, exist_ok=True)
        grey: Any = 10 * k + 5 if mode == "L" else (10 * k + 5,) * 3
        Image.new(mode, size, grey).save(place / f"{k:03d}.png")
    return root


def greys(found: ImageSet) -> list[int]:
    return [int(image.float().mean().round()) for image in found.images]


def load(root: Path, split: Any = "train", **options: Any) -> ImageSet:
    return load_images(f"folder:{root}", split, **options)


def test_every_tenth_image_is_held_out_whatever_its_class(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", 21)
    train, test = load(root), load(root, "test")
    assert greys(test) == [95, 195]
    assert greys(train) == [10 * k + 5 for k in range(21) if k not in (9, 19)]
    assert test.labels.tolist() == [1, 1]
    assert train.labels.tolist() == [k % 2 for k in range(21) if k not in (9, 19)]
    assert train.classes == ("class0", "class1")
    assert train.name == "set"
    few = folder(tmp_path / "few", 9)
    assert len(load(few)) == 9
    with pytest.raises(InputError, match=r"at least 10 images \(9 found\)"):
        load(few, "test")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_channels_are_those_asked_for_or_those_of_the_images(tmp_path: Path, mode: str) -> None:
    root = folder(tmp_path / "set", 3, mode)
    assert load(root).channels == (1 if mode == "L" else 3)
    assert load(root, channels=1).channels == 1
    assert greys(load(root, channels=1)) == [5, 15, 25]
    if mode == "RGB":
        assert load(root, channels=3).channels == 3
    Image.new("RGB", (32, 32), (200, 0, 0)).save(root / "class0" / "100.png")
    assert load(root).channels == 3  # one in colour is enough
    if mode == "L":
        with pytest.raises(InputError, match=r"000\.png.* must be colour .* and is grey"):
            load(root, channels=3)


@pytest.mark.parametrize(("size", "border"), [((28, 28), 2), ((27, 28), 0), ((64, 64), 0)])
def test_images_of_28_pixels_get_a_black_border_and_others_are_scaled(
    tmp_path: Path, size: tuple[int, int], border: int
) -> None:
    found = load(folder(tmp_path / "set", 2, size=size)).images[1, 0]
    assert found.shape == (32, 32)
    inside = found[border : 32 - border, border : 32 - border]
    assert torch.all(inside == 15)
    assert int(found.sum()) == 15 * inside.numel()


@pytest.mark.parametrize(
    ("mode", "grey"), [("1", True), ("LA", True), ("P", False), ("RGBA", False)]
)
def test_modes_of_eight_bits_are_grey_or_colour(tmp_path: Path, mode: str, grey: bool) -> None:
    path = tmp_path / "one.png"
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(path)
    image, is_grey = data._read(str(path))
    assert is_grey == grey
    assert image.mode == mode


def test_an_image_may_have_as_many_pixels_as_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MOST_PIXELS", 12)
    for size in ((3, 4), (12, 1)):
        Image.new("L", size).save(tmp_path / "one.png")
        assert data._read(str(tmp_path / "one.png"))[0].size == size
    Image.new("L", (13, 1)).save(tmp_path / "one.png")
    with pytest.raises(InputError, match=r"size of image .* \(13, 1\) .* at most 12 pixels"):
        data._read(str(tmp_path / "one.png"))


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    levels = np.array([[0, 128, 129, 257, 65535]], dtype=np.uint16)
    Image.fromarray(levels).save(tmp_path / "one.png")
    image, grey = data._read(str(tmp_path / "one.png"))
    assert grey
    assert np.asarray(image).tolist() == [[0, 0, 1, 1, 255]]


def test_the_root_that_is_given_comes_before_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("given", "set"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("RDVERIFY_DATA", str(tmp_path / "set"))
    assert data_root() == tmp_path / "set"
    assert data_root(tmp_path / "given") == tmp_path / "given"
    monkeypatch.setenv("RDVERIFY_DATA", "")
    with pytest.raises(InputError, match="data root = None"):
        data_root()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="an existing folder"):
        data_root(tmp_path / "file")


class Fetched:
    """What torchvision's sets do: read what is below a root, or put it there first."""

    told: list[tuple[str, bool, bool]] = []  # noqa: RUF012

    def __init__(self, root: Any, train: bool, download: bool) -> None:
        Fetched.told.append((Path(root).name, train, download))
        place = Path(root) / "there"
        if download:
            place.touch()
        if not place.exists():
            raise RuntimeError("not found")


def test_what_is_not_there_is_fetched_once_and_only_if_it_may_be(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    Fetched.told.clear()
    with pytest.raises(RuntimeError, match="not found"):
        data._read_or_fetched(Fetched, root, "train", download=False)
    assert Fetched.told == [("root", True, False)]
    Fetched.told.clear()
    for _ in range(2):
        data._read_or_fetched(Fetched, root, "test", download=True)
    elsewhere = Fetched.told.pop(1)
    assert Fetched.told == [("root", False, False)] * 3
    assert elsewhere[0] != "root"  # unpacked where no half of it is taken for the whole
    assert elsewhere[1:] == (False, True)
    assert (root / "there").exists()


@pytest.mark.parametrize("download", [False, True])
def test_only_who_may_fetch_clears_up_what_a_killed_run_left(
    tmp_path: Path, download: bool
) -> None:
    for name in ("there", f"{PREFIX}left"):
        (tmp_path / name).touch()
    data._read_or_fetched(Fetched, tmp_path, "train", download)
    assert (tmp_path / f"{PREFIX}left").exists() == (not download)


def test_a_pixel_in_colour_keeps_its_place_and_nothing_is_fetched_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    found = SimpleNamespace(data=pixels, targets=[3, 1, 4, 1, 0], classes=["a", "b"])
    told: list[tuple[str, str, bool]] = []

    def read(factory: Any, root: Path, split: str, download: bool) -> Any:
        told.append((factory.__name__, split, download))
        return found

    monkeypatch.setattr(data, "_read_or_fetched", read)
    one = load_images("cifar10", root=tmp_path)
    load_images("cifar10", "test", root=tmp_path, download=True)
    assert told == [("CIFAR10", "train", False), ("CIFAR10", "test", True)]
    for channel in range(3):
        assert np.array_equal(one.images[:, channel], pixels[..., channel])
    assert one.labels.tolist() == [3, 1, 4, 1, 0]
    assert (one.name, one.classes) == ("CIFAR-10", ("a", "b"))


def test_the_first_images_of_cifar10_are_in_colour_unless_asked_for_in_grey(
    tmp_path: Path,
) -> None:
    place = folder(tmp_path / "CIFAR10-first4000" / "train", 3, "RGB")
    for asked, channels in ((None, 3), (3, 3), (1, 1)):
        found = load_images("cifar10-first4000", root=tmp_path, channels=asked)
        assert (found.name, found.channels) == (data.FIRST_4000, channels)
    folder(place, 3, "L")
    assert load_images("cifar10-first4000", root=tmp_path, channels=1).channels == 1
    with pytest.raises(InputError, match="must be colour for this model, and is grey"):
        load_images("cifar10-first4000", root=tmp_path)


def test_files_of_one_name_are_in_the_order_of_their_paths(tmp_path: Path) -> None:
    """As paths "a-b/..." comes before "a/...", as classes "a" before "a-b"."""
    for grey, name in ((30, "a/0.png"), (10, "a-b/0.png"), (40, "a/1.png"), (20, "a-b/1.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (32, 32), grey).save(tmp_path / name)
    found = load(tmp_path)
    assert found.classes == ("a", "a-b")
    assert greys(found) == [10, 30, 20, 40]
    assert found.labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 1), ()])
def test_each_image_has_one_label(shape: tuple[int, ...]) -> None:
    images = torch.zeros((2, 1, 32, 32), dtype=torch.uint8)
    assert len(ImageSet("odd", images, torch.zeros(2), ("a",))) == 2
    with pytest.raises(InputError, match=r"labels of odd = \(.*\) .* one for each of 2$"):
        ImageSet("odd", images, torch.zeros(shape), ("a",))


@pytest.mark.parametrize("level", [0, 51, 254, 255])
def test_the_mean_square_is_that_of_any_level(level: int) -> None:
    images = torch.full((2, 3, 32, 32), level, dtype=torch.uint8)
    found = ImageSet("even", images, torch.zeros(2), ("a",))
    assert found.mean_square("[0,1]") == pytest.approx((level / 255) ** 2)
    assert found.mean_square() == pytest.approx((2 * level / 255 - 1) ** 2)


@pytest.mark.parametrize("name", ["mnist", "fashionmnist", "cifar10"])
def test_a_data_set_of_other_channels_is_refused_before_it_is_read(
    tmp_path: Path, name: str
) -> None:
    native = 3 if name == "cifar10" else 1
    with pytest.raises(InputError, match=r"and is (grey|colour)$"):
        load_images(name, root=tmp_path, channels=4 - native)
    with pytest.raises(InputError, match="no readable"):
        load_images(name, root=tmp_path, channels=native)


def test_a_folder_is_seen_once_and_a_link_to_another_place_is_followed(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", 2)
    folder(tmp_path / "more", 4)
    (root / "class2").symlink_to(tmp_path / "more" / "class0")
    assert len(load(root)) == 4
    os.unlink(root / "class2")
    (root / "class2").symlink_to(root / "class0")
    with pytest.raises(InputError, match="reached once"):
        load(root)


@pytest.mark.parametrize("form", ["[-1,1]", "[0,1]"])
def test_pixels_come_back_from_their_range_and_are_cut_off_beyond_it(form: Any) -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    low = -1.0 if form == "[-1,1]" else 0.0
    assert torch.equal(unscale_pixels(scale_pixels(levels, form), form), levels)
    assert unscale_pixels(torch.tensor([low - 1, low, 1.0, 3.0]), form).tolist() == [0, 0, 255, 255]
    for call in (scale_pixels, unscale_pixels):
        with pytest.raises(InputError, match=r"pixel_range = '0\.\.1'"):
            call(levels, "0..1")  # type: ignore[arg-type]


def test_left_out_pixels_lie_between_minus_one_and_one() -> None:
    images = torch.tensor([0, 255], dtype=torch.uint8).repeat_interleave(512).reshape(1, 1, 32, 32)
    one = ImageSet("half", images, torch.zeros(1, dtype=torch.int64), ("a",))
    assert (one.scaled().min(), one.scaled().max()) == (-1, 1)
    assert one.mean_square() == one.mean_square("[-1,1]") == 1
    assert one.mean_square("[0,1]") == 0.5
    other = ImageSet("half", images, torch.zeros(1, dtype=torch.int64), ("a",))
    assert one.sha256 == other.sha256
    assert len(one) == 1


@pytest.mark.parametrize(("level", "read"), [(70_000, 255), (-300, 0)])
def test_levels_beyond_16_bits_are_cut_off(
    level: int, read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library may read more of a file that says so than its 16 bits."""
    image = Image.fromarray(np.full((4, 4), level, np.int32))
    image.format = "PNG"
    monkeypatch.setattr(Image, "open", lambda _: image)
    (tmp_path / "a.png").write_bytes(b"x")
    assert np.all(np.asarray(data._read(str(tmp_path / "a.png"))[0]) == read)
