"""Small valid files of every format that is read, and what each holds once it is read."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ddpm import cards
from PIL import Image

from rdverify import Trace
from rdverify.ddpm import images, pipeline
from rdverify.ddpm.card_record import read_card
from rdverify.ddpm.checkpoint import Record, read_state, write_state
from rdverify.ddpm.quality import build_classifier, load_classifier, save_classifier
from rdverify.ddpm.study.rows import FINAL_RECORD
from rdverify.ddpm.study.shipped import RECORDS
from rdverify.ddpm.unet import build_unet, load_unet, save_unet
from rdverify.judge.environments import read_environments
from rdverify.judge.records import MutationFile
from rdverify.judge.results import load_results
from rdverify.lstm import LSTMConfig, build
from rdverify.lstm.study import networks
from rdverify.lstm.study.rows import ROWS, WORDS
from rdverify.lstm.training import _restore, _save
from rdverify.lstm.weights import load_weights, save_weights, weights_note
from rdverify.measure.sequences import read_sequences
from rdverify.measure.weights import load_network
from rdverify.study.frames import read_frame
from rdverify.tools.arrays import read_arrays, write_arrays
from rdverify.tools.manifest import FILE, check_manifest, write_manifest
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import plain, read_record


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        file: a name for a file of it.
        content: a valid file.
        read: path -> plain content, comparable.
        summed: whether the file carries, or has beside it, a checksum of its content, so that no
            other content may be taken.
        share: of the inputs, in small parts; readers that build networks are slow.
    """

    file: str
    content: bytes
    read: Callable[[Path], Any]
    summed: bool = False
    share: int = 20


def values(found: Any) -> Any:
    """Tensors, arrays and modules as bytes, which compare to the bit."""
    if isinstance(found, torch.nn.Module):
        return values(found.state_dict())
    if isinstance(found, torch.Tensor):
        return values(found.detach().numpy())
    if isinstance(found, np.ndarray):
        return (found.dtype.str, found.shape, found.tobytes())
    if is_dataclass(found) and not isinstance(found, type):
        found = vars(found)
    if isinstance(found, dict):
        return {name: values(value) for name, value in sorted(found.items())}
    return [values(value) for value in found] if isinstance(found, (list, tuple)) else found


def _results() -> bytes:
    """A few cells, claims and facts of the record."""
    whole = json.loads((golden_folder() / "results.json").read_bytes())
    short = {"table1": 2, "claims": 2, "studies": 1, "equations": 1, "sentences": 2, "errata": 1}
    few = {name: whole[name][:count] for name, count in short.items()}
    few["facts"] = dict(list(whole["facts"].items())[:3])
    few["studies"] = [{**study, "tables": {}, "curves": []} for study in few["studies"]]
    few["error_rates"] = {name: part[:1] for name, part in whole["error_rates"].items()}
    return json.dumps({**whole, **few, "environments": {}}).encode()


def _trace() -> Trace:
    rng = np.random.default_rng(0)
    extras = {"change": rng.random((2, 5))}
    return Trace(rng.random((2, 5)), rng.random((2, 5)), None, "RD", {"dx": 0.1}, [1, 2], extras)


def _read_trace(path: Path) -> Any:
    return values(Trace.load(path))


def _lstm(epochs: int = 1) -> tuple[Any, torch.optim.Optimizer]:
    model = build(LSTMConfig(hidden=2))
    optimiser = torch.optim.Adam(model.parameters())
    for _ in range(epochs):
        model(torch.ones(1, 3, 1))[0].sum().backward()
        optimiser.step()
    return model, optimiser


def _read_lstm_checkpoint(path: Path) -> Any:
    model, optimiser = _lstm()
    return _restore(path, "identity", model, optimiser), values(model)


def _parts() -> tuple[torch.nn.Module, torch.nn.Module, torch.optim.Adam]:
    unet, average = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    adam = torch.optim.Adam(unet.parameters())
    unet(torch.ones(1, 2)).sum().backward()
    adam.step()
    return unet, average, adam


def _read_ddpm_checkpoint(path: Path) -> Any:
    unet, average, adam = _parts()
    record = read_state(path, unet, average, adam, {"seed": 0})
    return values([record, unet, average])


def _carded(path: Path, sha256: str) -> Any:
    return values(load_unet(path, sha256=sha256))


def _manifest(path: Path) -> Any:
    """Reads a folder of one file whose content is what the format's file holds."""
    check_manifest(path.parent)
    return path.read_bytes()


def _image(form: str) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


def _read_image(path: Path) -> Any:
    image, grey = images._read(str(path))
    return values(images._pixels(image, 1 if grey else 3))


def _table(path: Path, columns: tuple[str, ...], text: tuple[str, ...]) -> Any:
    return read_frame(path, columns, text).to_csv(index=False)


def _parquet(path: Path) -> None:
    pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0.5, 1.5, 2.5]}).to_parquet(path)


def formats(folder: Path) -> dict[str, Format]:
    """All of them; ``folder`` is for files that have to be written to be had."""
    golden, small = golden_folder(), build_unet(1, widths=(4, 4), norm_groups=2, seed=0)
    lstm, adam = _lstm()
    row, words = ROWS[0], tuple(WORDS)
    final = RECORDS[FINAL_RECORD]

    def made(write: Callable[[Path], object]) -> bytes:
        path = folder / "made"
        write(path)
        return path.read_bytes()

    def archive(path: Path) -> None:
        write_arrays(path, {"samples": np.arange(60, dtype=np.uint8), "f": np.ones(3)})

    def series(path: Path) -> None:
        with path.open("wb") as stream:
            np.save(stream, np.arange(12.0).reshape(2, 3, 2))

    def search(path: Path) -> None:
        lines = (golden / "search" / f"{row.file}.csv").read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:4]))

    state = torch.nn.LSTM(1, 2).state_dict()
    unet = made(lambda path: save_unet(small, path))
    mutation = json.loads((golden / "mutation.json").read_bytes())["equations"][:1]
    parts = _parts()
    sine = json.loads((golden / "weights" / f"{row.file}.json").read_bytes())
    sine["configs"] = {"declared": sine["configs"]["declared"]}
    found = {
        "results": Format("r.json", _results(), lambda p: plain(load_results(p))),
        "environment": Format(
            "e.json", _results(), lambda p: plain(read_environments(p.parent)["e"])
        ),
        "mutation scores": Format(
            "mutation.json",
            json.dumps({"equations": mutation}).encode(),
            lambda p: plain(read_record(p, MutationFile, "mutation scores")),
        ),
        "DDPM card": Format(
            "c.json",
            json.dumps(cards.made_up(sha256="0" * 64, loss=[{"step": 1, "mse": 0.5}])).encode(),
            read_card,
        ),
        "LSTM card": Format(
            "c.json", json.dumps(sine).encode(), lambda p: plain(networks.read_card(p))
        ),
        "record": Format(
            FINAL_RECORD,
            (golden / "search" / FINAL_RECORD).read_bytes(),
            lambda p: _table(p, (*final[0], *final[1]), final[0]),
        ),
        "search": Format("s.csv", made(search), lambda p: _table(p, tuple(row.names), words)),
        "manifest": Format("a.json", b'{"r": 1.0107}\n', _manifest, summed=True),
        "trace": Format("t.npz", made(_trace().save), _read_trace, summed=True),
        "samples": Format("s.npz", made(archive), lambda p: values(read_arrays(p)), summed=True),
        "series, npy": Format("s.npy", made(series), lambda p: values(read_sequences(p, 2))),
        "series, csv": Format(
            "s.csv", b"x,y\n1,2.5\n3,4\n5,-6e-1\n", lambda p: values(read_sequences(p, 2))
        ),
        "series, parquet": Format(
            "s.parquet", made(_parquet), lambda p: values(read_sequences(p, 2))
        ),
        "LSTM weights": Format(
            "w.safetensors",
            made(lambda path: save_weights(lstm, path, {"seed": 0})),
            lambda p: (values(load_weights(p)), weights_note(p)),
            summed=True,
        ),
        "LSTM checkpoint": Format(
            "c.ckpt",
            made(lambda path: _save(path, "identity", lstm, adam, [0.5, 0.25])),
            _read_lstm_checkpoint,
            summed=True,
        ),
        "DDPM checkpoint": Format(
            "c.safetensors",
            made(lambda path: write_state(path, *parts, Record(3, [(1, 0.5)]), {"seed": 0})),
            _read_ddpm_checkpoint,
            summed=True,
        ),
        "DDPM weights": Format(
            "u.safetensors", unet, lambda p: values(load_unet(p)), summed=True, share=1
        ),
        "DDPM weights, with their card": Format(
            "u.safetensors",
            unet,
            lambda p: _carded(p, hashlib.sha256(unet).hexdigest()),
            summed=True,
            share=4,
        ),
        "classifier": Format(
            "c.safetensors",
            made(lambda path: save_classifier(build_classifier(1), path)),
            lambda p: values(load_classifier(p)),
            summed=True,
            share=4,
        ),
        "network of others, safetensors": Format(
            "n.safetensors",
            made(lambda path: save_weights(lstm, path)),
            lambda p: values(load_network(p, "lstm")),
        ),
        "network of others, pt": Format(
            "n.pt",
            made(lambda path: torch.save(state, path)),
            lambda p: values(load_network(p, "lstm")),
        ),
        "pickle": Format("n.pt", pickle.dumps(state, 2), lambda p: load_network(p, "lstm")),
        "pipeline's settings": Format(
            "config.json", json.dumps(dict(small.config)).encode(), pipeline._json
        ),
        "image, png": Format("i.png", _image("png"), _read_image),
        "image, jpeg": Format("i.jpg", _image("jpeg"), _read_image),
        "image, tiff": Format("i.tif", _image("tiff"), _read_image),
    }
    (folder / "made").unlink()
    return found


def prepared(name: str, form: Format, folder: Path) -> tuple[Path, Any]:
    """The format's valid file in ``folder``, with what must lie beside it, and what it reads as."""
    path = folder / form.file
    path.write_bytes(form.content)
    if form.read is _manifest:
        assert write_manifest(folder).name == FILE
    return path, form.read(path) if name != "pickle" else None
