"""The noise predictor epsilon_theta(x_t, t): a small U-Net, and its files.

Weights travel as safetensors with their architecture in the header, so a file
says by itself which network it belongs to. Pickles are never opened.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from rdverify.tools.errors import require, require_integer
from rdverify.tools.reading import refused
from rdverify.tools.records import Record, convert
from rdverify.tools.tensors import read_tensors, require_shapes, write_tensors
from rdverify.tools.torchkit import seeded_globally

SCHEMA = "rdverify-unet-1"
WIDTHS = (16, 16, 32, 96)  # 1.2M parameters, most of them where the image is small
NORM_GROUPS = 8
IMAGE_SIZE = 32
DOWN = {False: "DownBlock2D", True: "AttnDownBlock2D"}
UP = {False: "UpBlock2D", True: "AttnUpBlock2D"}
MOST_LAYERS, MOST_WIDTH = 16, 4096


class Form(Record, frozen=True):
    """The arguments of :func:`build_unet` that make a network, as its files and cards say."""

    channels: int
    widths: list[int]
    layers_per_block: int
    norm_groups: int
    attention: list[int] = []  # noqa: RUF012  # msgspec copies mutable defaults


def require_shape(widths: tuple[int, ...], norm_groups: int, attention: tuple[int, ...]) -> None:
    """InputError unless a U-Net can be of these, see :func:`build_unet`."""
    require(1 <= len(widths) <= 5, "widths", widths, "1 to 5 levels")
    require_integer("norm_groups", norm_groups, 1, MOST_WIDTH)
    for width in widths:
        require_integer("widths", width, 1, MOST_WIDTH)
        require(
            width % norm_groups == 0,
            "widths",
            widths,
            f"positive multiples of norm_groups = {norm_groups}",
        )
    for level in attention:
        require_integer("attention", level, 0)
        require(
            level < len(widths) and attention.count(level) == 1,
            "attention",
            attention,
            f"different levels, 0 .. {len(widths) - 1}",
        )


def build_unet(
    channels: int,
    *,
    widths: tuple[int, ...] = WIDTHS,
    layers_per_block: int = 1,
    norm_groups: int = NORM_GROUPS,
    attention: tuple[int, ...] = (),
    seed: int | None = None,
) -> torch.nn.Module:
    """A fresh, untrained U-Net, in evaluation mode.

    Args:
        channels: of the image, 1 or 3.
        widths: channels of each level, coarser by 2 from one to the next, each
            a multiple of ``norm_groups``.
        layers_per_block: residual layers a level.
        norm_groups: groups of the group normalisation.
        attention: levels with self-attention, 0 the finest; none without, any also
            puts one between the way down and the way up.
        seed: of the initial weights; None takes torch's global generator.

    Returns:
        epsilon_theta, called as ``unet(x_t, t).sample``: x_t of shape
        (n, channels, 32, 32), float32; t integers 0 .. T-1, shape (n,) or a number.

    Raises:
        InputError: if a number is outside its domain.

    Source: Eqs. (8)-(10), section 4.1 ("a standard DDPM architecture with a
    U-Net model"); sizes are ours, the paper leaves them out.

    """
    require(channels in (1, 3), "channels", channels, "1 (grey) or 3 (colour)")
    layers_per_block = require_integer("layers_per_block", layers_per_block, 1, MOST_LAYERS)
    require_shape(widths, norm_groups, attention)
    kind = _kind()
    attends = [level in attention for level in range(len(widths))]
    with contextlib.nullcontext() if seed is None else seeded_globally(seed):
        unet: torch.nn.Module = kind(
            sample_size=IMAGE_SIZE,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=layers_per_block,
            block_out_channels=tuple(map(int, widths)),
            down_block_types=tuple(DOWN[attending] for attending in attends),
            up_block_types=tuple(UP[attending] for attending in reversed(attends)),
            norm_num_groups=int(norm_groups),
            add_attention=any(attends),
        )
    return unet.eval()


def _kind() -> Any:
    """The network's class; importing diffusers is slow, and fails where tensors are on meta."""
    from diffusers import UNet2DModel

    return UNet2DModel


def channels_last(unet: torch.nn.Module) -> torch.nn.Module:
    """The same network, its weights laid out so that a CPU convolves in two thirds of the time.

    Its output is the same but for the rounding of sums, which are taken in another order.

    Args:
        unet: epsilon_theta, changed in place.
    """
    return cast(Any, unet).to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def architecture(unet: torch.nn.Module) -> dict[str, Any]:
    """The arguments of :func:`build_unet` that make this network, as JSON values."""
    config: Any = unet.config
    attends = [n for n, kind in enumerate(config.down_block_types) if kind == DOWN[True]]
    return {
        "channels": config.in_channels,
        "widths": list(config.block_out_channels),
        "layers_per_block": config.layers_per_block,
        "norm_groups": config.norm_num_groups,
        **({"attention": attends} if attends else {}),  # files from before it don't name it
    }


def count_parameters(unet: torch.nn.Module) -> int:
    """How many numbers the network has learned."""
    return sum(parameter.numel() for parameter in unet.parameters())


def save_unet(
    unet: torch.nn.Module,
    path: Path | str,
    *,
    dtype: torch.dtype = torch.float32,
    note: Mapping[str, str] | None = None,
) -> Path:
    """Write the weights as safetensors, atomically; equal weights give equal bytes.

    Args:
        unet: as :func:`build_unet` makes them.
        path: the file.
        dtype: of the stored numbers, float32 or float16; loading gives float32.
        note: further header entries, name -> text.

    Raises:
        InputError: if the folder can't be written or the disk is full.

    """
    require(dtype in (torch.float32, torch.float16), "dtype", dtype, "float32 or float16")
    header = {"schema": SCHEMA, "architecture": architecture(unet), **(note or {})}
    return write_tensors(path, unet.state_dict(), header, dtype)


def load_unet(
    path: Path | str, *, channels: int | None = None, sha256: str = ""
) -> torch.nn.Module:
    """Read what :func:`save_unet` wrote; float32, evaluation mode, on the CPU.

    Args:
        path: a safetensors file.
        channels: refuse a network of any other number of image channels.
        sha256: of the file, where its card names it.

    Raises:
        InputError: if the file is missing, truncated, no safetensors file (a
            pickle is refused unopened), of another architecture or hash, or holds
            numbers that are not finite.

    """
    tensors, header = read_tensors(path, SCHEMA, sha256=sha256)
    _kind()  # its shapes are held on meta below
    with refused("weights", path, "a safetensors file that rdverify wrote"):
        form = convert(header.get("architecture"), Form)

        def build() -> torch.nn.Module:
            return build_unet(
                form.channels,
                widths=tuple(form.widths),
                layers_per_block=form.layers_per_block,
                norm_groups=form.norm_groups,
                attention=tuple(form.attention),
            )

        if channels is not None and form.channels != channels:
            raise ValueError(f"made for images of {form.channels} channels, not {channels}")
        require_shapes(build, tensors, "weights", path)
        unet = build()
        unet.load_state_dict({name: value.float() for name, value in tensors.items()})
    return unet
