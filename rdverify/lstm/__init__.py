"""The LSTM of Eqs. (2) to (7): ``probe(lstm, x)`` gives the Trace of a ``torch.nn.LSTM``."""

from rdverify.lstm.model import LSTMConfig, SequenceModel, State, as_input, build
from rdverify.lstm.probing import Gates, free_run, gates, probe, probe_free_run
from rdverify.lstm.sequences import LorenzConfig, SineConfig, VanDerPolConfig, generate
from rdverify.lstm.weights import load_weights, save_weights, weights_note

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
