"""No configuration takes what its fields are not annotated with; a rule, held for each of them."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.sde import VariancePreserving
from rdverify.gray_scott import GrayScottConfig
from rdverify.lstm import LSTMConfig
from rdverify.lstm.sequences import LorenzConfig, SineConfig, VanDerPolConfig
from rdverify.measure.kinetics import NAMED
from rdverify.measure.pde import PDEConfig
from rdverify.tools.errors import InputError

NEEDED: dict[type, dict[str, Any]] = {
    TrainingConfig: {},
    LSTMConfig: {},
    SineConfig: {},
    LorenzConfig: {},
    VanDerPolConfig: {},
    VariancePreserving: {},
    GrayScottConfig: {"feed_rate": 0.03},
    PDEConfig: {"kinetics": NAMED["schnakenberg"]},
}
FIELDS = [(made, entry.name) for made in NEEDED for entry in fields(made)]
ODD: tuple[Any, ...] = (
    *(math.nan, math.inf, -math.inf, 1j, "1", b"1", [1], {"a": 1}, object(), ...),
    *(10**400, -(10**400)),
)
# what an annotation leaves out, though Python would compute with it
FURTHER: dict[Any, tuple[Any, ...]] = {
    int: (1.5, 1.0, True, None),
    float: (True, None),
    bool: (1, 0, 1.0, None),
    str: (1, None, True),
}


@pytest.mark.parametrize(("made", "name"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
@pytest.mark.once
def test_what_a_field_is_not_annotated_with_is_refused_by_name(made: type, name: str) -> None:
    kind = get_type_hints(made)[name]
    for value in (*ODD, *FURTHER.get(kind, ())):
        if (name, value) in (("parameters", {"a": 1}), ("snapshots", [1])):
            continue  # these are what they take
        with pytest.raises(InputError, match=rf"^{name}|^parameter") as caught:
            made(**{**NEEDED[made], name: value})
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.once
@given(
    made=st.sampled_from(list(NEEDED)),
    data=st.data(),
)
def test_any_value_is_taken_or_refused_in_one_line(made: type, data: st.DataObject) -> None:
    numbers = st.integers(-5, 10**13) | st.floats() | st.booleans()
    values = numbers | st.none() | st.text(max_size=5) | st.lists(numbers, max_size=3).map(tuple)
    chosen = data.draw(st.sampled_from([entry.name for entry in fields(made)]))
    try:
        made(**{**NEEDED[made], chosen: data.draw(values)})
    except InputError as error:
        caught = str(error)
    else:
        return
    assert len(caught.splitlines()) == 1


@pytest.mark.parametrize(
    ("made", "given"),
    [
        (GrayScottConfig, {"rows": 10**6, "cols": 10**6, "square": 0}),
        (GrayScottConfig, {"steps": 10**12}),
        (PDEConfig, {"rows": 10**6, "cols": 10**6}),
        (SineConfig, {"sequences": 10**12}),
        (LSTMConfig, {"hidden": 10**6}),
        (TrainingConfig, {"widths": (10**6,)}),
    ],
)
def test_sizes_that_no_machine_holds_are_refused_at_once(made: type, given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        made(**{**NEEDED[made], **given})
