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
    from rdverify.measure.diffusion import certify_folder, certify_pipeline
    from rdverify.measure.fields import balance_from_states, traces_from_states
    from rdverify.measure.networks import certify_files, certify_network
    from rdverify.measure.pages import write
    from rdverify.measure.pde import PDEConfig, configured, kinetics_of
    from rdverify.measure.pdes import certify_fields, certify_pde
    from rdverify.measure.py_pde import pde_tracker
    from rdverify.measure.recorder import Recorder
    from rdverify.measure.recurrent import measure_network

__all__ = [
    "Certificate",
    "ControlRun",
    "PDEConfig",
    "Recorder",
    "balance_from_states",
    "certificate_schema",
    "certify",
    "certify_fields",
    "certify_files",
    "certify_folder",
    "certify_network",
    "certify_pde",
    "certify_pipeline",
    "configured",
    "kinetics_of",
    "measure_network",
    "pde_tracker",
    "read_certificate",
    "traces_from_states",
    "write",
]

# loaded on first use: the command line answers bad usage without NumPy
_HOMES = {
    "Certificate": "certificate",
    "ControlRun": "certifying",
    "PDEConfig": "pde",
    "Recorder": "recorder",
    "balance_from_states": "fields",
    "certificate_schema": "certificate",
    "certify": "certifying",
    "certify_fields": "pdes",
    "certify_files": "networks",
    "certify_folder": "diffusion",
    "certify_network": "networks",
    "certify_pde": "pdes",
    "certify_pipeline": "diffusion",
    "configured": "pde",
    "kinetics_of": "pde",
    "measure_network": "recurrent",
    "pde_tracker": "py_pde",
    "read_certificate": "certificate",
    "traces_from_states": "fields",
    "write": "pages",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
