"""``pytest --pyargs rdverify.conformance`` as installed, on implementations by others.

Three of them stand in conformance/foreign; each of their slips here is caught, and the
message names the law that it breaks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = ROOT / "tests" / "conformance" / "foreign"
OFFERED = {
    "torch_cell": {"eq02", "eq03", "eq04", "eq05", "eq06", "eq07", "eq11"},
    "ddpm_scheduler": {"eq08", "eq14", "eq17"},
    "py_pde": {"eq01", "eq12", "eq15"},
}

BY_HAND = """\
    i, f, g, o = (w @ x_t + u @ h_prev + b).chunk(4)
    c_t = f.sigmoid() * c_prev + i.sigmoid() * g.tanh()
    h_t = o.sigmoid() * c_t.sigmoid()
"""


class Slip(NamedTuple):
    """A wrong variant of a module, and the law of an equation that it breaks."""

    name: str
    module: str
    right: str
    wrong: str
    token: str
    law: str


SLIPS = [
    Slip(
        "the gates in another order",
        "torch_cell",
        'GATES = "ifgo"',
        'GATES = "figo"',
        "eq02",
        "nothing in: the middle of the range",
    ),
    Slip(
        "the bias forgotten",
        "torch_cell",
        '"bias_ih": b,',
        '"bias_ih": 0 * b,',
        "eq02",
        "the bias alone, by hand",
    ),
    Slip(
        "sigma in place of tanh",
        "torch_cell",
        "    h_t, c_t = cell(x_t, (h_prev, c_prev))\n",
        BY_HAND,
        "eq07",
        "an empty cell gives 0",
    ),
    Slip(
        "the states exchanged",
        "torch_cell",
        "(h_prev, c_prev)",
        "(c_prev, h_prev)",
        "eq05",
        "f = 1, i = 0 keeps the cell",
    ),
    Slip(
        "the time index off by one",
        "ddpm_scheduler",
        "scheduler.alphas[t]",
        "scheduler.alphas[t - 1]",
        "eq08",
        "by hand: the last step is 0.6 10 + 0.8 5",
    ),
    Slip(
        "alpha_bar in place of alpha",
        "ddpm_scheduler",
        "scheduler.alphas[t]",
        "scheduler.alphas_cumprod[t]",
        "eq08",
        "by hand: the last step is 0.6 10 + 0.8 5",
    ),
    Slip(
        "the root of beta missing",
        "ddpm_scheduler",
        "torch.sqrt(1 - alpha) *",
        "(1 - alpha) *",
        "eq08",
        "by hand: the last step is 0.6 10 + 0.8 5",
    ),
    Slip(
        "alpha in place of alpha_bar",
        "ddpm_scheduler",
        "1 - alpha_bar_t / (1 - beta_t)",
        "1 - (1 - beta_t) / (1 - beta_t)",
        "eq14",
        "from x = 0: 0.36 / (0.8 0.8) ||epsilon||",
    ),
    Slip(
        "the noise left in the drift",
        "ddpm_scheduler",
        "step.prev_sample - torch.sqrt(beta_t) * noise",
        "step.prev_sample",
        "eq14",
        "no noise predicted: (1/0.8 - 1) ||x||",
    ),
    Slip(
        "the posterior's variance in place of beta",
        "ddpm_scheduler",
        '"fixed_large"',
        '"fixed_small"',
        "eq17",
        "by hand: (2.5 + 0.5) / 2",
    ),
    Slip(
        "D dx in place of D / dx^2",
        "py_pde",
        "d_v * laplacian(frame, dx)",
        "d_v * dx * laplacian(frame, 1.0)",
        "eq15",
        "by hand: 0.3 sqrt(16 + 4) / 0.25",
    ),
    Slip(
        "edges that are not periodic",
        "py_pde",
        "periodic=True",
        "periodic=False",
        "eq15",
        "by hand: 0.3 sqrt(16 + 4) / 0.25",
    ),
    Slip(
        "the norm divided by the number of cells",
        "py_pde",
        "np.linalg.norm(frame) for",
        "np.linalg.norm(frame) / frame.size for",
        "eq12",
        "by hand: 2 |0.02 - 0.026|",
    ),
    Slip(
        "the mean of the squares",
        "py_pde",
        "np.linalg.norm(frame) for",
        "np.linalg.norm(frame) ** 2 for",
        "eq12",
        "by hand: 2 |0.02 - 0.026|",
    ),
    Slip(
        "u^2 v in place of u v^2",
        "py_pde",
        "a * b**2",
        "a**2 * b",
        "eq12",
        "zero on the nullcline u v = F + k",
    ),
]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with rdverify as its wheel lays it out, golden files apart."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    info = folder / "rdverify-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rdverify\nVersion: 0\n")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in project["project"]["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))
    return folder


class Run(NamedTuple):
    """What one run said, and what became of each test: ``passed``, or its message."""

    status: int
    text: str
    outcomes: dict[tuple[str, str], str]

    def of(self, module: str) -> dict[str, str]:
        """The outcomes of one module by equation."""
        return {token: said for (token, name), said in self.outcomes.items() if name == module}


def run_on(site: Path, folder: Path, modules: list[str], **environment: str) -> Run:
    """The command of the README in ``folder``, which holds the modules."""
    path = os.pathsep.join([str(folder), str(site)])
    command = ["-m", "pytest", "--pyargs", "rdverify.conformance", "-rs", "--junitxml=junit.xml"]
    done = subprocess.run(
        [sys.executable, *command, *(f"--implementation={name}" for name in modules)],
        env={"RDVERIFY_IMPLEMENTATION": ""} | os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    outcomes = {}
    if (folder / "junit.xml").is_file():
        for case in ElementTree.parse(folder / "junit.xml").iter("testcase"):
            token, _, name = case.attrib["name"].partition("[")[2].removesuffix("]").partition("-")
            children = {child.tag: child for child in case}
            if "failure" in children:
                outcomes[token, name] = children["failure"].text or ""
            elif "skipped" in children:
                outcomes[token, name] = children["skipped"].attrib["message"]
            else:
                outcomes[token, name] = "passed"
    return Run(done.returncode, done.stdout + done.stderr, outcomes)


@pytest.fixture(scope="session")
def right(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The three modules as they are."""
    folder = tmp_path_factory.mktemp("right")
    for module in OFFERED:
        shutil.copy(FOREIGN / f"{module}.py", folder)
    return run_on(site, folder, list(OFFERED))


@pytest.fixture(scope="session")
def wrong(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every slip at once; ``slip_3`` is the third of them."""
    folder = tmp_path_factory.mktemp("wrong")
    for place, slip in enumerate(SLIPS):
        source = (FOREIGN / f"{slip.module}.py").read_text(encoding="utf-8")
        assert source.count(slip.right) == 1, slip.name
        (folder / f"slip_{place}.py").write_text(source.replace(slip.right, slip.wrong))
    return run_on(site, folder, [f"slip_{place}" for place in range(len(SLIPS))])


@pytest.mark.parametrize("module", OFFERED)
def test_a_strangers_implementation_is_judged_on_what_it_offers(right: Run, module: str) -> None:
    outcomes = right.of(module)
    assert {token for token, said in outcomes.items() if said == "passed"} == OFFERED[module]
    for token, said in outcomes.items():
        assert token in OFFERED[module] or said == f"{module} offers no {token}"
    assert right.status == 0, right.text


def test_the_precision_is_said_where_it_is_not_double(right: Run) -> None:
    assert (
        "ddpm_scheduler: eq08, eq14, eq17 answer in float32, laws held within 3e-05" in right.text
    )
    assert "torch_cell: " not in right.text
    assert "py_pde: " not in right.text


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name.replace(" ", "_"))
def test_a_slip_is_named_by_the_law_that_it_breaks(wrong: Run, slip: Slip) -> None:
    name = f"slip_{SLIPS.index(slip)}"
    said = wrong.of(name)[slip.token]
    assert f"{name}: {slip.token} breaks a law." in said
    assert f"  law       {slip.law}\n" in said
    assert "Traceback" not in said
    for part in ("equation", "expected", "found", "last call"):
        assert f"\n  {part:<10}" in said


def test_the_readme_shows_what_is_said(wrong: Run) -> None:
    (place,) = (n for n, slip in enumerate(SLIPS) if slip.name == "sigma in place of tanh")
    said = wrong.of(f"slip_{place}")["eq07"].strip().replace(f"slip_{place}", "my_cell")
    assert f"```text\n{said}\n```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_a_slip_leaves_alone_passes(wrong: Run) -> None:
    name = f"slip_{[slip.token for slip in SLIPS].index('eq15')}"
    assert {token for token, said in wrong.of(name).items() if said == "passed"} == {"eq01", "eq12"}


OWN = "def eq18(react, diff):\n    return react / diff\n"


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        ([], "no implementation to check: name one by --implementation package.module or RDV"),
        (["no_such_module"], "implementation 'no_such_module' can't be imported"),
    ],
)
def test_a_run_without_an_implementation_ends_in_one_line(
    site: Path, tmp_path: Path, modules: list[str], says: str
) -> None:
    run = run_on(site, tmp_path, modules)
    assert f"ERROR: {says}" in run.text
    assert "Traceback" not in run.text
    assert run.status == pytest.ExitCode.USAGE_ERROR


def test_the_variable_names_implementations_too(site: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "yours.py").write_text(OWN.replace("18", "20"))
    run = run_on(site, tmp_path, [], RDVERIFY_IMPLEMENTATION="mine, yours")
    assert run.of("mine")["eq18"] == run.of("yours")["eq20"] == "passed"
    assert run.status == 0


def test_other_runs_of_pytest_do_not_get_the_option(site: Path, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--implementation')\n"
    )
    (tmp_path / "test_sum.py").write_text(
        "import sys\n\n\ndef test_sum():\n    assert 'numpy' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "--implementation=3"],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "1 passed" in done.stdout, done.stdout
