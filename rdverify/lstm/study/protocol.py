"""The one declared protocol: how a reader of section 4.1 would set the experiment up.

Written down with its reasons before a network was trained by it. It aims at no printed number;
Table 1's LSTM rows and every claim on the LSTM are judged by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from rdverify.lstm.model import LSTMConfig
from rdverify.lstm.sequences import DataConfig, LorenzConfig, SineConfig, VanDerPolConfig

# "the total time length": every step of a run on data, the state from zero as torch has it, and
# the mean over sequences; the paper names no start-up left out and no run on its own output
READING = "whole"
SEQUENCES = 256  # eight batches: enough to learn from in seconds
# one rule for all rows: the signal fills [-1, 1], the range of tanh, as the sines do by themselves.
# The rest are the configurations' own defaults, whose reasons stand there
DATA: Mapping[str, DataConfig] = {
    "sine": SineConfig(sequences=SEQUENCES, normalisation="none"),
    "lorenz": LorenzConfig(sequences=SEQUENCES, normalisation="minmax"),
    "van_der_pol": VanDerPolConfig(sequences=SEQUENCES, normalisation="minmax"),
}
RATE, OTHER_RATE = 1e-2, 1e-3  # both are typed often; claims are held against the other as well


def declared(key: str, rate: float = RATE) -> LSTMConfig:
    """The configuration of a row, seed 0.

    "Predicted signal" is the next value: to return the one just read needs no memory. What the
    paper doesn't mention (a falling rate, clipped gradients, noise) is left out.

    Args:
        key: of the row, such as "sine".
        rate: Adam's.
    """
    return LSTMConfig(
        data=DATA[key],
        hidden=16,
        target="next",
        optimiser="adam",
        learning_rate=rate,
        schedule="constant",
        epochs=100,
        batch_size=32,
        clip_norm=None,
    )
