"""Settings: what is wrong is named, with the remedy."""

import math

import numpy as np
import pytest
import torch

import pinnlib as pl


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": -3}, "width = -3: give a whole number"),
        ({"depth": 0}, "depth = 0: give a whole number"),
        ({"points": 0}, "points = 0: give a whole number"),
        ({"data_points": 0}, "data_points = 0: give a whole number"),
        ({"steps": 0}, "steps = 0: give a whole number"),
        ({"steps": 10.5}, r"steps = 10.5: give a whole number"),
        ({"points": 100, "batches": 32}, "batches = 32 do not cut 100 points into equal parts: choose a divisor, such as 25"),
        ({"points": 16, "batches": 32}, "batches = 32 do not cut 16 points.*such as 16"),
        ({"batches": 1}, "batches = 1 do not cut"),
        ({"lr": -1e-3}, "lr = -0.001: give a positive number"),
        ({"lr": math.nan}, "lr = nan: give a positive number"),
        ({"data_weight": 0}, "data_weight = 0: give a positive number"),
        ({"activation": "relu"}, r"activation 'relu' is unknown: choose one of \('tanh', 'sine', 'softplus'\)"),
        ({"sampling": "halton"}, "sampling 'halton' is unknown: choose one of"),
        ({"weighting": "rba"}, r"weighting = 'rba': give pl.RBA"),
        ({"seed": -1}, "seed = -1: give a whole number"),
        ({"dtype": "float16"}, "dtype 'float16' cannot resolve.*use one of"),
        ({"device": "tpu"}, "device 'tpu' is unknown: use"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        pl.Config(**settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_missing_cuda():
    with pytest.raises(ValueError, match="device 'cuda' is not there: use device='cpu'"):
        pl.train(pl.problems.Helmholtz(), pl.Config(device="cuda", steps=1), progress=False)


def test_data_points_that_do_not_divide_over_the_faces():
    with pytest.raises(ValueError, match="10 boundary points do not divide"):
        pl.train(pl.problems.Helmholtz(), pl.Config(data_points=10, steps=1), progress=False)


def test_round_trip_through_plain_values():
    config = pl.Config(width=7, weighting=pl.RBA(decay=0.99, power=1), dtype="float64")
    assert pl.Config.from_dict(config.as_dict()) == config
    assert pl.Config.from_dict(pl.Config().as_dict()) == pl.Config()


def test_learning_rate_is_a_staircase():
    config = pl.Config(lr=1e-3)
    assert [config.learning_rate(s) for s in (0, 4999, 5000, 10000)] == pytest.approx([1e-3, 1e-3, 9e-4, 8.1e-4])


@pytest.mark.parametrize("steps", [1, 2, 30, 300, 2000, 20000])
def test_probes_are_log_spaced_then_linear(steps):
    probes = pl.Config(steps=steps, probe_every=50).probe_steps()
    assert probes[0] == 0
    assert probes[-1] == steps
    gaps = np.diff(probes)
    assert np.all(gaps >= 1)
    assert gaps.max() <= 100
    late = probes[(probes > 600) & (probes < steps)]
    assert np.all(late % 50 == 0)
    longer = pl.Config(steps=2 * steps, probe_every=50).probe_steps()
    assert set(probes[:-1]) <= set(longer)


def test_snapshots_are_probes():
    config = pl.Config(steps=2000, snapshots=24)
    shots = config.snapshot_steps()
    assert set(shots) <= set(config.probe_steps())
    assert shots[0] == 0
    assert shots[-1] == 2000
    assert 15 <= len(shots) <= 24
    assert pl.Config(steps=2000, snapshots=1).snapshot_steps().tolist() == [2000]
    assert pl.Config(steps=2000, snapshots=2).snapshot_steps().tolist() == [0, 2000]
