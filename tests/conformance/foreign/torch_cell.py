"""The LSTM cell of PyTorch, whose weights hold the gates i, f, g, o one below the other."""

import torch

ARRAYS = "torch"
GATES = "ifgo"


@torch.no_grad()
def lstm_cell(x_t, h_prev, c_prev, w, u, b):
    """One step of torch.nn.LSTMCell; it has two biases, of which the second is 0 here."""
    cell = torch.nn.LSTMCell(len(x_t), len(h_prev), dtype=x_t.dtype)
    cell.load_state_dict({"weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": 0 * b})
    h_t, c_t = cell(x_t, (h_prev, c_prev))
    return h_t, c_t
