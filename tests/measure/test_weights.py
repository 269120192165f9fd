"""Weights and series as other code writes them; what doesn't fit is one line."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rdverify import InputError, balance_of
from rdverify.measure import certify_files, certify_network, measure_network, read_certificate
from rdverify.measure.network import network_of
from rdverify.measure.weights import load_network

torch.manual_seed(0)
LSTM = nn.LSTM(2, 5, 2, bidirectional=True, batch_first=True)
GRU = nn.GRU(2, 5, batch_first=True)
X = torch.randn(3, 20, 2)


def same(network, module):
    found, expected = measure_network(network, X).whole, measure_network(module, X).whole
    return np.allclose(found.react, expected.react, rtol=1e-6, atol=0)


def prefixed(module, prefix):
    return {prefix + name: value for name, value in module.state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "encoder.", "model.0.rnn."])
def test_keys_with_any_prefix_from_both_kinds_of_file(tmp_path, prefix):
    save_file(prefixed(LSTM, prefix), tmp_path / "a.safetensors")
    torch.save({"epoch": 3, "model": prefixed(LSTM, prefix)}, tmp_path / "a.pt")
    torch.save(prefixed(LSTM, prefix), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name in ("a.safetensors", "a.pt", "old.pt"):
        assert same(load_network(tmp_path / name, "lstm"), LSTM)


def test_a_module_is_chosen_by_its_prefix_and_other_layers_dont_matter(tmp_path):
    tensors = prefixed(LSTM, "encoder.") | prefixed(nn.LSTM(2, 3), "decoder.")
    tensors |= prefixed(nn.Linear(5, 1), "head.")
    torch.save(tensors, tmp_path / "w.pt")
    assert same(load_network(tmp_path / "w.pt", "lstm", prefix="encoder"), LSTM)
    with pytest.raises(InputError, match=r"prefix = None .*'encoder', 'decoder'"):
        load_network(tmp_path / "w.pt", "lstm")
    with pytest.raises(InputError, match=r"prefix = 'encodr' .*nearest: 'encoder'"):
        load_network(tmp_path / "w.pt", "lstm", prefix="encodr")


def test_cells_and_half_precision(tmp_path):
    cell = nn.LSTMCell(2, 5).to(torch.bfloat16)
    save_file(cell.state_dict(), tmp_path / "c.safetensors")
    network = load_network(tmp_path / "c.safetensors", "lstm")
    assert same(network, cell)
    assert network.stored is torch.bfloat16
    np.save(tmp_path / "x.npy", X.numpy())
    certificate = certify_files("lstm", tmp_path / "c.safetensors", tmp_path / "x.npy", seeds=0)
    assert "Computed in float32 from bfloat16 weights." in certificate.notes


def keras_lstm(x, kernel, recurrent, bias):
    """Keras's LSTM (keras.layers.LSTMCell): columns in the order i, f, c, o."""
    h = c = np.zeros(recurrent.shape[0])
    norms = []
    for x_t in x:
        i, f, g, o = np.split(x_t @ kernel + h @ recurrent + bias, 4)
        i, f, o = (1 / (1 + np.exp(-v)) for v in (i, f, o))
        a, b = i * np.tanh(g), (1 - f) * c
        c = f * c + a
        h = o * np.tanh(c)
        norms.append((np.linalg.norm(a), np.linalg.norm(b)))
    return np.transpose(norms)


def keras_gru(x, kernel, recurrent, bias):
    """Keras's GRU with reset_after (keras.layers.GRUCell): columns in the order z, r, h."""
    h = np.zeros(recurrent.shape[0])
    norms = []
    for x_t in x:
        x_z, x_r, x_h = np.split(x_t @ kernel + bias[0], 3)
        h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3)
        z, r = (1 / (1 + np.exp(-v)) for v in (x_z + h_z, x_r + h_r))
        candidate = np.tanh(x_h + r * h_h)
        norms.append([np.linalg.norm((1 - z) * v) for v in (candidate, h)])
        h = z * h + (1 - z) * candidate
    return np.transpose(norms)


@pytest.mark.parametrize(
    ("kind", "gates", "plain"), [("lstm", 4, keras_lstm), ("gru", 3, keras_gru)]
)
def test_kerass_names_layout_and_order(tmp_path, kind, gates, plain):
    rng = np.random.default_rng(1)
    kernel, recurrent = rng.normal(size=(2, gates * 5)), rng.normal(size=(5, gates * 5))
    bias = rng.normal(size=gates * 5 if kind == "lstm" else (2, gates * 5))
    named = {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias}
    tensors = {f"{kind}/{kind}_cell/{k}:0": torch.tensor(v) for k, v in named.items()}
    tensors["dense/kernel:0"] = torch.ones(5, 1)
    save_file({k: v.contiguous() for k, v in tensors.items()}, tmp_path / "k.safetensors")
    x = rng.normal(size=(9, 2))
    found = measure_network(load_network(tmp_path / "k.safetensors", kind), torch.tensor(x)[None])
    expected = plain(x, kernel, recurrent, bias)
    np.testing.assert_allclose(found.whole.react[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found.whole.diff[0], expected[1], rtol=1e-12, atol=1e-15)


def test_any_order_of_gates(tmp_path):
    def turned(value):
        i, f, c, o = value.chunk(4)
        return torch.cat([f, i, o, c]).contiguous()

    module = nn.LSTM(2, 5, batch_first=True)
    save_file({k: turned(v) for k, v in module.state_dict().items()}, tmp_path / "w.safetensors")
    assert same(load_network(tmp_path / "w.safetensors", "lstm", gates="fiog"), module)
    assert not same(load_network(tmp_path / "w.safetensors", "lstm"), module)
    with pytest.raises(InputError, match="gates = 'abcd'"):
        load_network(tmp_path / "w.safetensors", "lstm", gates="abcd")


class Evil:
    def __reduce__(self):
        return (print, ("this ran",))


def weights_that_do_not_fit():
    whole = LSTM.state_dict()
    torch.manual_seed(1)
    parametrised = nn.utils.parametrizations.weight_norm(nn.LSTM(2, 3), "weight_hh_l0")
    return [
        ({"weight_i_l0": torch.ones(4), "weight_h_l0": torch.ones(4)}, "nearest of its 2 keys"),
        ({}, "holds no tensors"),
        ({k: v for k, v in whole.items() if k != "weight_hh_l1"}, "must have weight_hh_l1 as well"),
        (
            {("weight_hhh_l1" if k == "weight_hh_l1" else k): v for k, v in whole.items()},
            "nearest key: 'weight_hhh_l1'",
        ),
        (GRU.state_dict(), "these are a GRU's .*rdverify measure gru"),
        (nn.RNN(2, 5).state_dict(), "a plain RNN's"),
        (nn.LSTM(2, 5, proj_size=3).state_dict(), "projection"),
        (parametrised.state_dict(), "remove_parametrizations"),
        (whole | {"weight_hh_l0": torch.ones(20, 6)}, "weight_hh_l0"),
        (whole | {"bias_ih_l1": torch.full((20,), torch.nan)}, "bias_ih_l1 = 'with NaN"),
        (whole | {"weight_ih_l0": torch.ones(20, 2, dtype=torch.int8)}, "real numbers"),
        ([1, 2], "it holds a list"),
        (Evil(), "pickled code is never run"),
        (nn.LSTM(2, 5), "pickled code is never run"),
    ]


@pytest.mark.parametrize(("saved", "message"), weights_that_do_not_fit())
def test_weights_that_do_not_fit_are_named_and_nothing_runs(tmp_path, capfd, saved, message):
    torch.save(saved, tmp_path / "w.pt")
    with pytest.raises(InputError, match=message) as caught:
        load_network(tmp_path / "w.pt", "lstm")
    assert "\n" not in str(caught.value)
    assert "this ran" not in capfd.readouterr().out


def test_files_that_are_none(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"PK nothing")
    (tmp_path / "w.safetensors").write_bytes(b"short")
    for name in ("w.pt", "w.safetensors", "none.pt", "."):
        with pytest.raises(InputError, match="weights = "):
            load_network(tmp_path / name, "lstm")


def rdverify(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "rdverify", "measure", *words],
        cwd=folder,
        text=True,
        capture_output=True,
    )


@pytest.mark.once
def test_the_command_writes_a_certificate_that_says_what_was_read(tmp_path):
    torch.save(LSTM.state_dict(), tmp_path / "w.pt")
    np.save(tmp_path / "x.npy", X.numpy())
    done = rdverify(tmp_path, "lstm", "w.pt", "x.npy", "--output", "out", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    certificate = read_certificate(tmp_path / "out" / "certificate.json")
    assert f"R = {certificate.r.value:.5g}" in done.stdout
    assert certificate.origin.command.startswith("rdverify measure lstm w.pt x.npy")
    assert set(certificate.origin.sha256) == {"weights", "series"}
    whole = measure_network(LSTM, X).whole
    assert certificate.m_react == pytest.approx(whole.react.mean(), rel=1e-6)
    assert [part.name for part in certificate.parts] == [
        f"layer {layer}, {side}" for layer in (0, 1) for side in ("forward", "backward")
    ]
    assert [c.name for c in certificate.controls] == [
        "untrained twins",
        "constant input",
        "steady state",
    ]
    assert certificate.floor.value == pytest.approx(1 / np.sqrt(20))


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("lstm", "none.pt", "x.npy"), "weights = 'none.pt'"),
        (("lstm", "w.pt", "none.npy"), "series = 'none.npy'"),
        (("gru", "w.pt", "x.npy"), "rdverify measure lstm"),
        (("lstm", "w.pt", "x.npy", "--seeds", "1"), "seeds = 1"),
        (("lstm", "w.pt", "x.npy", "--device", "tpu9"), "device = 'tpu9'"),
        (("lstm", "w.pt", "x.npy", "--output", "w.pt"), "output = 'w.pt'"),
        (("lstm", "w.pt", "short.npy"), "length of series = 1"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, words, message, typed):
    torch.save(LSTM.state_dict(), tmp_path / "w.pt")
    np.save(tmp_path / "x.npy", X.numpy())
    np.save(tmp_path / "short.npy", X[:, :1].numpy())
    apart = "short.npy" in words  # what comes furthest, as a process of its own
    done = rdverify(tmp_path, *words) if apart else typed("measure", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"w.pt", "x.npy", "short.npy"}


def test_the_help_reads_as_a_tutorial(tmp_path):
    text = rdverify(tmp_path, "--help").stdout
    for word in ("torch.save(", "rdverify measure lstm", "certificate.html", "Recorder"):
        assert word in text
    assert not re.search(r"\\b|\x08", text)


def test_the_stored_dtype_is_known():
    assert network_of(LSTM).stored is torch.float32


def test_from_python_a_module_and_packed_sequences_are_enough():
    module = nn.LSTM(2, 4, 2)  # time first
    x = [torch.randn(n, 2) for n in (9, 6)]
    packed = nn.utils.rnn.pack_sequence(x)
    certificate = certify_network(module, packed, seeds=2)
    alone = [balance_of(measure_network(module, one).whole) for one in x]
    assert certificate.m_react == pytest.approx(np.mean([one.m_react for one in alone]), rel=1e-6)
    assert certificate.r.n == 2
    time_first = certify_network(module, torch.stack([x[0]] * 3, 1), seeds=0)
    assert time_first.r.value == pytest.approx(alone[0].r, rel=1e-6)
    assert set(time_first.origin.sha256) == {"weights", "series"}
    with pytest.raises(InputError, match="seeds = 1"):
        certify_network(module, packed, seeds=1)
