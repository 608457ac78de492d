"""Training: the loop against a plain twin, resuming bit for bit, nothing lost."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import evaluation, models, order, sampling
from pinnlib.taylor import fused, native, toolchain
from pinnlib.training import objective

SMALL = {
    "width": 12,
    "depth": 2,
    "points": 128,
    "data_points": 40,
    "batches": 8,
    "probe_every": 20,
    "snapshots": 6,
    "device": "cpu",
}
PROBLEM = pl.problems.Helmholtz(a=(1, 1))
PROBLEM.resolution = 21  # a coarse test grid is enough here


def train(**settings):
    return pl.train(PROBLEM, pl.Config(**{**SMALL, "steps": 60, **settings}), progress=False)


def same(a, b, parts=("history", "snapshots", "state")):
    """Two runs agree bit for bit in everything but the clock."""
    for part in parts:
        x, y = getattr(a, part), getattr(b, part)
        assert x.keys() == y.keys()
        for name in x:
            if name != "wall_time":
                assert np.array_equal(x[name], y[name], equal_nan=True), f"{part}/{name}"
    assert np.array_equal(a.points, b.points)


@pytest.mark.parametrize("weighting", [None, pl.RBA(), pl.RBA(power=1, normalization="min-max", initial=1.0)])
def test_steps_against_a_plain_twin(weighting):
    """The same training written out by hand, with nested autograd and torch's Adam."""
    config = pl.Config(
        **{**SMALL, "steps": 25, "dtype": "float64", "weighting": weighting, "data_weight": 3.0, "lr_decay_every": 10}
    )
    run = pl.train(PROBLEM, config, progress=False)
    model = models.MLP(2, 1, width=12, depth=2, seed=0, dtype=torch.float64)
    points = torch.as_tensor(sampling.interior(PROBLEM.domain, 128, seed=0))
    where, values = map(torch.as_tensor, PROBLEM.data(40, 0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10, 0.9)
    lam = torch.full((128,), weighting.initial if weighting else 0.0, dtype=torch.float64)
    losses = []
    for _ in range(25):
        x = points.clone().requires_grad_()
        u = model(x)
        du = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
        laplace = sum(torch.autograd.grad(du[:, i].sum(), x, create_graph=True)[0][:, i] for i in (0, 1))
        exact = torch.sin(torch.pi * points[:, 0]) * torch.sin(torch.pi * points[:, 1])
        r = laplace + u[:, 0] - (1.0 - 2.0 * torch.pi**2) * exact
        factor = torch.ones(128, dtype=torch.float64)
        if weighting:
            size = r.detach().abs()
            low = size.min() if weighting.normalization == "min-max" else 0.0
            lam = 0.999 * lam + 1e-3 * (size - low) / (size.max() - low)
            factor = lam**weighting.power
        loss = (factor * r**2).mean() + 3.0 * ((model(where) - values) ** 2).mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    ours = torch.nn.utils.parameters_to_vector(run.final_model().parameters()).detach()
    twin = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    assert torch.allclose(ours, twin, rtol=1e-9, atol=1e-11)
    assert run.history["loss"][:10] == pytest.approx(losses[:10], rel=1e-10)
    if weighting:
        assert torch.allclose(torch.as_tensor(run.state["rba"]), lam, rtol=1e-9)


def test_a_probe_reports_what_can_be_computed_again():
    run = train(weighting=pl.RBA())
    last = run.at(60)
    r = run.residual()
    assert last["loss_residual"] == pytest.approx(np.mean(r**2), rel=1e-4)
    assert last["order_residual"] == pytest.approx(order.spatial_order(run.points, r, PROBLEM.domain), rel=1e-4)
    grid = PROBLEM.test_grid()
    assert last["rel_l2"] == pytest.approx(evaluation.relative_l2(run.predict(grid), PROBLEM.solution(grid)), rel=1e-5)
    assert last["snr"] == pytest.approx(last["signal"] / last["noise"], rel=1e-12)
    assert last["order_gradient"] == pytest.approx(last["snr"] / np.sqrt(1 + last["snr"] ** 2), rel=1e-12)
    lam = pl.rba.update(torch.as_tensor(run.state["rba"]), torch.as_tensor(r, dtype=torch.float32), decay=0.999, rate=1e-3)
    square = (lam.double() * torch.as_tensor(r)) ** 2
    assert last["loss"] == pytest.approx(float(square.mean()) + last["loss_data"], rel=1e-4)
    assert run.history["snr_layers"].shape == (len(run.history["step"]), 3)
    assert set(run.history) == set(pl.training.history.HISTORY)


def test_a_probe_takes_weights_only():
    run = train(dtype="float64")
    model, points = run.final_model(), torch.as_tensor(run.points)
    where, values = map(torch.as_tensor, PROBLEM.data(40, 0))
    by_choice = {
        biases: pl.snr.statistics(
            pl.snr.batch_gradients(model, PROBLEM, points, batches=8, biases=biases),
            pl.snr.data_gradients(model, PROBLEM, where, values, biases=biases),
        ).snr
        for biases in (False, True)
    }
    assert run.history["snr"][-1] == pytest.approx(by_choice[False], rel=1e-9)
    assert by_choice[True] != pytest.approx(by_choice[False], rel=1e-3)
    assert train(dtype="float64", biases=True).history["snr"][-1] == pytest.approx(by_choice[True], rel=1e-9)


def test_vanilla_follows_the_weights_without_using_them():
    run, twin = train(), train(weighting=pl.RBA(rate=0.0, initial=1.0, decay=0.0))
    assert run.history["rba_mean"][-1] > 0
    assert np.isfinite(run.history["order_weights"]).all()
    assert twin.history["rba_mean"][0] == 0.0  # decay 0 and rate 0: nothing is left of the initial weight
    assert run.history["loss"][0] == pytest.approx(run.history["loss_residual"][0] + run.history["loss_data"][0], rel=1e-6)


def test_the_rate_of_attention_matters():
    moving, still = train(weighting=pl.RBA()), train(weighting=pl.RBA(rate=0.0))
    assert moving.history["rba_max"][-1] > 0.01
    assert np.all(still.history["rba_max"] == 0.0)


def test_same_seed_same_history_and_another_seed_another():
    same(train(weighting=pl.RBA()), train(weighting=pl.RBA()))
    assert not np.array_equal(train().history["loss"], train(seed=1).history["loss"])


def test_probes_do_not_disturb_the_training():
    assert np.array_equal(train(probe_every=5).state["parameters"], train(probe_every=1000).state["parameters"])


def test_resume_is_bit_for_bit(tmp_path):
    config = pl.Config(**{**SMALL, "steps": 300, "weighting": pl.RBA(), "lr_decay_every": 100})
    whole = pl.train(PROBLEM, config, progress=False)
    half = pl.train(PROBLEM, config, until=150, checkpoint=tmp_path / "half.npz", progress=False)
    assert half.step == 150
    assert not half.complete
    resumed = pl.resume(tmp_path / "half.npz", problem=PROBLEM, progress=False)
    same(whole, resumed)
    same(whole, pl.Run.load(tmp_path / "half.npz"))


@pytest.mark.parametrize("until", [0, 1, 20, 21])
def test_resume_from_any_step(tmp_path, until):
    config = pl.Config(**{**SMALL, "steps": 40})
    pl.train(PROBLEM, config, until=until, checkpoint=tmp_path / "c.npz", progress=False)
    same(pl.train(PROBLEM, config, progress=False), pl.resume(tmp_path / "c.npz", problem=PROBLEM, progress=False))


def test_a_finished_run_goes_on_as_if_it_had_been_longer():
    same(train(steps=90), pl.resume(train(steps=45), steps=90, progress=False), ("history", "state"))
    with pytest.raises(ValueError, match="steps = 10: the run is already at step 45"):
        pl.resume(train(steps=45), steps=10)


def test_ctrl_c_returns_the_run_so_far(tmp_path):
    def interrupt():
        while not (tmp_path / "c.npz").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    before = signal.getsignal(signal.SIGINT)
    config = pl.Config(**{**SMALL, "steps": 10**6})
    run = pl.train(PROBLEM, config, checkpoint=tmp_path / "c.npz", checkpoint_every=0.2, progress=False)
    assert 0 < run.step < 10**6
    assert not run.complete
    assert "stopped at step" in repr(run)
    assert pl.Run.load(tmp_path / "c.npz").step == run.step
    assert signal.getsignal(signal.SIGINT) is before


SCRIPT = """
import sys, pinnlib as pl
small = dict(width=12, depth=2, points=128, data_points=40, batches=8, probe_every=20, snapshots=6, device="cpu", compile=False)
config = pl.Config(**small, steps=10**6)
pl.train(pl.problems.Helmholtz(a=(1, 1)), config, checkpoint=sys.argv[1], checkpoint_every=0.3, progress=False)
"""


def test_killed_it_loses_no_more_than_the_time_between_checkpoints(tmp_path):
    path = tmp_path / "c.npz"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)])
    try:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(float(np.random.default_rng().uniform(0.5, 1.5)))
    finally:
        killed = time.time()
        process.kill()
        process.wait()
    assert killed - path.stat().st_mtime < 0.3 + 1.0  # the checkpoint interval, and what a busy machine adds
    run = pl.Run.load(path, pl.problems.Helmholtz(a=(1, 1)))
    config = pl.Config.from_dict(run.config.as_dict() | {"steps": run.step + 5})
    same(pl.train(run.problem, config, progress=False), pl.resume(run, steps=run.step + 5, progress=False), ("history", "state"))


@pytest.mark.parametrize("checkpointed", [False, True])
def test_divergence_names_the_step_and_keeps_the_last_good_state(tmp_path, checkpointed):
    path = tmp_path / "c.npz" if checkpointed else None

    class Breaks(pl.problems.Helmholtz):
        calls = 0

        def residual(self, points, d):
            type(self).calls += 1
            return super().residual(points, d) * (float("nan") if type(self).calls > 40 else 1.0)

    with pytest.raises(pl.TrainingDiverged, match="not a finite number at step .*smaller lr than 0.001") as caught:
        pl.train(Breaks(), pl.Config(**{**SMALL, "steps": 100}), checkpoint=path, progress=False)
    run = caught.value.run
    assert 0 < run.step <= 40
    assert np.isfinite(run.state["parameters"]).all()
    assert np.isfinite(run.history["loss"]).all()
    if checkpointed:
        assert str(path) in str(caught.value)
        assert np.array_equal(pl.Run.load(path, Breaks()).state["parameters"], run.state["parameters"])


def test_a_full_disk_does_not_end_a_training(tmp_path, monkeypatch):
    def full(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    config = pl.Config(**{**SMALL, "steps": 30})
    with pytest.warns(UserWarning, match="No space left on device; the run is still in memory"):
        run = pl.train(PROBLEM, config, checkpoint=tmp_path / "c.npz", checkpoint_every=0.0, progress=False)
    assert run.complete


def test_huge_learning_rate_ends_in_a_sentence_or_finite_numbers():
    try:
        run = train(lr=1e30, steps=20)
    except pl.TrainingDiverged as error:
        run = error.run
    assert np.isfinite(run.state["parameters"]).all()


def test_progress_bar_goes_to_stderr(capsys):
    pl.train(PROBLEM, pl.Config(**{**SMALL, "steps": 5}))
    out, err = capsys.readouterr()
    assert out == ""
    assert "step" in err


def test_batches_and_points_in_float64_and_on_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(train(dtype="float64", steps=3)))
    thread.start()
    thread.join()
    assert results[0].state["parameters"].dtype == np.float64


COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")


@COMPILED
@pytest.mark.parametrize("activation", ["tanh", "sine", "softplus"])
def test_compiled_training_agrees(activation):
    settings = {"dtype": "float64", "steps": 10, "weighting": pl.RBA(), "activation": activation}
    plain, fused = train(**settings), train(**settings, compile=True)
    assert fused.provenance["path"].startswith("native")
    assert np.allclose(plain.state["parameters"], fused.state["parameters"], rtol=1e-10, atol=1e-12)
    for name in ("loss", "snr", "snr_layers", "order_residual"):
        assert np.allclose(plain.history[name], fused.history[name], rtol=1e-8), name


@COMPILED
def test_compiled_training_resumes_bit_for_bit_and_is_not_disturbed(tmp_path):
    settings = {**SMALL, "steps": 40, "weighting": pl.RBA(), "compile": True}
    whole = pl.train(PROBLEM, pl.Config(**settings), progress=False)
    pl.train(PROBLEM, pl.Config(**settings), until=21, checkpoint=tmp_path / "c.npz", progress=False)
    same(whole, pl.resume(tmp_path / "c.npz", problem=PROBLEM, progress=False))
    often = pl.train(PROBLEM, pl.Config(**settings | {"probe_every": 3}), progress=False)
    assert np.array_equal(whole.state["parameters"], often.state["parameters"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU needs no C++ compiler")
def test_compile_without_a_compiler(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.warns(UserWarning, match=r"compile=True needs a C\+\+ compiler"):
        run = train(compile=True)
    assert run.provenance["path"].startswith("eager")


def test_auto_compiles_long_runs_only(monkeypatch):
    long, short = (pl.Config(width=64, depth=4, points=4096, batches=32, steps=s) for s in (2000, 100))
    cpu = torch.device("cpu")
    monkeypatch.setattr(shutil, "which", lambda name: "/somewhere/" + name)
    assert objective.choose_path(long, 3, cpu) == "native"
    assert objective.choose_path(short, 3, cpu) == "eager"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert objective.choose_path(long, 3, cpu) == "eager"


@pytest.mark.parametrize("path", ["native", "triton"])
def test_a_compiler_that_fails_is_done_without(monkeypatch, path):
    def fail(*_args, **_options):
        raise toolchain.BuildError("no such header")

    plain = train(steps=5, compile=False)
    monkeypatch.setattr(fused, "_kernels", fail)
    monkeypatch.setattr(native, "library", fail)
    monkeypatch.setattr(objective, "choose_path", lambda *_: path)
    with pytest.warns(UserWarning, match=r"compiling failed \(BuildError: no such header\)"):
        run = train(steps=5, compile=True)
    assert run.provenance["path"].startswith("eager")
    assert np.array_equal(run.state["parameters"], plain.state["parameters"])


SEEDS = (3, 0, 5)


@pytest.mark.parametrize("weighting", [None, pl.RBA(normalization="min-max")])
@pytest.mark.parametrize("compile", [False, pytest.param(True, marks=COMPILED)])
def test_an_ensemble_is_its_seeds_one_by_one(weighting, compile):
    settings = {**SMALL, "steps": 30, "dtype": "float64", "weighting": weighting, "compile": compile}
    runs = pl.train_ensemble(PROBLEM, pl.Config(**settings), SEEDS, progress=False)
    assert [run.config.seed for run in runs] == list(SEEDS)
    for run in runs:
        alone = pl.train(PROBLEM, run.config, progress=False)
        assert np.array_equal(run.points, alone.points)
        assert np.array_equal(run.snapshots["step"], alone.snapshots["step"])
        for part in ("history", "state"):
            for name, values in getattr(alone, part).items():
                if name != "wall_time":
                    assert np.allclose(getattr(run, part)[name], values, rtol=1e-7, atol=1e-10, equal_nan=True), name


def test_each_seed_of_an_ensemble_resumes_alone(tmp_path):
    config = pl.Config(**SMALL, steps=40, dtype="float64")
    files = tmp_path / "run_{seed}.npz"
    pl.train_ensemble(PROBLEM, config, SEEDS, until=21, checkpoint=files, progress=False)
    for seed in SEEDS:
        run = pl.resume(tmp_path / f"run_{seed}.npz", problem=PROBLEM, progress=False)
        whole = train(steps=40, dtype="float64", seed=seed)
        assert np.allclose(run.state["parameters"], whole.state["parameters"], rtol=1e-7, atol=1e-10)
        assert np.array_equal(run.history["step"], whole.history["step"])


def test_one_member_that_diverges_is_named_and_the_others_keep_their_state(tmp_path):
    class Breaks(pl.problems.Helmholtz):
        calls = 0

        def residual(self, points, d):
            type(self).calls += points.ndim == 4  # a pass over both members
            r = super().residual(points, d)
            if points.ndim < 4:
                return r
            bad = torch.zeros(len(r)).reshape(-1, *[1] * (r.ndim - 1))
            bad[1] = float("nan") if type(self).calls > 30 else 0.0
            return r + bad

    problem = Breaks(a=(1, 1))
    problem.resolution = 21
    config = pl.Config(**SMALL, steps=100)
    with pytest.raises(pl.TrainingDiverged, match="the loss with seed 0 is not a finite number at step 30") as caught:
        pl.train_ensemble(problem, config, SEEDS, checkpoint=tmp_path / "{seed}.npz", progress=False)
    assert caught.value.run is caught.value.runs[1]
    assert [run.step for run in caught.value.runs] == [30, caught.value.run.step, 30]
    assert caught.value.run.step < 30
    assert all(np.isfinite(run.state["parameters"]).all() for run in caught.value.runs)
    assert pl.Run.load(tmp_path / "3.npz", problem).step == 30


@pytest.mark.parametrize("seeds", [(), (1, 2, 1)])
def test_seeds_that_make_no_ensemble(seeds):
    with pytest.raises(ValueError, match="give at least one, and each once"):
        pl.train_ensemble(PROBLEM, pl.Config(**SMALL, steps=3), seeds)


def test_seeds_need_a_checkpoint_each(tmp_path):
    with pytest.raises(ValueError, match=r"put \{seed\} into its name"):
        pl.train_ensemble(PROBLEM, pl.Config(**SMALL, steps=3), (1, 2), checkpoint=tmp_path / "run.npz")


@pytest.mark.parametrize("kind", [pl.problems.AllenCahn, pl.problems.Burgers])
def test_problems_with_a_stored_or_integrated_reference_train(kind):
    config = pl.Config(**{**SMALL, "steps": 60, "lr": 5e-3}, bias_init="zero")
    run = pl.train(kind(), config, progress=False)
    assert run.history["loss"][-1] < 0.9 * run.history["loss"][0]
    assert run.history["rel_l2"][-1] < 1.2


def test_a_run_that_began_on_a_gpu_goes_on_here(tmp_path):
    """Its arrays are those of any device; only the config names one."""
    half = train(steps=30)
    elsewhere = dataclasses.replace(half, config=dataclasses.replace(half.config, device="cuda"))
    path = elsewhere.save(tmp_path / "gpu.npz")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device 'cuda' is not there: use device='cpu'"):
            pl.resume(path, steps=60, progress=False)
    moved = pl.resume(path, steps=60, device="cpu", progress=False)
    assert moved.config.device == "cpu"
    stayed = pl.resume(half, steps=60, progress=False)
    assert np.array_equal(moved.state["parameters"], stayed.state["parameters"])


@pytest.mark.parametrize("weighting", [None, pl.RBA(), pl.weightings.SelfAdaptive(), pl.RBA(assignment="mean")])
def test_mini_batches_against_a_plain_twin(weighting):
    """Each step sees the slice of an order drawn anew for each pass, and touches the weights of no other point."""
    settings = {"steps": 11, "minibatch": 32, "dtype": "float64", "weighting": weighting}
    run = train(**settings)
    start = pl.training.starts.start(PROBLEM, run.config)
    theta, where = start.parameters.clone().requires_grad_(), torch.as_tensor(start.points)
    data = [torch.as_tensor(part) for part in (start.conditions[0].points, start.conditions[0].values)]
    rule = pl.weightings.followed(weighting)
    attention = torch.full((128,), rule.initial, dtype=torch.float64)
    model = pl.training.starts.network(PROBLEM, run.config)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    torch.nn.utils.vector_to_parameters(theta.detach(), model.parameters())
    seen = []
    for step in range(11):
        if step % 4 == 0:
            order = np.random.default_rng([0, 32, step // 4]).permutation(128)
        chosen = torch.as_tensor(order[32 * (step % 4) : 32 * (step % 4 + 1)])
        seen.append(chosen)
        x = where[chosen].clone().requires_grad_()
        u = model(x)
        (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        bends = [torch.autograd.grad(slope[:, k].sum(), x, create_graph=True)[0][:, k] for k in range(2)]
        r = bends[0] + bends[1] + PROBLEM.k**2 * u[:, 0] - PROBLEM.forcing(x.detach())
        attention[chosen] = rule.updated(attention[chosen], r, step)
        factor = 1.0 if weighting is None else rule.factor(attention[chosen], None)
        loss = (factor * r**2).mean() + ((model(data[0]) - data[1]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert sorted(torch.cat(seen[:4]).tolist()) == list(range(128))
    flat = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert torch.allclose(torch.as_tensor(run.state["parameters"]), flat, rtol=1e-9, atol=1e-12)
    assert torch.allclose(torch.as_tensor(run.state["rba"]), attention, rtol=1e-9, atol=1e-12)


def test_mini_batches_resume_bit_for_bit_and_go_with_ensembles(tmp_path):
    settings = {"minibatch": 32, "weighting": pl.RBA()}
    config = pl.Config(**{**SMALL, "steps": 60, **settings})
    pl.train(PROBLEM, config, checkpoint=tmp_path / "half.npz", until=37, progress=False)
    on = pl.resume(tmp_path / "half.npz", problem=PROBLEM, progress=False)
    same(on, train(**settings))
    members = pl.train_ensemble(PROBLEM, config, [0, 1], progress=False)
    assert np.allclose(members[0].state["parameters"], on.state["parameters"], rtol=1e-3, atol=1e-5)
    assert not np.allclose(members[1].state["parameters"], on.state["parameters"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("weighting", [None, pl.RBA(), pl.RBA(assignment="permuted")])
def test_fresh_points_are_measured_with_the_weights_of_their_neighbours(weighting):
    run = train(weighting=weighting, probe_fresh=True, dtype="float64")
    assert set(run.history) == {*pl.training.history.HISTORY, *pl.training.history.FRESH}
    points = sampling.interior(PROBLEM.domain, 128, seed=10**9, method=run.config.sampling)
    nearest = np.argmin(np.square(points[:, None] - run.points[None]).sum(-1), axis=1)
    weights = None
    if weighting is not None:
        updated = weighting.updated(torch.as_tensor(run.state["rba"]), torch.as_tensor(run.residual(points=run.points)), 60)
        weights = weighting.factor(updated, pl.weightings.permutation(128, 0))[nearest]
    model = run.final_model()
    grads = pl.snr.batch_gradients(model, PROBLEM, torch.as_tensor(points), batches=8, weights=weights, power=1)
    data = pl.snr.data_gradients(model, PROBLEM, *map(torch.as_tensor, PROBLEM.data(40, 0)))
    found = pl.snr.statistics(grads, data)
    for name in ("snr", "signal", "noise"):
        assert run.history[f"{name}_fresh"][-1] == pytest.approx(getattr(found, name), rel=1e-9)
    same(train(weighting=weighting, dtype="float64"), run, parts=("state",))


def test_sharpness_on_the_way_is_that_of_the_run_there():
    watched = train(weighting=pl.RBA(), probe_sharpness=20)
    known = np.isfinite(watched.history["sharpness"])
    assert watched.history["step"][known].tolist() == [20, 40, 60]
    plain = train(weighting=pl.RBA())
    same(plain, watched, parts=("state",))
    exact = pl.curvature.Curvature(plain).preconditioned_sharpness(tolerance=1e-6).value
    assert watched.history["sharpness_adam"][-1] == pytest.approx(exact, rel=2e-2)


def test_a_branch_goes_on_as_the_run_would_have_or_at_another_rate(tmp_path):
    short, long = train(steps=30, weighting=pl.RBA()), train(steps=50, weighting=pl.RBA())
    on = pl.branch(short, steps=50, progress=False)
    same(on, long, parts=("state",))
    assert on.history["step"][0] == 30
    assert len(on.snapshots["step"]) == (on.snapshots["step"] >= 30).sum()
    other = pl.branch(short, steps=50, lr=1e-4, probe_every=5, checkpoint=tmp_path / "branch.npz", progress=False)
    assert other.config.lr == 1e-4
    moved = [np.linalg.norm(run.state["parameters"] - short.state["parameters"]) for run in (on, other)]
    assert 0.0 < moved[1] < 0.5 * moved[0]
    half = pl.branch(short, steps=50, lr=1e-4, probe_every=5, until=41, checkpoint=tmp_path / "half.npz", progress=False)
    assert half.step == 41
    same(pl.resume(tmp_path / "half.npz", problem=PROBLEM, progress=False), other)
    kept = pl.Run.load(tmp_path / "branch.npz", PROBLEM).provenance["branch_of"]
    assert (kept["step"], kept["config"]["lr"]) == (30, 1e-3)


def test_what_cannot_branch():
    run = train(steps=30)
    with pytest.raises(ValueError, match=r"another width than the run that it begins from: give it the run's own \(width = 12"):
        pl.branch(run, steps=50, width=13)
    with pytest.raises(ValueError, match="steps = 30: the run that the branch begins from is at step 30, give a later step"):
        pl.branch(run, progress=False)
    with pytest.raises(ValueError, match="was made compact"):
        pl.branch(run.compacted(), steps=50)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minibatch": 30}, "minibatch = 30 does not cut 128 points into equal parts: give a divisor, or 0"),
        ({"minibatch": -1}, "minibatch = -1 does not cut"),
        ({"minibatch": 32, "weighting": pl.RBA(assignment="permuted")}, "minibatch = 32 with permuted weights"),
        ({"probe_sharpness": -5}, "probe_sharpness = -5: give a whole number of steps, or 0"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        pl.Config(**{**SMALL, **settings})
