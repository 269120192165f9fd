"""What writes, as commands that take no time: all is real but what is computed and drawn.

Each is a function of a folder and a word that stands in every file it writes, so that files of
two runs side by side are seen.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import math
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace
from torchvision import datasets

from rdverify import cli, systems, verify
from rdverify.ddpm import card
from rdverify.ddpm.checkpoint import Record
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet, load_images
from rdverify.ddpm.training import Trained, train
from rdverify.ddpm.unet import build_unet, save_unet
from rdverify.judge.records import Results
from rdverify.judge.results import load_results
from rdverify.lstm import LSTMConfig, training
from rdverify.lstm.sequences import SineConfig
from rdverify.measure import pages, pdes
from rdverify.measure.certificate import Certificate
from rdverify.measure.pde import configured, kinetics_of
from rdverify.study import Facts, Figure, Study
from rdverify.study.search import evaluate_settings
from rdverify.tools.arrays import write_arrays
from rdverify.tools.paths import golden_folder
from rdverify.tools.progress import Reporter

Command = Callable[[Path, str], None]
PAGES = ["REPORT.md", "report/metric.md", "report/table1.md"]


@cache
def recorded() -> Results:
    """A record of little."""
    whole = load_results(golden_folder() / "results.json")
    few: dict[str, Any] = {"facts": {}, "studies": [], "claims": [], "sentences": [], "errata": []}
    return replace(whole, table1=whole.table1[:1], equations=whole.equations[:1], **few)


@cache
def read_once() -> tuple[Any, Any]:
    """What the paper says, and the mutation scores."""
    return verify.the_paper(), verify.mutation_scores(golden_folder())


@cache
def certificate() -> Certificate:
    """A certificate of a PDE that hardly ran."""
    settings = {"rows": 8, "cols": 8, "steps": 40}
    return pdes.certify_pde(configured(kinetics_of("schnakenberg"), settings), seeds=2)


@cache
def network() -> torch.nn.Module:
    """A network of few weights."""
    return build_unet(1, widths=(8, 8), norm_groups=4, seed=0)


def typed(*words: str) -> None:
    """Run the command line."""
    sys.argv = ["rdverify", *words]
    cli.main()


def stubbed(word: str) -> None:
    """What is drawn and rendered is the word, in as many files as a run has."""

    def drawn(results: Results, folder: Path) -> Results:
        for name in ("fig2.png", "fig2.svg"):
            (folder / name).write_text(f"{name}, {word}")
        return replace(results, provenance=replace(results.provenance, time=word))

    def rendered(results: Results, _: str) -> dict[str, str]:
        left = PAGES if word == "old" else PAGES[:-1]  # one page goes
        return {page: f"{page}, {word}" for page in left}

    paper, scores = read_once()
    verify.the_paper = lambda: paper
    verify.mutation_scores = lambda *_: scores
    verify.trials = lambda *_: []
    verify.results_schema = lambda: {"schema": word}
    verify.provenance = lambda *_: recorded().provenance
    verify.PAGES = PAGES
    verify.illustrated = drawn
    verify.render = rendered
    verify.render_html = lambda results, *_: f"<p>{word}"
    verify.junit = lambda *_: f"<testsuites>{word}"
    verify.verdict_block = lambda _: word
    verify.gather = lambda *_: recorded()
    verify.drifts = lambda *_: []
    verify.check_manifest = lambda _: None


def clone(folder: Path) -> Path:
    """As much of a clone as is written into, if it isn't there."""
    root = folder / "clone"
    if not root.exists():
        root.mkdir()
        (root / "README.md").write_text("# A\n<!-- verdicts -->\nnone\n<!-- /verdicts -->\n")
        (root / "notes.md").write_text("of the user, old and new and third\n")
        verify.write_the_record(recorded(), root, {"kept.png": b"old and new and third"})
    verify.repository = lambda: root
    return root


def report(folder: Path, word: str) -> None:
    """``rdverify report`` in a clone."""
    stubbed(word)
    clone(folder)
    typed("report")


def _study() -> None:
    def draws(_: None, folder: Path) -> Mapping[str, Figure]:
        (folder / "new.png").write_bytes(b"drawn")
        return {"new": Figure("new.png", "A line.", "A falling line.")}

    study: Study[None] = Study("heat", "heat", lambda _: None, Facts(), figures=draws)
    systems.SYSTEMS = {"heat": ""}
    systems.study = lambda _: study


def verified(folder: Path, word: str) -> None:
    """``rdverify verify``."""
    stubbed(word)
    _study()
    verify.repository = lambda: None
    typed("verify", "--output", str(folder / "out"))


def record(folder: Path, word: str) -> None:
    """``rdverify verify --record`` in a clone."""
    stubbed(word)
    _study()
    clone(folder)
    typed("verify", "--record", "--output", str(folder / "out"))


def measured(folder: Path, word: str) -> None:
    """``rdverify measure pde``."""
    found = replace(certificate(), measured=word)

    def drawn(_: Any, target: Path, name: str) -> None:
        (target / name).write_text(word)
        if word == "old":  # a figure that is too large as SVG later
            (target / name).with_suffix(".svg").write_text(word)

    pages.save = drawn
    pdes.certify_pde = lambda *_, **__: found
    typed("measure", "pde", "schnakenberg", "--output", str(folder / "out"))


def trained(folder: Path, word: str) -> None:
    """The end of ``rdverify train ddpm``: weights and card."""
    images = ImageSet(word, torch.zeros(10, 1, 32, 32, dtype=torch.uint8), torch.zeros(10), ("a",))
    own = copy.deepcopy(network())
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.add_(len(word) / 7)
    card.load_images = lambda *_, **__: images
    card.train = lambda *_, **__: Trained(own, own, Record(step=3, losses=[(3, 1.0)]))
    card.ConsoleReporter = Reporter
    typed("train", "ddpm", "folder:small", "--output", str(folder / "out"))


def searched(folder: Path, word: str) -> None:
    """A search that keeps a record row by row; it doesn't depend on the word."""
    settings = [{"x": float(x)} for x in range(4)]
    evaluate_settings(settings, lambda s: {"y": s["x"] ** 2}, folder / "search")


def lstm(folder: Path, word: str) -> None:
    """A training of an LSTM with its checkpoint; it doesn't depend on the word."""
    config = LSTMConfig(data=SineConfig(sequences=4, length=20), epochs=3, hidden=4, batch_size=2)
    training.train(config, checkpoint=folder / "lstm.ckpt", checkpoint_epochs=1)


def ddpm(folder: Path, word: str) -> None:
    """A training of a DDPM from its checkpoint, if there is one, to its weights."""
    pixels = torch.arange(12 * 1024, dtype=torch.int64).reshape(12, 1, 32, 32) % 251
    data = ImageSet("small", pixels.to(torch.uint8), torch.zeros(12), ("a",))
    config = TrainingConfig(steps=3, batch=4, widths=(8, 8), norm_groups=4)
    path = folder / "checkpoint.safetensors"
    found = train(data, data, config, checkpoint=path, checkpoint_every=1, device="cpu")
    save_unet(found.unet, folder / "weights.safetensors")
    path.unlink()  # the time that it took stands in it


def arrays(folder: Path, word: str) -> None:
    """One file of arrays."""
    write_arrays(folder / "a.npz", {"a": np.full((50, 50), len(word)), "word": np.array(word)})


def images(folder: Path) -> Path:
    """A server's folder with MNIST of four black images, as torchvision wants its files."""
    served = folder / "served"
    served.mkdir(parents=True, exist_ok=True)
    for split in ("train", "t10k"):
        for kind, shape in (("images-idx3", (4, 28, 28)), ("labels-idx1", (4,))):
            head = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
            whole = gzip.compress(head + bytes(math.prod(shape)), mtime=0)
            (served / f"{split}-{kind}-ubyte.gz").write_bytes(whole)
    return served


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def downloaded(folder: Path, word: str) -> None:
    """The data that ``--download`` fetches, by torchvision's own code from this machine."""
    served = images(folder.with_name(f"{folder.name}-served"))
    handler = partial(Quiet, directory=str(served))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    datasets.MNIST.mirrors = [f"http://127.0.0.1:{server.server_port}/"]
    datasets.MNIST.resources = [
        (path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in served.iterdir()
    ]
    try:
        found = load_images("mnist", "train", root=folder, download=True)
    finally:
        server.shutdown()
    assert (len(found), found.channels) == (4, 1)


COMMANDS: dict[str, Command] = {
    "report": report,
    "verify": verified,
    "verify --record": record,
    "measure": measured,
    "train ddpm": trained,
    "search": searched,
    "train lstm": lstm,
    "train ddpm, resumed": ddpm,
    "arrays": arrays,
    "download": downloaded,
}
RESUMED = (
    "search",
    "train lstm",
    "train ddpm, resumed",
    "download",
)  # go on where they were: one end, whatever happened before
