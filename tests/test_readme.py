"""What README.md shows works as shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from numpy.testing import assert_allclose
from typer.main import get_command

from rdverify.balance import balance_of
from rdverify.cli import app
from rdverify.gray_scott import GrayScottConfig, run
from rdverify.sweep.definition import define
from rdverify.systems import TARGETS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_example_runs_and_prints_a_balance(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    m_react, m_diff, r = map(float, capsys.readouterr().out.split())
    assert_allclose(r, m_react / m_diff)
    assert r > 0


def test_every_command_and_option_of_the_readme_exists() -> None:
    used = re.findall(
        r"rdverify (\w+(?: \w+)*)((?: --[\w-]+(?: [\w/]+)?)*)", "\n".join(blocks("sh"))
    )
    assert used
    for words, options in used:
        command = get_command(app)
        for word in words.split():
            # a word after a command's own name is an argument
            command = command.commands[word] if hasattr(command, "commands") else command
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"--[\w-]+", options)) <= known, words


def test_the_folders_of_the_readme_exist() -> None:
    folders = re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE)
    assert len(folders) >= 5
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_the_study_of_the_readme_can_run() -> None:
    (study,) = blocks("toml")
    definition = define(tomllib.loads(study), TARGETS)
    assert len(definition.design) == 2 * 20 * 20
    assert balance_of(run(GrayScottConfig(**definition.design[0], steps=2))).r > 0
