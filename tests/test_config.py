"""Settings: what is wrong is named, with the remedy."""

import json
import math

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.runs import file_format
from pinnlib.training.loop import Trainer
from pinnlib.training.objective import Objective


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


class TestStart:
    def test_biases_begin_as_torch_has_them(self):
        model = pl.models.MLP(2, 1, width=100, depth=3, seed=4)
        zero = pl.models.MLP(2, 1, width=100, depth=3, seed=4, bias_init="zero")
        for weight, other in zip(model.weights, zero.weights, strict=True):
            assert torch.equal(weight, other)
        assert all(not b.any() for b in zero.biases)
        for weight, bias in zip(model.weights, model.biases, strict=True):
            bias, bound = bias.detach(), weight.shape[1] ** -0.5
            assert float(bias.abs().max()) <= bound
            if len(bias) > 1:
                assert float(bias.abs().max()) > 0.9 * bound
                assert abs(float(bias.mean())) < 0.25 * bound

    def test_older_records_have_zero_biases(self, tmp_path):
        config = pl.Config(width=4, depth=1, points=8, data_points=8, batches=2, steps=1, device="cpu", bias_init="zero")
        run = pl.train(pl.problems.Helmholtz(), config, progress=False)
        values = config.as_dict()
        path = run.save(tmp_path / "old.npz")
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays["header"]))
        for name in ("bias_init", "start", "perturbation", "probe_dense", "probe_rba"):
            del header["config"][name]
        header["settings_hash"] = file_format._settings_hash(header["problem"], header["config"])
        arrays["header"] = np.array(json.dumps(header))
        np.savez_compressed(path, **arrays)
        assert pl.Run.load(path).config.as_dict() == values

    def test_dense_probes_are_the_authors(self):
        steps = pl.Config(steps=700, probe_dense=300, probe_every=100).probe_steps()
        assert steps.tolist() == [*range(0, 301, 2), 400, 500, 600, 700]
        assert pl.Config(steps=7, probe_dense=300, probe_every=100).probe_steps().tolist() == [0, 2, 4, 6, 7]

    @pytest.mark.parametrize("weighting", [None, pl.RBA(), pl.weightings.SelfAdaptive()])
    def test_the_weights_that_a_probe_measures_with(self, weighting):
        """``used``: those of the step before; nothing else changes, and the training not at all."""
        settings = {"width": 6, "depth": 2, "points": 60, "data_points": 20, "batches": 6, "steps": 8, "probe_dense": 8}
        runs = {
            rba: pl.train(
                pl.problems.Helmholtz(),
                pl.Config(**settings, weighting=weighting, probe_rba=rba, device="cpu", dtype="float64"),
                progress=False,
            )
            for rba in ("next", "used")
        }
        a, b = runs["next"], runs["used"]
        assert np.array_equal(a.state["parameters"], b.state["parameters"])
        assert np.array_equal(a.history["rel_l2"], b.history["rel_l2"])
        if weighting is None:
            assert np.array_equal(a.history["noise"], b.history["noise"])
            return
        assert not np.allclose(a.history["noise"][1:], b.history["noise"][1:], rtol=1e-4)
        # by hand: batch gradients at the last weights, with the lambda that the last step left behind
        model, last = b.final_model(), {}
        points = torch.as_tensor(b.points)
        for name, weights in (("used", b.state["rba"]), ("next", None)):
            if weights is None:
                residual = torch.as_tensor(b.residual(points=b.points, snapshot=-1))
                weights = weighting.updated(torch.as_tensor(b.state["rba"]), residual, 8)
            grads = pl.snr.batch_gradients(model, b.problem, points, batches=6, weights=torch.as_tensor(weights))
            last[name] = pl.snr.statistics(grads).noise
        for name, run in runs.items():
            assert run.history["noise"][-1] == pytest.approx(last[name], rel=1e-9), name

    def test_a_probe_with_the_used_weights_costs_one_pass_and_survives_divergence(self, monkeypatch):
        settings = {"width": 6, "depth": 2, "points": 60, "data_points": 20, "batches": 6, "steps": 4, "probe_dense": 4}
        config = pl.Config(**settings, weighting=pl.RBA(), probe_rba="used", device="cpu")
        trainer = Trainer(pl.problems.Helmholtz(), config)
        passes, evaluate = [], Objective.__call__
        monkeypatch.setattr(
            Objective, "__call__", lambda self, state, **asked: passes.append(asked) or evaluate(self, state, **asked)
        )
        trainer.run([None], 60.0, None, False)
        assert sum(asked.get("apart", False) for asked in passes) == 3  # probes at 0, 2 and 4
        assert len(passes) == 3 + 4
        bad = Trainer(pl.problems.Helmholtz(), config)
        bad.state.theta.fill_(torch.nan)
        with pytest.raises(pl.TrainingDiverged, match="not a finite number at step 0"):
            bad.run([None], 60.0, None, False)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"bias_init": "ones"}, "bias_init = 'ones': choose one of"),
            ({"probe_rba": "last"}, "probe_rba = 'last': choose one of"),
            ({"probe_dense": -1}, "probe_dense = -1: give a whole number of steps, or 0"),
            ({"perturbation": -1e-7}, "perturbation = -1e-07: give a number from 0 to below 1"),
        ],
    )
    def test_bad_settings_are_one_sentence(self, settings, message):
        with pytest.raises(ValueError, match=message):
            pl.Config(**settings)


def test_an_untrained_network_is_drawn_as_the_trained_one_was():
    for bias_init, any_bias in (("zero", False), ("uniform", True)):
        new = pl.information.untrained(pl.models.MLP(2, 1, width=5, depth=2, bias_init=bias_init), seed=3)
        assert any(bool(bias.any()) for bias in new.biases) == any_bias
