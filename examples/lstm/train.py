"""An LSTM that predicts sines, made with PyTorch alone: nothing here knows of rdverify."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
steps = np.arange(121)
frequency, phase = rng.uniform(0.01, 0.04, (64, 1)), rng.uniform(0, 1, (64, 1))
x = np.sin(2 * np.pi * (frequency * steps + phase)).astype(np.float32)[:, :, None]  # (64, 121, 1)


class Predictor(nn.Module):
    """Two layers and a head: reads x_1 .. x_t, says x_{t+1}."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 16, num_layers=2, batch_first=True)
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        """Predictions of shape (batch, T, 1)."""
        return self.head(self.lstm(x)[0])


model = Predictor()
optimiser = torch.optim.Adam(model.parameters(), 1e-2)
data = torch.from_numpy(x)
for _ in range(200):
    optimiser.zero_grad()
    loss = nn.functional.mse_loss(model(data[:, :-1]), data[:, 1:])
    loss.backward()
    optimiser.step()

torch.save(model.state_dict(), "predictor.pt")  # keys lstm.weight_ih_l0 ... head.weight
np.save("sines.npy", x[:16, :-1])
