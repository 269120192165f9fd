"""Verdicts of conjunctions and of readings, and what a control takes from one."""

from __future__ import annotations

import itertools

import pytest

from rdverify.judge.claims import judge_claim
from rdverify.judge.judged import CellKey, JudgedCell
from rdverify.judge.paper import AtMost, Claim, Condition, PrintedRow, Sentence, Within
from rdverify.judge.sentences import judge_sentence
from rdverify.judge.verdict import Verdict, agree, combine, not_discriminating

V = Verdict
# each hides all that follow
ORDER = [V.ERROR, V.NOT_RUN, V.REFUTED, V.UNDECIDED, V.UNTESTABLE, V.COMPATIBLE, V.REACHED]
ORDER += [V.CONFIRMED]


def test_a_conjunction_is_as_good_as_the_worst_of_its_parts() -> None:
    assert set(ORDER) == set(Verdict)
    for k, worst in enumerate(ORDER):
        assert combine([worst]) is worst
        for other in ORDER[k:]:
            assert combine([worst, other]) is combine([other, worst]) is worst
    assert combine([]) is V.CONFIRMED


def test_readings_agree_or_leave_it_undecided() -> None:
    for one, other in itertools.product(Verdict, repeat=2):
        found = agree([one, other])
        if V.ERROR in (one, other):
            assert found is V.ERROR
        elif V.NOT_RUN in (one, other):
            assert found is V.NOT_RUN
        else:
            assert found is (one if one is other else V.UNDECIDED)
        assert agree([one]) is agree([one, one, one]) is one


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_holds_is_weakened_by_a_control_that_passes_too(verdict: Verdict) -> None:
    holds = verdict in (V.CONFIRMED, V.COMPATIBLE, V.REACHED)
    for told in (True, False, None):
        cell = JudgedCell(CellKey("RD", "s", "r"), "1", verdict, "", discriminating=told)
        assert not_discriminating(cell) is (holds and told is False)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_says_what_it_means_in_its_own_words(verdict: Verdict) -> None:
    assert len(verdict.meaning.split()) > 3
    assert [one for one in Verdict if one.meaning == verdict.meaning] == [verdict]


def test_a_number_of_table_1_is_named_by_its_place_and_form() -> None:
    for form, name in (("corrected", "RD/s/r"), ("printed", "RD/s/r (as printed)")):
        key = CellKey("RD", "s", "r", form)  # type: ignore[arg-type]
        cell = JudgedCell(key, "1", V.NOT_RUN, "its system was not run")
        assert key.name == cell.name == name
        assert (cell.n, cell.fitted) == (0, False)
    assert CellKey("RD", "s", "r").form == "corrected"


def test_a_band_has_a_middle_and_a_half_width() -> None:
    for low, high, middle, half in ((1, 4, 2.5, 1.5), (-3, 1, -1, 2), (2, 2, 2, 0)):
        assert (Within(low, high).middle, Within(low, high).half_width) == (middle, half)


def test_what_the_ledger_leaves_out_is_neither_an_inference_nor_a_cause() -> None:
    claim = Claim("T-01", "5.01", "t", [], test=[Condition("a", AtMost(1))])
    assert (claim.inference, claim.cause) == (False, False)
    assert (claim.test[0].range, claim.test[0].form) == (None, "")


def test_a_row_of_table_1_gives_its_numbers_by_name() -> None:
    row = PrintedRow("RD", "s", "1.5", "3.0", "0.5")
    assert [row.number(name) for name in ("m_react", "m_diff", "r")] == ["1.5", "3.0", "0.5"]


def test_a_claim_and_a_sentence_are_named_by_their_ids() -> None:
    sentence = Sentence("5.01", "5", "It is so.", "assertion", ["T-01"])
    claim = judge_claim(Claim("T-01", "5.01", "t", []), {}, sentence)
    assert (claim.name, judge_sentence(sentence, [claim]).name) == ("T-01", "5.01")
