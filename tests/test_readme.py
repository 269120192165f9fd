"""What README.md shows works as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from rdverify.cli import app

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
    commands = {
        command.name or command.callback.__name__: command.callback
        for command in app.registered_commands
        if command.callback
    }
    used = re.findall(r"rdverify (\w+)((?: --[\w-]+)*)", "\n".join(blocks("sh")))
    assert used
    for name, options in used:
        parameters = commands[name].__annotations__
        for option in options.split():
            assert option.removeprefix("--").replace("-", "_") in parameters


def test_the_folders_of_the_readme_exist() -> None:
    folders = re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE)
    assert len(folders) >= 5
    assert all((ROOT / folder).is_dir() for folder in folders)
