"""What a module may declare of its implementation, and what is said of one that can't be judged."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from conformance.implementations import BUILT_IN
from mutants import MUTANTS
from mutants.mutant import Mutant

from rdverify.conformance import CHECKS, Implementation, NoImplementation, of_module, verdict
from rdverify.conformance import expect as expectation
from rdverify.conformance.arrays import in_its_arrays
from rdverify.conformance.checks import symbols


def declared(monkeypatch: pytest.MonkeyPatch, **names: Any) -> Implementation:
    """What is made of a module with these names."""
    module = ModuleType("mine")
    vars(module).update(names)
    monkeypatch.setitem(sys.modules, "mine", module)
    return of_module("mine")


def message(token: str, function: Callable[..., Any], **kind: str) -> str | None:
    """What is said of a function of NumPy arrays, or of those that ``kind`` names."""
    kind = {"arrays": "numpy", "dtype": "float64"} | kind
    return verdict(token, Implementation("mine", {token: in_its_arrays(function, **kind)}))[0]


def test_functions_go_by_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = declared(monkeypatch, EQUATIONS={"eq07": lambda o, c: o * np.tanh(c)}, eq18=math.hypot)
    assert set(mine.functions) == {"eq07", "eq18"}
    assert verdict("eq07", mine) == (None, "float64")
    assert verdict("eq18", mine)[0]


def test_functions_of_tensors_get_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)

    def hidden(o_t: torch.Tensor, c_t: torch.Tensor) -> torch.Tensor:
        return weight * o_t * torch.tanh(c_t)

    mine = declared(monkeypatch, ARRAYS="torch", eq07=hidden, eq09=BUILT_IN["spec"]()["eq09"])
    assert verdict("eq07", mine) == (None, "float64")
    assert verdict("eq09", mine) == (None, "float64")


def cell_of(order: str) -> Callable[..., Any]:
    """An LSTM cell by hand, its gates in this order."""

    def cell(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> tuple[Any, Any]:
        pre = dict(zip(order, np.split(w @ x + u @ h + b, 4), strict=True))
        i, f, o = (1 / (1 + np.exp(-pre[gate])) for gate in "ifo")
        c = f * c + i * np.tanh(pre["c"])
        return o * np.tanh(c), c

    return cell


@pytest.mark.parametrize("order", ["ifco", "ocfi", "fico"])
def test_a_cell_is_read_in_the_order_of_its_gates(
    monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    mine = declared(monkeypatch, lstm_cell=cell_of(order), GATES=list(order.replace("c", "g")))
    assert sorted(mine.functions) == ["eq02", "eq03", "eq04", "eq05", "eq06", "eq07", "eq11"]
    for token in mine.functions:
        assert verdict(token, mine) == (None, "float64")
    other = declared(monkeypatch, lstm_cell=cell_of(order), GATES=order[::-1])
    for token in ("eq02", "eq03", "eq04", "eq06"):
        assert verdict(token, other)[0]


def test_a_module_in_the_current_folder_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cell_in_this_folder.py").write_text("def eq18(a, b):\n    return a / b\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    assert set(of_module("cell_in_this_folder").functions) == {"eq18"}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({}, "offers none of eq01 .. eq20"),
        ({"eq07": 3}, "eq07 is no function"),
        ({"EQUATIONS": {"eq07": 3}}, "EQUATIONS['eq07'] is no function"),
        ({"EQUATIONS": {"eq21": abs}}, "EQUATIONS names 'eq21': must be one of eq01, "),
        ({"EQUATIONS": ["eq07"]}, "EQUATIONS must map names"),
        ({"eq07": abs, "ARRAYS": "jax"}, "ARRAYS = 'jax' is not allowed: must be 'numpy' or"),
        ({"eq07": abs, "DTYPE": "float16"}, "DTYPE = 'float16' is not allowed: must be 'float64'"),
        ({"lstm_cell": abs}, "GATES = None is not allowed"),
        ({"lstm_cell": abs, "GATES": "ifgc"}, "GATES = 'ifgc' is not allowed"),
        ({"lstm_cell": 3, "GATES": "ifgo"}, "lstm_cell is no function"),
    ],
)
def test_what_is_declared_wrongly_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, Any], says: str
) -> None:
    with pytest.raises(NoImplementation) as caught:
        declared(monkeypatch, **names)
    assert f"implementation 'mine'{'' if not names else ':'} {says}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_message_has_the_equation_the_law_and_both_values() -> None:
    assert message("eq07", lambda o, c: o * np.tanh(c) + 1) == (
        "mine: eq07 breaks a law.\n"
        "  equation  h_t of (o_t, C_t), each of shape (h,)\n"
        "  law       a closed output gate gives 0\n"
        "  expected  [0, 0, 0, 0, 0]\n"
        "  found     [1, 1, 1, 1, 1]\n"
        "  allowed   3e-10 of the value + 1e-12 (float64)\n"
        "  last call o_t = [0, 0, 0, 0, 0], "
        "C_t = [-0.0104065, -1.24693, 0.297263, -3.21638, 0.483544]"
    )


def test_of_a_large_array_the_worst_entry_is_shown() -> None:
    right = BUILT_IN["spec"]()["eq01"]

    def wrong(*arguments: Any) -> Any:
        du, dv = right(*arguments)
        du[3, 1] += 0.5
        du[7, 5] += 2
        return du, dv

    said = message("eq01", wrong)
    assert said is not None
    assert "  expected  1 at [7, 5]\n  found     3 at [7, 5]; 2 of 48 entries differ\n" in said


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda o, c: None, "must be real numbers"),
        (lambda o, c: "h", "must be real numbers"),
        (lambda o, c: o + 1j, "complex128"),
        (lambda o, c: np.float16(o), "too coarse to be judged"),
        (lambda o, c: torch.tensor(o).bfloat16(), "too coarse to be judged"),
        (lambda o, c: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda o: o, "TypeError"),
    ],
)
def test_what_answers_no_numbers_fails_by_name(function: Callable[..., Any], says: str) -> None:
    said = message("eq07", function)
    assert said is not None
    assert said.startswith("mine: eq07 fails.\n  equation  h_t of (o_t, C_t)")
    assert says in said
    assert "\n  last call o_t = [" in said


@pytest.mark.parametrize(
    ("token", "function"),
    [("eq01", lambda u, *rest: u), ("eq05", lambda f, c, i, g: (f * c, i * g)), ("eq20", max)],
)
def test_a_result_of_another_shape_fails_by_name(token: str, function: Callable[..., Any]) -> None:
    said = message(token, function)
    assert said is not None
    assert said.startswith(f"mine: {token} ")
    assert "\n  last call " in said


def test_an_implementation_may_overwrite_its_arguments() -> None:
    def greedy(o: Any, c: Any) -> Any:
        o *= np.tanh(c)
        return o

    assert message("eq07", greedy) is None


@pytest.mark.parametrize("token", CHECKS)
def test_singles_are_held_within_what_their_roundings_explain(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    # NumPy needs a sixteenth of what is allowed
    monkeypatch.setattr(expectation, "ROUNDINGS", expectation.ROUNDINGS // 16)
    assert message(token, BUILT_IN["spec"]()[token], dtype="float32") is None


@pytest.mark.once
@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in MUTANTS if mutant.kind != "wiring"],
    ids=lambda mutant: f"{mutant.token}-{mutant.name}".replace(" ", "_"),
)
def test_a_wrong_form_is_rejected_in_singles_too(mutant: Mutant) -> None:
    assert message(mutant.token, mutant.function, dtype="float32")


def test_the_tolerance_of_singles_ends_with_their_verdict() -> None:
    in_singles = in_its_arrays(BUILT_IN["spec"]()["eq07"], "numpy", "float32")
    assert verdict("eq07", Implementation("mine", {"eq07": in_singles})) == (
        None,
        "float32, laws held within 3e-05",
    )
    assert message("eq07", lambda o, c: o * np.tanh(c) * (1 + 1e-6))


@pytest.mark.parametrize("token", CHECKS)
def test_a_check_gives_a_symbol_for_each_argument(token: str) -> None:
    seen = []
    right = BUILT_IN["spec"]()[token]

    def counted(*arguments: Any) -> Any:
        seen.append(len(arguments))
        return right(*arguments)

    CHECKS[token](counted)
    assert set(seen) == {len(symbols(token))}
