"""Measure a model of one's own: its balance of reaction and diffusion, with evidence.

Each measurement ends in a :class:`Certificate`, and :func:`write` makes pages of it.
:class:`Recorder` takes both terms from inside any loop.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdverify.measure.certificate import Certificate, certificate_schema, read_certificate
    from rdverify.measure.certifying import ControlRun, certify
    from rdverify.measure.networks import certify_files, certify_network
    from rdverify.measure.pages import write
    from rdverify.measure.recorder import Recorder
    from rdverify.measure.recurrent import measure_network

__all__ = [
    "Certificate",
    "ControlRun",
    "Recorder",
    "certificate_schema",
    "certify",
    "certify_files",
    "certify_folder",
    "certify_network",
    "certify_pipeline",
    "measure_network",
    "read_certificate",
    "write",
]

# loaded on first use: the command line answers bad usage without NumPy
_HOMES = {
    "Certificate": "certificate",
    "ControlRun": "certifying",
    "Recorder": "recorder",
    "certificate_schema": "certificate",
    "certify": "certifying",
    "certify_files": "networks",
    "certify_folder": "diffusion",
    "certify_network": "networks",
    "certify_pipeline": "diffusion",
    "measure_network": "recurrent",
    "read_certificate": "certificate",
    "write": "pages",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
