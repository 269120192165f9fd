"""The page of the diffusion example: its code runs, and its command says what the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rdverify.cli import app, guarded
from rdverify.measure import read_certificate

PAGE = (Path(__file__).resolve().parents[2] / "examples" / "ddpm.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+\.\d+")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_of_a_diffusion_model_says_what_the_page_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make, measure = blocks("python")
    exec(compile(make, "ddpm.md", "exec"), {})
    (command,), (shown,) = blocks("sh"), blocks("text")
    words = shlex.split(command)[1:]
    capsys.readouterr()
    assert guarded(lambda: app(words, standalone_mode=False)) == 0
    said = capsys.readouterr().out
    assert NUMBER.sub("#", said) == NUMBER.sub("#", shown)
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (said, shown)]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.1)
    exec(compile(measure, "ddpm.md", "exec"), {})
    value, low, high = map(float, capsys.readouterr().out.split())
    assert low < value < high
    found = read_certificate(tmp_path / "bars-from-python" / "certificate.json")
    assert found.r.value == pytest.approx(value)
