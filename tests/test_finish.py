"""The last steps by L-BFGS against scipy's, on the same loss written out by hand; and how they end, stop and go on."""

import dataclasses
import math
import warnings

import numpy as np
import pytest
import scipy.optimize
import torch

import pinnlib as pl
from pinnlib import weightings
from pinnlib.taylor import toolchain
from tests.oracles import same

COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PATHS = [False, pytest.param(True, marks=COMPILED)]
ADAM = 40
SMALL = dict(width=6, depth=2, points=24, data_points=2, batches=4, steps=ADAM, lr=5e-3, data_weight=2.5, dtype="float64")
SMALL |= dict(device="cpu", compile=False, snapshots=100, finish="lbfgs", finish_steps=30, weighting=pl.RBA(rate=0.02))
SIZES = (1, 6, 6, 1)
COUNT = 6 + 36 + 6 + 6 + 6 + 1


class Slab(pl.Problem):
    coordinates, fields, domain, partials = ("x",), ("u",), ((0.0, 1.0),), ("u", "u_xx")

    def residual(self, points, d):
        return d.u_xx - d.u + 1.0

    def data(self, n, seed):
        return np.array([[0.0], [1.0]]), np.zeros((2, 1))

    def reference(self, points):
        return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)


class Found(Slab):
    """With an unknown, that a third place tells."""

    unknowns = {"k": pl.Unknown(0.4, positive=True)}

    def residual(self, points, d):
        return d.u_xx - d.k * d.u + 1.0

    def data(self, n, seed):
        at = np.array([[0.0], [0.5], [1.0]])
        return at, self.reference(at)


class System(Slab):
    def residual(self, points, d):
        return {"heat": d.u_xx - d.u + 1.0, "even": 0.1 * d.u * d.u_xx}


def slow_loss(problem, theta, points, weights):
    """The loss with the points' weights at rest, ``(n,)`` or ``(2, n)``; nested autograd."""
    shapes = [*zip(SIZES[1:], SIZES[:-1], strict=True), *((n,) for n in SIZES[1:])]
    parts = theta[:COUNT].split([math.prod(s) for s in shapes])
    parts = [part.reshape(s) for part, s in zip(parts, shapes, strict=True)]

    def network(x):
        return (torch.tanh(torch.tanh(x @ parts[0].T + parts[3]) @ parts[1].T + parts[4]) @ parts[2].T + parts[5])[:, 0]

    x = torch.as_tensor(points).clone().requires_grad_()
    u = network(x)
    slope = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    bend = torch.autograd.grad(slope.sum(), x, create_graph=True)[0][:, 0]
    k = 0.4 * torch.exp(theta[COUNT]) if problem.unknown else 1.0
    r = bend - k * u + 1.0
    if isinstance(problem, System):
        r = torch.stack([r, 0.1 * u * bend])
    at, values = map(torch.as_tensor, problem.data(0, 0))
    return (weights**2 * r**2).mean(-1).sum() + 2.5 * ((network(at) - values[:, 0]) ** 2).mean()


def train(problem=None, until=None, **settings):
    return pl.train(problem or Slab(), pl.Config(**SMALL | settings), until=until, progress=False)


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("kind", [Slab, Found, System])
def test_it_comes_as_far_as_scipy_does_from_the_same_place(kind, compile):
    problem = kind()
    run = train(problem, finish_steps=60, compile=compile)
    begun = train(problem, finish_steps=60, compile=compile, until=ADAM)
    weights, points = torch.as_tensor(begun.state["rba"]), begun.points

    def loss_and_slope(numbers):
        theta = torch.as_tensor(numbers).requires_grad_()
        value = slow_loss(problem, theta, points, weights)
        return value.item(), torch.autograd.grad(value, theta)[0].numpy()

    first, last = (loss_and_slope(one.state["parameters"]) for one in (begun, run))
    assert run.history["loss"][-1] == pytest.approx(last[0], rel=1e-9)
    options = {"maxiter": 60, "maxcor": 50, "ftol": 0.0, "gtol": 0.0}
    theirs = scipy.optimize.minimize(loss_and_slope, begun.state["parameters"], jac=True, method="L-BFGS-B", options=options)
    assert theirs.fun < 0.1 * first[0]
    assert last[0] < 2.0 * theirs.fun
    if kind is Found:
        assert run.unknowns["k"] != begun.unknowns["k"]


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("weighting", [None, pl.RBA(rate=0.02), weightings.SelfAdaptive(), weightings.RAD(every=15)])
def test_losses_fall_and_what_adam_left_rests(weighting, compile):
    run = train(weighting=weighting, compile=compile, probe_every=1, snapshots=3000)  # one at each step
    begun = train(weighting=weighting, compile=compile, until=ADAM, snapshots=3000)
    late = run.history["step"] >= ADAM
    assert run.history["step"][late].tolist() == list(range(ADAM, ADAM + 31))
    assert (np.diff(run.history["loss"][late]) < 0.0).all()
    for name in ("rba", "exp_avg", "exp_avg_sq"):
        assert np.array_equal(run.state[name], begun.state[name]), name
    assert np.array_equal(run.points, begun.points)
    shots = run.snapshots["step"] >= ADAM
    assert (run.snapshots["rba"][shots] == begun.state["rba"]).all()
    # and before it, nothing is different from a run without it
    plain = pl.train(Slab(), dataclasses.replace(begun.config, finish=None, finish_steps=0), progress=False)
    assert np.array_equal(plain.state["parameters"], begun.state["parameters"])
    # a probe has the loss that is minimized, with the weights at rest
    factor = (
        torch.ones(24).double()
        if weighting is None or isinstance(weighting, weightings.RAD)
        else torch.as_tensor(begun.state["rba"])
    )
    for loss, parameters in zip(run.history["loss"][late], run.snapshots["parameters"][shots], strict=True):
        assert loss == pytest.approx(slow_loss(run.problem, torch.as_tensor(parameters), run.points, factor).item(), rel=1e-8)


def test_history_has_probes_there_without_what_is_adams():
    run = train(probe_every=10, probe_sharpness=20, probe_fresh=True)
    late = run.history["step"] > ADAM
    assert late.sum() == 3
    for name in ("snr_adam", "adam_step", "sharpness", "sharpness_adam"):
        assert np.isnan(run.history[name][late]).all(), name
        assert np.isfinite(run.history[name][run.history["step"] == ADAM]).all(), name
    for name in ("loss", "snr", "signal", "noise", "rel_l2", "order_residual", "rba_mean", "snr_fresh"):
        assert np.isfinite(run.history[name][late]).all(), name
    assert (run.history["rba_mean"][late] == run.history["rba_mean"][late][0]).all()
    assert run.complete


def test_steps_probes_and_snapshots_of_a_config_with_it():
    config = pl.Config(**SMALL | {"steps": 100, "finish_steps": 45, "probe_every": 20, "snapshots": 6})
    plain = dataclasses.replace(config, finish=None, finish_steps=0)
    assert (config.last_step, plain.last_step) == (145, 100)
    assert config.probe_steps().tolist() == [*plain.probe_steps().tolist(), 120, 140, 145]
    assert set(config.snapshot_steps()) <= set(config.probe_steps())
    assert config.snapshot_steps()[-1] == 145
    assert len(config.snapshot_steps()) <= 6
    budget = pl.forecast(Slab(), config, steps=2)
    assert (budget.steps, budget.probes) == (145, len(config.probe_steps()))
    assert budget.total == pytest.approx(145 * budget.step + budget.probes * budget.probe)
    assert "45 of L-BFGS" in config.describe()
    assert pl.Config.from_dict(config.as_dict()) == config
    with pytest.raises(ValueError, match="give both"):
        pl.Config(finish="lbfgs")
    with pytest.raises(ValueError, match="give both"):
        pl.Config(finish_steps=3)
    with pytest.raises(ValueError, match="choose 'lbfgs' or None"):
        pl.Config(finish="newton", finish_steps=3)
    with pytest.raises(ValueError, match="train them one by one"):
        pl.train_ensemble(Slab(), config, [0, 1], progress=False)


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("until", [20, ADAM, ADAM + 1, ADAM + 17])
def test_resume_is_bit_for_bit_before_and_within_it(tmp_path, until, compile):
    settings = {"compile": compile, "probe_every": 10}
    whole = train(Found(), **settings)
    config = pl.Config(**SMALL | settings)
    half = pl.train(Found(), config, until=until, checkpoint=tmp_path / "half.npz", progress=False)
    assert half.step == until
    assert not half.complete
    same(whole, pl.resume(tmp_path / "half.npz", problem=Found(), progress=False))


def test_mini_batches_are_adams_and_it_takes_all_points():
    run = train(minibatch=8, weighting=None, probe_every=1)
    losses = run.history["loss"][run.history["step"] >= ADAM]
    assert (np.diff(losses) < 0.0).all()
    assert losses[-1] == pytest.approx(slow_loss(run.problem, torch.as_tensor(run.state["parameters"]), run.points, 1.0).item())


@pytest.fixture(scope="module")
def ended():
    """In single precision nothing better is found long before the last step."""
    return train(dtype="float32", finish_steps=5000, probe_every=100, weighting=None, snapshots=6)


def test_it_ends_where_nothing_better_is_found(ended):
    assert ADAM < ended.step < ended.config.last_step
    assert ended.complete
    assert ended.provenance["finished"]
    assert ended.history["step"][-1] == ended.step
    assert ended.snapshots["step"][-1] == ended.step
    assert np.array_equal(ended.snapshots["parameters"][-1], ended.state["parameters"])
    assert ended.history["loss"][-1] < ended.history["loss"][ended.history["step"] == ADAM][0]
    assert "complete" in repr(ended)


def test_what_has_ended_stays_as_it_is(ended, tmp_path):
    """Going on, and looking at a file of it, changes nothing."""
    path = ended.save(tmp_path / "ended.npz")
    again = pl.resume(path, problem=Slab(), progress=False)
    assert again.step == ended.step
    assert again.complete
    same(ended, again)
    small = ended.compacted(rows=8)
    assert small.complete
    assert pl.Run.load(small.save(tmp_path / "small.npz"), Slab()).complete


def test_it_goes_on_to_more_steps_by_its_config_alone():
    short = train(finish_steps=10, probe_every=5)
    more = dataclasses.replace(short, config=dataclasses.replace(short.config, finish_steps=20))
    same(pl.resume(more, progress=False), train(finish_steps=20, probe_every=5), ("history", "state"))
    with pytest.raises(ValueError, match="has gone on from Adam's step 40 by L-BFGS"):
        pl.resume(short, steps=80, progress=False)


def test_a_plain_run_can_be_finished_by_a_branch():
    """As the refusal of ensembles says: each of them afterwards."""
    plain = train(finish=None, finish_steps=0)
    same(pl.branch(plain, finish="lbfgs", finish_steps=30, progress=False), train(), ("state",))
    with pytest.raises(ValueError, match="give a later step"):
        pl.branch(train(), finish_steps=40, progress=False)


def test_curvature_is_that_of_the_loss_that_it_makes_small():
    """The points' weights rest, so they are not brought up to date once more; Adam's moments are of Adam's steps."""
    run = train()
    theta, weights = torch.as_tensor(run.state["parameters"]), torch.as_tensor(run.state["rba"])
    exact = torch.autograd.functional.hessian(lambda t: slow_loss(run.problem, t, run.points, weights), theta)
    here = pl.curvature.Curvature(run)
    assert np.array_equal(here.attention.numpy(), run.state["rba"])
    vector = torch.ones_like(theta)
    assert float((here.product(vector) - exact @ vector).norm()) < 1e-6 * float((exact @ vector).norm())


def test_the_preconditioner_of_a_finished_run_is_that_of_adams_last_step():
    finished, begun = train(), train(until=ADAM)
    assert torch.equal(pl.curvature.preconditioner(finished), pl.curvature.preconditioner(begun))


def test_a_residual_that_breaks_in_a_line_search_does_not_lose_the_run():
    class Breaks(Slab):
        calls = 0

        def residual(self, points, d):
            type(self).calls += 1
            return super().residual(points, d) * (math.nan if type(self).calls > 120 else 1.0)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            run = train(Breaks(), probe_every=10)
        except pl.TrainingDiverged as error:
            run = error.run
    assert np.isfinite(run.state["parameters"]).all()
    assert np.isfinite(run.history["loss"]).all()
