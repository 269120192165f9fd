"""Where numbers come from: the commit that ran, the command as typed, the cores it could use."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from rdverify.tools.paths import repository


def commit() -> str:
    """The commit that runs, or why there is none to name."""
    root = repository()
    if root is None:
        return "installed from a wheel"
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
    return head.stdout.strip()


def typed_command() -> str:
    """The command line as it was typed."""
    return shlex.join(["rdverify", *sys.argv[1:]])


def cores() -> int:
    """Processors that this process may use, which ``taskset`` or a container can make fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
