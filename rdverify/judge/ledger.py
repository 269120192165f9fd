"""The package ``spec``: what the paper says. Another package of that name is refused."""

from __future__ import annotations

from pathlib import Path

import spec
from rdverify.tools.errors import InputError

if not hasattr(spec, "ledger_sha256"):
    found = getattr(spec, "__file__", None) or next(iter(getattr(spec, "__path__", ["?"])))
    raise InputError(
        f"spec = {str(Path(found))!r} is not allowed: must be the package that rdverify brings; "
        "something of that name hides it: run rdverify from another folder, or rename yours"
    )
__all__ = ["spec"]
