"""A pytest plugin: what the systems measured before is judged anew, where measuring takes minutes.

The file is named by RDVERIFY_STUDIES; it was written by ``python -m mutation studies``. An example
of Hypothesis that fails is not made smaller: that it fails is all that is asked.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from mutation import QUICK
from rdverify import systems

quick = (Phase.explicit, Phase.generate)
settings.register_profile(QUICK, deadline=None, derandomize=True, max_examples=60, phases=quick)


def _measured(names: Sequence[str], _: Any) -> Any:
    found = pickle.loads(Path(os.environ["RDVERIFY_STUDIES"]).read_bytes())
    return {name: (systems.study(name), found[name]) for name in names}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take the place of what the shared verification measures with, and of nothing else's."""
    if "RDVERIFY_STUDIES" not in os.environ:
        return
    for plugin in session.config.pluginmanager.get_plugins():
        if hasattr(plugin, "measure_apart"):
            plugin.measure_apart = _measured
