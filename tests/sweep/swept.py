"""Systems that the tests of sweeps run, importable by worker processes."""

import math
import os
import time
from pathlib import Path


def wave(setting):
    if setting["x"] > 0.9:
        raise FloatingPointError("beyond\nits range")
    return {"r": math.sin(setting["x"]) / (1 + setting["seed"]), "high": setting["x"] > 0.5}


def slow_wave(setting):
    time.sleep(0.003)
    return wave(setting)


def deadly(setting):
    """Ends its process at one point; leaves a mark for every run that began."""
    Path(setting["marks"], f"{setting['x']}-{os.getpid()}-{time.monotonic_ns()}").touch()
    if setting["x"] == 5:
        os._exit(9)
    return {"r": float(setting["x"])}


def clashing(setting):
    return {"x": 1.0}
