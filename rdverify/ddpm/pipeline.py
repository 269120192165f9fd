"""A diffusers pipeline from a folder or the Hugging Face hub; no code of it is ever run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from rdverify.ddpm.network import ForClass, check_config
from rdverify.ddpm.schedulers import SUPPORTED
from rdverify.tools.errors import InputError, one_line, require
from rdverify.tools.reading import refused, require_file
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
        read: name -> file that was read, for the record.
    """

    unet: Any
    scheduler: Any
    read: dict[str, Path]


@dataclass(frozen=True, eq=False)
class Found:
    """What a folder says of a pipeline; its weights are not read yet.

    Attributes:
        place: as given.
        home: folder of the network.
        config: of the network.
        scheduler: as diffusers makes it.
        settings: file of the scheduler.
        class_label: that the network is to be asked for.
        inside: below which the hub has the weights; None for a folder of this machine.
        others: names of further parts that the pipeline has.
    """

    place: str
    home: Path
    config: dict[str, Any]
    scheduler: Any
    settings: Path
    class_label: int | None
    inside: str | None
    others: tuple[str, ...]

    def load(self, device: torch.device | str = "cpu") -> Pipeline:
        """The same with its weights, which are fetched where they have to be."""
        home = self.home if self.inside is None else _fetched_weights(self.place, self.inside)
        unet, files = _network(home, self.config)
        unet.to(device)
        read = {f"unet/{path.name}": path for path in (self.home / "config.json", *files)}
        read[f"scheduler/{self.settings.name}"] = self.settings
        network = unet if self.class_label is None else ForClass(unet, self.class_label)
        return Pipeline(network, self.scheduler, read)


def find_pipeline(
    place: Path | str, scheduler: Path | str | None = None, class_label: int | None = None
) -> Found:
    """A UNet2DModel and its scheduler, as diffusers' ``save_pretrained`` leaves them.

    Args:
        place: a folder of a pipeline, with unet/ and scheduler/ in it or their files side
            by side; that of a UNet alone, with ``scheduler`` or one beside it; or an id of
            the hub, whose files are fetched once.
        scheduler: a folder with another scheduler_config.json.
        class_label: of a class-conditional network.

    Raises:
        InputError: if something else is there, or a network or scheduler of another kind.
    """
    folder = Path(place)
    hub = not folder.exists()
    if hub:
        folder = _fetched(str(place), ["model_index.json", "*config.json"])
    require(folder.is_dir(), "pipeline", str(place), ALLOWED)
    home = folder / "unet" if (folder / "unet").is_dir() else folder
    config = _network_config(home, folder, place)
    check_config(config, class_label)
    settings = _scheduler_folder(folder, place, scheduler) / "scheduler_config.json"
    return Found(
        place=str(place),
        home=home,
        config=config,
        scheduler=_scheduler(settings),
        settings=settings,
        class_label=class_label,
        inside=("unet/" if home != folder else "") if hub else None,
        others=tuple(name for name in _parts(folder) if name not in ("unet", "scheduler")),
    )


def load_pipeline(
    place: Path | str,
    scheduler: Path | str | None = None,
    *,
    class_label: int | None = None,
    device: torch.device | str = "cpu",
) -> Pipeline:
    """:func:`find_pipeline` with its weights, the network on ``device``.

    Raises:
        InputError: besides what that raises, if weights are missing, don't fit or aren't finite.
    """
    return find_pipeline(place, scheduler, class_label).load(device)


def untrained(unet: Any, seed: int) -> Any:
    """A network of the same configuration with diffusers' own initial weights."""
    if isinstance(unet, ForClass):
        return ForClass(untrained(unet.unet, seed), unet.label)
    made = hasattr(type(unet), "from_config")
    require(made, "network", type(unet).__name__, "of diffusers, to be made anew")
    with seeded_globally(seed):
        twin = type(unet).from_config(unet.config)
    own = next(unet.parameters())
    twin = twin.to(own.device).eval()
    return twin if own.dtype == torch.float32 else twin.to(own.dtype)


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
            f"{one_line(error, 60)}): must be {ALLOWED}"
        ) from error


def _fetched_weights(name: str, inside: str) -> Path:
    """The folder with the first form of weights that the hub has."""
    for variant, form in FORMS:
        stem = f"{inside}{WEIGHTS}{f'.{variant}' if variant else ''}"
        home = _fetched(name, [f"{stem}.{form}*", f"{stem}-*.{form}"]) / inside
        if _files(home, variant, form):
            break
    return home


def _json(path: Path) -> dict[str, Any]:
    with refused("settings", path, "a file that save_pretrained wrote"):
        found = json.loads(require_file("settings", path).read_bytes())
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
    return found


def _parts(folder: Path) -> list[str]:
    """Names of the parts that a pipeline's index lists and that are there; none without one."""
    index = folder / "model_index.json"
    found = _json(index) if index.is_file() else {}
    return [name for name, part in found.items() if isinstance(part, list) and any(part)]


def _network_config(home: Path, folder: Path, place: Path | str) -> dict[str, Any]:
    """The settings of the network."""
    path = home / "config.json"
    if not path.is_file():
        parts = ", ".join(_parts(folder))
        what = f"a pipeline of {parts}" if parts else "no config.json in it"
        raise InputError(f"pipeline = {str(place)!r} is not allowed ({what}): must be {ALLOWED}")
    return _json(path)


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


def _scheduler(path: Path) -> Any:
    """The scheduler of its settings."""
    import diffusers

    config = _json(path)
    name = str(config.get("_class_name", "no class name"))
    kind = getattr(diffusers, name, None)
    known = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
    require(known, "scheduler", name, f"{SUPPORTED} of diffusers")
    with refused("settings", path, f"those of a {name}"):
        return cast(Any, kind).from_config(config)


def _files(home: Path, variant: str | None, form: str) -> list[Path]:
    """The weights, in one file or several, of a variant and format."""
    name = f"{WEIGHTS}.{variant}" if variant else WEIGHTS
    whole = [home / f"{name}.{form}"] if (home / f"{name}.{form}").is_file() else []
    return whole or sorted(home.glob(f"{name}-*-of-*.{form}"))


def _network(home: Path, config: dict[str, Any]) -> tuple[Any, list[Path]]:
    """The network with all its weights, each of them finite, and their files."""
    import diffusers

    found = [(variant, form) for variant, form in FORMS if _files(home, variant, form)]
    require(bool(found), "unet", str(home), f"a folder with {WEIGHTS}.safetensors")
    variant, form = found[0]
    whole = f"{config['_class_name']} of diffusers {config.get('_diffusers_version', '')}"
    # made with random weights before they are read
    with refused("unet", home, f"a whole {whole}".rstrip()), random_state_kept():
        unet, told = cast(Any, diffusers.UNet2DModel).from_pretrained(
            home,
            variant=variant,
            use_safetensors=form == "safetensors",
            local_files_only=True,
            low_cpu_mem_usage=False,
            output_loading_info=True,
        )
    for kind, allowed in (("missing_keys", "there"), ("mismatched_keys", "of the right shape")):
        keys = told.get(kind) or [None]
        require(keys == [None], f"weights of {home}", keys[0], f"{allowed}: the file is not whole")
    for name, value in unet.named_parameters():
        finite = bool(torch.isfinite(value).all())
        require(finite, f"{name} of {home}", "NaN or infinite", "finite throughout")
    return unet.eval(), _files(home, variant, form)
