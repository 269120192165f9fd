"""A diffusers pipeline from a folder or the Hugging Face hub; no code of it is ever run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from rdverify.ddpm.network import ForClass, check_kind
from rdverify.ddpm.schedulers import SUPPORTED
from rdverify.tools.errors import InputError, one_line, require
from rdverify.tools.torchkit import random_state_kept, seeded_globally

WEIGHTS = "diffusion_pytorch_model"
# patterns of weights files, the first of which that there is: safetensors before pickles,
# which are read by weights_only, and whole ones before a variant such as half precision
FORMS = ((None, "safetensors"), (None, "bin"), ("fp16", "safetensors"), ("fp16", "bin"))
ALLOWED = (
    "a folder that save_pretrained wrote, with a unet and a scheduler, or the id OWNER/NAME of one "
    "on the Hugging Face hub"
)


@dataclass(frozen=True, eq=False)
class Pipeline:
    """What is measured of a pipeline.

    Attributes:
        unet: the network, in evaluation mode; asked for one class if it knows several.
        scheduler: with the numbers of its steps.
        read: name -> file or folder that was read, for the record.
    """

    unet: Any
    scheduler: Any
    read: dict[str, Path]


def load_pipeline(
    place: Path | str,
    scheduler: Path | str | None = None,
    *,
    class_label: int | None = None,
    device: torch.device | str = "cpu",
) -> Pipeline:
    """A UNet2DModel and its scheduler, as diffusers' ``save_pretrained`` leaves them.

    Args:
        place: a folder of a pipeline, with unet/ and scheduler/ in it or their files side
            by side; that of a UNet alone, with ``scheduler``; or an id of the hub, whose
            files are fetched once.
        scheduler: a folder with another scheduler_config.json.
        class_label: of a class-conditional network.
        device: where to put the network.

    Raises:
        InputError: before weights are read, if something else is there, or a network or
            scheduler of another kind; and if weights are missing, don't fit or aren't finite.
    """
    folder = Path(place)
    hub = not folder.exists()
    if hub:
        folder = _fetched(str(place), ["*.json"])
    require(folder.is_dir(), "pipeline", str(place), ALLOWED)
    home = folder / "unet" if (folder / "unet").is_dir() else folder
    config = _network_config(home, folder, place)
    own = _scheduler(_scheduler_folder(folder, place, scheduler))
    if hub:
        inside = "unet/" if home != folder else ""
        for variant, form in FORMS:
            name = f"{inside}{WEIGHTS}{f'.{variant}' if variant else ''}"
            folder = _fetched(str(place), [f"{name}.{form}*", f"{name}-*.{form}"])
            if _files(folder / inside, variant, form):
                break
        home = folder / inside
    unet = _network(home, config).to(device)
    network = unet if class_label is None else ForClass(unet, class_label)
    return Pipeline(network, own[0], {"unet": home, "scheduler": own[1]})


def untrained(unet: Any, seed: int) -> Any:
    """A network of the same configuration with diffusers' own initial weights."""
    if isinstance(unet, ForClass):
        return ForClass(untrained(unet.unet, seed), unet.label)
    with seeded_globally(seed):
        twin = type(unet).from_config(unet.config)
    parameter = next(unet.parameters())
    return twin.to(parameter.device, parameter.dtype).eval()


def _fetched(name: str, patterns: Sequence[str]) -> Path:
    """The folder of a hub repository's files of these names, or one line that says why not."""
    from huggingface_hub import snapshot_download

    parts = name.split("/")
    known = len(parts) <= 2 and all(part and part[0] not in ".~" for part in parts)
    require(known, "pipeline", name, f"{ALLOWED}; there is no such folder")
    try:
        return Path(snapshot_download(name, allow_patterns=list(patterns)))
    except Exception as error:  # the client has an exception of its own for every mishap
        raise InputError(
            f"pipeline = {name!r} is not allowed (no such folder, and not found on the hub: "
            f"{one_line(error)}): must be {ALLOWED}"
        ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is not allowed ({one_line(error)}): must be a file that save_pretrained wrote"
        ) from error
    return found


def _network_config(home: Path, folder: Path, place: Path | str) -> dict[str, Any]:
    """config.json of a network that can be measured."""
    path = home / "config.json"
    if not path.is_file():
        index, what = folder / "model_index.json", "no config.json in it"
        if index.is_file():
            found = _json(index)
            parts = ", ".join(name for name in found if not name.startswith("_"))
            what = f"{found.get('_class_name', 'a pipeline')} of {parts}"
        raise InputError(f"pipeline = {str(place)!r} is not allowed ({what}): must be {ALLOWED}")
    config = _json(path)
    check_kind(str(config.get("_class_name", "no class name")))
    return config


def _scheduler_folder(folder: Path, place: Path | str, given: Path | str | None) -> Path:
    if given is not None:
        path = Path(given)
        path = path.parent if path.is_file() else path
        fit = (path / "scheduler_config.json").is_file()
        require(fit, "scheduler", str(given), "a folder with scheduler_config.json")
        return path
    for path in (folder / "scheduler", folder.parent / "scheduler", folder):
        if (path / "scheduler_config.json").is_file():
            return path
    raise InputError(
        f"pipeline = {str(place)!r} is not allowed: must have a scheduler/ with "
        "scheduler_config.json, or be given one: the network alone does not say which betas it "
        "was trained with"
    )


def _scheduler(folder: Path) -> tuple[Any, Path]:
    """The scheduler of a folder, and its file."""
    import diffusers

    path = folder / "scheduler_config.json"
    config = _json(path)
    name = str(config.get("_class_name", "no class name"))
    kind = getattr(diffusers, name, None)
    known = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
    require(known, "scheduler", name, f"{SUPPORTED} of diffusers")
    try:
        return cast(Any, kind).from_config(config), path
    except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{path} is not allowed ({one_line(error)}): must be the settings of a {name}"
        ) from error


def _files(home: Path, variant: str | None, form: str) -> list[Path]:
    """The weights, in one file or several, of a variant and format."""
    name = f"{WEIGHTS}.{variant}" if variant else WEIGHTS
    whole = [home / f"{name}.{form}"] if (home / f"{name}.{form}").is_file() else []
    return whole or sorted(home.glob(f"{name}-*-of-*.{form}"))


def _network(home: Path, config: dict[str, Any]) -> Any:
    """The network with all its weights, each of them finite."""
    import diffusers

    found = [(variant, form) for variant, form in FORMS if _files(home, variant, form)]
    require(bool(found), "unet", str(home), f"a folder with {WEIGHTS}.safetensors")
    variant, form = found[0]
    try:
        with random_state_kept():  # made with random weights before they are read
            unet, told = cast(Any, diffusers.UNet2DModel).from_pretrained(
                home,
                variant=variant,
                use_safetensors=form == "safetensors",
                local_files_only=True,
                low_cpu_mem_usage=False,
                output_loading_info=True,
            )
    except (OSError, ValueError, TypeError, RuntimeError, KeyError, EOFError) as error:
        raise InputError(
            f"unet = {str(home)!r} is not allowed ({one_line(error)}): must be a whole {_kind(config)}"
        ) from error
    for kind, allowed in (("missing_keys", "there"), ("mismatched_keys", "of the right shape")):
        keys = told.get(kind) or [None]
        require(keys == [None], f"weights of {home}", keys[0], f"{allowed}: the file is not whole")
    for name, value in unet.named_parameters():
        finite = bool(torch.isfinite(value).all())
        require(finite, f"{name} of {home}", "NaN or infinite", "finite throughout")
    return unet.eval()


def _kind(config: dict[str, Any]) -> str:
    return f"{config['_class_name']} of diffusers {config.get('_diffusers_version', '')}".strip()
