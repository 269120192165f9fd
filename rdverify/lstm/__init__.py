"""The LSTM of Eqs. (2) to (7): ``probe(lstm, x)`` gives the Trace of a ``torch.nn.LSTM``."""

from rdverify.lstm.model import (
    Gates,
    LSTMConfig,
    SequenceModel,
    State,
    as_input,
    build,
    free_run,
    gates,
    load_weights,
    probe,
    probe_free_run,
    save_weights,
    weights_note,
)
from rdverify.lstm.sequences import LorenzConfig, SineConfig, VanDerPolConfig, generate

__all__ = [
    "Gates",
    "LSTMConfig",
    "LorenzConfig",
    "SequenceModel",
    "SineConfig",
    "State",
    "VanDerPolConfig",
    "as_input",
    "build",
    "free_run",
    "gates",
    "generate",
    "load_weights",
    "probe",
    "probe_free_run",
    "save_weights",
    "weights_note",
]
