"""A change within functions is swapped in whole, and one that importing runs never is."""

from __future__ import annotations

import weakref
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("cosmic_ray", reason="comes with the extra mutation, as in tox -e py313")

from mutation.swap import functions_below, replacements

pytestmark = pytest.mark.once
SOURCE = '''
from functools import cache

SIZE = 3
SUMS = [k + 1 for k in range(SIZE)]

def made(f):
    def wrapped(x):
        return f(x) + 100
    return wrapped

@made
def plain(x=5):
    """Words."""
    return [y * 2 for y in range(x)][-1] + (lambda z: z - 7)(x)

def maker(a):
    def inner(b):
        return a < b
    return inner

class One:
    limit = 4
    def least(self, x):
        return min(x, self.limit)

kept = maker(2)
'''


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "swapped_example.py"
    path.write_text(SOURCE, encoding="utf-8")
    made = spec_from_file_location("swapped_example", path)
    assert made is not None
    assert made.loader is not None
    found = module_from_spec(made)
    made.loader.exec_module(found)
    return found


def swapped(module: ModuleType, before: str, after: str) -> bool:
    assert SOURCE.count(before) == 1
    path = Path(str(module.__file__))
    changes = replacements(
        functions_below(path.parent), path, SOURCE, SOURCE.replace(before, after)
    )
    for function, code in changes or ():
        function.__code__ = code
    return changes is not None


def seen(module: ModuleType) -> tuple[object, ...]:
    one = module.One()
    return module.plain(6), module.kept(3), module.maker(1)(1), one.least(9), module.SUMS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(x) + 100", "f(x) - 100"),  # what a decorator has wrapped around
        ("y * 2", "y * 3"),  # a comprehension within
        ("z - 7", "z + 7"),  # a lambda within
        ("a < b", "a >= b"),  # a closure that was made before, and one made since
        ("min(x", "max(x"),  # a method
    ],
)
def test_a_change_of_functions_is_as_if_it_had_been_imported(
    module: ModuleType, before: str, after: str
) -> None:
    unchanged = seen(module)
    assert swapped(module, before, after)
    anew: dict[str, object] = {}
    exec(SOURCE.replace(before, after), anew)
    fresh = ModuleType("fresh")
    fresh.__dict__.update(anew)
    assert seen(module) == seen(fresh) != unchanged


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SIZE = 3", "SIZE = 4"),
        ("k + 1", "k - 1"),
        ("@made\n", ""),
        ("x=5", "x=6"),
        ("limit = 4", "limit = 5"),
        ("def inner(b):\n        return a < b\n    return inner", "return a"),
        ("def inner(b):\n        return a < b", "def inner(b):\n        return b < 2"),
        ("kept = maker(2)", "kept = maker(3)"),
    ],
)
def test_what_importing_runs_is_left_to_an_import(
    module: ModuleType, before: str, after: str
) -> None:
    unchanged = seen(module)
    assert not swapped(module, before, after)
    assert seen(module) == unchanged


def test_a_proxy_of_what_is_gone_does_not_stand_in_the_way(module: ModuleType) -> None:
    gone = [weakref.proxy(module.One())]  # the list keeps the proxy alone
    assert functions_below(Path(str(module.__file__)).parent)
    assert len(gone) == 1


def test_functions_are_found_by_the_file_that_they_are_of() -> None:
    import rdverify.balance as module

    found = functions_below(Path(str(module.__file__)).parent)
    here = {f for (file, _), fs in found.items() for f in fs if file == module.__file__}
    assert {module.balance_of, module.ratio} <= here
