"""results.json: every field checked on reading, its schema made from the types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.testing import assert_allclose

import spec
from rdverify import InputError
from rdverify.judge.judged import CellKey, JudgedCell
from rdverify.judge.records import CurveRecord, Results, Trials, TriedKind
from rdverify.judge.results import load_results, results_schema, verdict_digest
from rdverify.judge.verdict import Verdict
from rdverify.study import Row
from rdverify.study.intervals import share
from rdverify.study.tolerance import interval_of
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import as_written, plain, write_record

ROOT = Path(__file__).resolve().parents[2]
RECORD = json.loads((golden_folder() / "results.json").read_text(encoding="utf-8"))


def test_a_record_reads_back_as_it_was_written(recorded: Results, tmp_path: Path) -> None:
    assert as_written(recorded) == recorded
    assert load_results(write_record(tmp_path / "r.json", recorded)) == recorded
    assert (tmp_path / "r.json").read_bytes() == (golden_folder() / "results.json").read_bytes()


@pytest.mark.twice
def test_the_record_follows_the_schema_which_follows_the_types(recorded: Results) -> None:
    text = (golden_folder() / "results.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert schema == results_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plain(recorded), schema)
    broken = json.loads(json.dumps(RECORD))
    broken["table1"][0]["verdict"] = "MAYBE"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_the_record_was_judged_by_the_ledger_as_it_stands(recorded: Results) -> None:
    assert recorded.provenance.ledger_sha256 == spec.ledger_sha256()
    assert [claim.id for claim in recorded.claims] == [c["id"] for c in spec.claims()]


def test_every_interval_says_how_it_was_made_and_can_be_made_again(recorded: Results) -> None:
    for name, fact in recorded.facts.items():
        assert (fact.low is None) or fact.how, name
        if fact.how == "student-t":
            again = interval_of(fact.runs)
            assert_allclose(fact.ends, (again.low, again.high), rtol=1e-6, atol=1e-300)
        if fact.how == "clopper-pearson":
            share_again = share(round(float(fact.value or 0) * fact.n), fact.n)
            assert_allclose(fact.ends, share_again.ends, rtol=1e-6, atol=1e-12)
    for cell in recorded.table1:
        if cell.measured is not None and cell.n > 1:
            again = interval_of(cell.runs)
            assert_allclose((cell.low, cell.high), (again.low, again.high), rtol=1e-6)


def test_the_hash_of_the_ledger_covers_claims_sentences_and_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain_hash, text_of = spec.ledger_sha256(), spec.text_of
    for changed in ("claims/gen.toml", "sentences.toml", "table1.toml"):
        monkeypatch.setattr(spec, "text_of", lambda n, c=changed: text_of(n) + "#" * (n == c))
        assert spec.ledger_sha256() != plain_hash


def test_a_changed_verdict_needs_a_changelog_entry(recorded: Results) -> None:
    digest = verdict_digest(recorded)
    assert f"verdicts {digest}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = recorded.claims[0]
    other = Verdict.REFUTED if first.verdict == Verdict.UNDECIDED else Verdict.UNDECIDED
    changed = replace(recorded, claims=[replace(first, verdict=other), *recorded.claims[1:]])
    assert verdict_digest(changed) != digest


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place below a JSON value; of long lists the first entry alone."""
    below: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        below = [place for key in list(value)[:40] for place in places(value[key], (*path, key))]
    elif isinstance(value, list) and value:
        below = places(value[0], (*path, 0))
    return [*below, path] if path else below


# below a table's rows and a study's settings anything may stand
TYPED = [place for place in places(RECORD) if "rows" not in place and "config" not in place]


@pytest.mark.once
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.sampled_from(TYPED), st.sampled_from(["gone", "of another type", "more"]))
def test_a_file_that_is_not_one_of_ours_is_one_clear_line(
    tmp_path: Path, place: tuple[Any, ...], harm: str
) -> None:
    broken = json.loads(json.dumps(RECORD))
    parent = broken
    for key in place[:-1]:
        parent = parent[key]
    last = place[-1]
    if harm == "of another type":
        parent[last] = {"not": ["expected", 1.5]}
    elif harm == "more" and isinstance(parent[last], dict) and "schema" in parent:
        return  # a mapping by name may have more of them
    elif harm == "more":
        broken["surplus"] = 1
    elif isinstance(parent, list) or place[0] in ("facts", "figures", "environments"):
        return  # a list, or a mapping by name, may be shorter
    else:
        del parent[last]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(broken), encoding="utf-8")
    message = refusal(path)
    if message is None:
        assert harm == "gone", place  # a field with a default may be missing
    else:
        assert message.startswith("results = ")
        assert len(message.splitlines()) == 1


def refusal(path: Path) -> str | None:
    """What is said of a file that is not one of ours; nothing else may be raised."""
    try:
        load_results(path)
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("text", ["", "[1, 2]", "null", "[" * 100_000, '{"schema": 1}', "\x00"])
def test_what_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="results = "):
        load_results(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="results = "):
        load_results(path)


@pytest.mark.parametrize("name", ["table1", "claims"])
@pytest.mark.once
def test_a_number_or_claim_that_is_judged_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({**RECORD, name: RECORD[name] * 2}), encoding="utf-8")
    with pytest.raises(InputError, match="judges each number and claim once"):
        load_results(path)


def test_of_what_is_judged_twice_three_are_named(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    first, *rest = RECORD["claims"]
    path.write_text(json.dumps({**RECORD, "claims": [first, first, *rest]}), encoding="utf-8")
    with pytest.raises(InputError, match=f"once, not {first['id']} twice"):
        load_results(path)
    path.write_text(json.dumps({**RECORD, "claims": RECORD["claims"] * 2}), encoding="utf-8")
    names = ", ".join(claim["id"] for claim in RECORD["claims"][:3])
    with pytest.raises(InputError, match=f"once, not {names} twice"):
        load_results(path)


def test_a_digest_is_twelve_letters_and_hangs_on_no_order(recorded: Results) -> None:
    digest = verdict_digest(recorded)
    assert len(digest) == 12
    turned = replace(recorded, claims=recorded.claims[::-1], table1=recorded.table1[::-1])
    assert verdict_digest(turned) == digest


def test_numbers_of_the_table_are_counted_by_form_and_by_what_they_follow_from(
    recorded: Results,
) -> None:
    key = CellKey("RD", "s", "r")
    corrected = [
        JudgedCell(key, "1", Verdict.CONFIRMED, "", measured=measured, fitted=fit, follows=follows)
        for measured, fit, follows in (
            (1.0, False, ""),
            (None, False, ""),
            (1.0, True, ""),
            (1.0, False, "m_react"),
            (1.0, True, "m_react"),
        )
    ]
    printed = [replace(one, key=CellKey("RD", "s", "r", "printed")) for one in corrected]
    results = replace(recorded, table1=[*printed, *corrected])
    assert results.corrected() == corrected
    assert results.as_printed() == printed
    assert results.independent() == corrected[:1]


def test_a_sentence_without_a_verdict_of_its_own_is_not_counted(recorded: Results) -> None:
    sentence = recorded.sentences[0]
    with_one, without = (replace(sentence, verdict=v) for v in (Verdict.REFUTED, None))
    assert replace(recorded, sentences=[without, with_one]).counted() == [with_one]


def test_of_what_was_tried_all_is_counted_and_what_should_not_happen_apart() -> None:
    kinds = [TriedKind("a", {"fine": 3, "crash": 2}), TriedKind("b", {"fine": 4})]
    tried = Trials("t", "c", {}, {}, ["crash", "hang"], kinds, 1.0)
    assert tried.total() == 9
    assert tried.failed() == {"crash": 2, "hang": 0}


def test_a_curve_names_its_row_and_how_it_is_drawn() -> None:
    curve = CurveRecord("RD", "Spot", [0.0], [1.0], colour="#123456", dashes=[1.0, 2.0])
    assert curve.row == Row("Spot", "RD", "Spot", "#123456", (1.0, 2.0))
    assert curve.row.label == "RD: Spot"
