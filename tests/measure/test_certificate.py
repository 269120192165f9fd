"""The certificate: what it says of a trace, its schema, and its pages."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import jsonschema
import numpy as np
import pytest
from numpy.testing import assert_allclose

from rdverify import InputError, Trace, balance_of
from rdverify.measure import ControlRun, certificate_schema, certify, read_certificate, write
from rdverify.measure.certificate import Floor, Terms
from rdverify.measure.certifying import SHOWN_STEPS, ratio_ends
from rdverify.measure.origin import origin_of, sha256_of
from rdverify.measure.pages import html_of, markdown_of
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import plain

TERMS = Terms(reaction="what grows", diffusion="what decays")


def trace_of(runs=6, steps=80, seed=0, ratio=1.2, spread=0.05, **more):
    """Norms with a known ratio, and their exact change for terms of opposite direction."""
    rng = np.random.default_rng(seed)
    diff = rng.uniform(1, 2, (runs, steps))
    react = ratio * diff * (1 + spread * rng.standard_normal((runs, 1)))
    return Trace(react, diff, extras={"change": np.abs(react - diff)}, **more)


def made(trace=None, **more):
    more = {"scatters": "seeds"} | more
    origin = origin_of(["numpy"], {"weights": b"abc"}, {"layers": 2}, "rdverify measure x")
    trace = trace_of() if trace is None else trace
    return certify("other", "A made-up model.", trace, TERMS, origin, **more)


def test_the_schema_is_recorded_and_certificates_follow_it(tmp_path):
    text = (golden_folder() / "certificate.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert schema == certificate_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    certificate = made(controls=[ControlRun("none", "closed form", r=1.0)], floor=Floor(0.5, "why"))
    jsonschema.validate(plain(certificate), schema)
    broken = plain(certificate) | {"kind": "perceptron"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


@pytest.mark.twice
def test_a_certificate_reads_back_and_equal_ones_give_equal_bytes(tmp_path):
    certificate = made()
    folder, again = write(certificate, tmp_path / "a"), write(certificate, tmp_path / "b")
    names = {path.name for path in folder.iterdir()}
    assert names == {f"certificate.{end}" for end in ("json", "md", "html", "png", "svg")}
    for name in names:
        assert (folder / name).read_bytes() == (again / name).read_bytes()
    read = read_certificate(folder / "certificate.json")
    assert read.r.value == pytest.approx(certificate.r.value, rel=1e-11)
    (folder / "certificate.json").write_text('{"schema": "rdverify-certificate-1"}')
    with pytest.raises(InputError, match="certificate = "):
        read_certificate(folder / "certificate.json")


def test_r_and_its_curve_are_those_of_the_balance():
    trace = trace_of(steps=2 * SHOWN_STEPS + 1)
    certificate, balance = made(trace), balance_of(trace)
    assert certificate.r.value == balance.r
    assert (certificate.m_react, certificate.m_diff) == (balance.m_react, balance.m_diff)
    assert certificate.r_t.steps == trace.steps
    at = np.searchsorted(trace.times, certificate.r_t.times)
    assert len(at) == SHOWN_STEPS
    assert (at[0], at[-1]) == (0, trace.steps - 1)
    assert_allclose(certificate.r_t.values, balance.r_t_pooled[at])


def test_the_interval_covers_the_ratio_of_means_as_often_as_it_says():
    rng = np.random.default_rng(1)
    diff = rng.uniform(0.5, 1.5, (12, 4000))  # 4000 experiments of 12 runs
    react = 1.3 * diff + rng.normal(0, 0.2, diff.shape)
    low, high = ratio_ends(react, diff)
    assert 0.935 < np.mean((low <= 1.3) & (high >= 1.3)) < 0.965


def test_the_exact_decomposition_holds_where_one_step_is_looked_at():
    a, b = np.array([3.0, 1.0]), np.array([1.0, 2.0])
    norms = [np.linalg.norm(x) for x in (a, b, a - b, a + b)]
    trace = Trace([[norms[0]]], [[norms[1]]], extras={"change": [[norms[2]]]})
    found = made(trace).decomposition
    assert found.distance == pytest.approx(abs(norms[0] / norms[1] - 1))
    assert found.distance == pytest.approx(found.bound * found.alignment * found.relative)
    cosine = abs((a - b) @ (a + b)) / norms[2] / norms[3]
    assert found.alignment == pytest.approx(cosine)
    assert found.cancelled == pytest.approx(2 * a @ b / (a @ a + b @ b))


def test_controls_are_told_apart_only_beyond_both_scatters():
    like = ControlRun("like", "the same law", trace_of(8, seed=1), scatters="seeds")
    far = ControlRun("far", "another law", trace_of(8, seed=2, ratio=2), scatters="seeds")
    one = ControlRun("one", "a single draw", trace_of(1, seed=3, ratio=2), scatters="seeds")
    exact = ControlRun("exact", "a closed form", r=1.0)
    found = {c.name: c for c in made(controls=[like, far, one, exact]).controls}
    assert {name: c.differs for name, c in found.items()} == {
        "like": False,
        "far": True,
        "one": None,
        "exact": True,
    }
    assert found["exact"].difference.value == pytest.approx(made().r.value - 1)


def test_exact_numbers_differ_or_dont_and_one_run_alone_tells_nothing():
    exact = Trace([[1.0, 1.0]], [[1.0, 1.0 + 1e-12]], extras={"change": [[0.0, 0.0]]})
    for r, differs in ((1.0, False), (1.1, True)):
        (found,) = made(exact, scatters="", controls=[ControlRun("c", "", r=r)]).controls
        assert found.differs is differs
        assert found.difference.low is None
    assert made(exact, controls=[ControlRun("c", "", r=1.1)]).controls[0].differs is None


@pytest.mark.once
def test_a_control_drawn_anew_from_the_same_law_is_told_apart_one_time_in_twenty():
    wrong = 0
    for seed in range(300):
        control = ControlRun("same", "the same law", trace_of(8, 1, 2 * seed + 1), scatters="seeds")
        # one model: its own scatter is that of what it reads, here next to nothing
        model = trace_of(1, 1, 2 * seed).react.repeat(5, axis=0)
        diff = trace_of(1, 1, 2 * seed).diff.repeat(5, axis=0)
        wrong += bool(made(Trace(model, diff), controls=[control]).controls[0].differs)
    assert 5 <= wrong <= 27  # 15 expected, three standard deviations to each side


def test_runs_of_one_seed_count_as_one():
    trace = Trace.stack([trace_of(4, seed=s) for s in range(3)])
    control = ControlRun("twin", "untrained", trace, [0] * 4 + [1] * 4 + [2] * 4, "seeds")
    assert made(controls=[control]).controls[0].r.n == 3


def test_unequal_lengths_count_by_their_own_steps():
    long, short = trace_of(1, 90, seed=0), trace_of(1, 40, seed=1)
    together = Trace(
        np.vstack([long.react, np.pad(short.react, ((0, 0), (0, 50)))]),
        np.vstack([long.diff, np.pad(short.diff, ((0, 0), (0, 50)))]),
        extras={"change": np.ones((2, 90))},
        lengths=[90, 40],
    )
    balance = balance_of(together)
    assert_allclose(balance.m_react_runs, [long.react.mean(), short.react.mean()])
    assert_allclose(balance.r_t_pooled[40:], (long.react / long.diff)[0, 40:])
    assert np.isnan(balance.r_t[1, 40:]).all()
    assert made(together).r_t.low[60] is None  # one run alone goes on
    again = Trace.stack([together, long])
    assert again.lengths == (90, 40, 90)


@pytest.mark.once
def test_a_ratio_that_is_not_finite_is_null_and_said(tmp_path):
    certificate = made(Trace([[1.0, 2.0]], [[0.0, 0.0]]), scatters="")
    assert certificate.r.value is None
    assert certificate.decomposition is None
    assert "R = not finite" in markdown_of(certificate)
    write(certificate, tmp_path)
    assert read_certificate(tmp_path / "certificate.json").r_t.values == [None, None]


class Texts(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.texts, self.tags = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data.strip())


def test_the_pages_say_the_same_and_a_page_runs_nothing_it_was_given():
    origin = origin_of(["numpy"], {"<script>x</script>|y": b"abc"})
    certificate = certify(
        "lstm",
        "A <b>model</b> & more",
        trace_of(),
        TERMS,
        origin,
        scatters="seeds",
        controls=[ControlRun("a|b", "c", trace_of(5), scatters="seeds")],
        notes=["a note"],
    )
    page, text = Texts(html_of(certificate, "QUJD")), markdown_of(certificate)
    assert not [tag for tag, _ in page.tags if tag in ("b", "script", "link")]
    assert [attrs["src"] for tag, attrs in page.tags if tag == "img"] == [
        "data:image/png;base64,QUJD"
    ]
    assert "A <b>model</b> & more" in page.texts
    shown = " ".join(page.texts)
    for number in re.findall(r"\d+\.\d+", text):
        assert number in shown
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert set(headings) <= set(page.texts)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(re.search(r"(?<!\\)\|$", line) for line in tables)


def test_what_was_read_is_told_by_its_hash(tmp_path):
    file = tmp_path / "one" / "w"
    file.parent.mkdir()
    file.write_bytes(b"abc")
    of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180
    assert sha256_of(file) == sha256_of(b"abc") == of_abc
    before = sha256_of(tmp_path)
    file.rename(tmp_path / "one" / "v")
    assert sha256_of(tmp_path) != before
