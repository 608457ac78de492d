"""Systems of equations against a loss written out by hand with nested autograd, and rules of the points' weights by hand."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import order, weightings
from pinnlib.problems import terms
from pinnlib.taylor import toolchain
from pinnlib.training.loop import Trainer
from tests.oracles import close, gradient, same

COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PATHS = [False, pytest.param(True, marks=COMPILED)]
SIZES = (2, 6, 6, 2)
SMALL = dict(width=6, depth=2, points=24, data_points=5, batches=4, steps=8, lr=5e-3, data_weight=2.5, dtype="float64")
SMALL |= dict(device="cpu", compile=False, snapshots=100)
EQUATIONS = ("momentum", "mass", "closure")


class Flow(pl.Problem):
    """Three equations of different sizes for two fields, one of them without derivatives."""

    coordinates = ("x", "t")
    fields = ("u", "v")
    domain = ((-1.0, 2.0), (0.0, 1.0))
    partials = ("u", "u_t", "v", "v_x", "v_xt")
    operators = {"box_u": {"u_tt": 1.0, "u_xx": -2.0}}

    def residual(self, points, d):
        return {
            "momentum": d.u_t - 0.3 * d.box_u + d.u * d.v_x,
            "mass": d.v_xt + torch.sin(points[..., 0]) * d.v,
            "closure": 0.05 * (d.u * d.v - 1.0),
        }

    def conditions(self, n, seed):
        at = np.random.default_rng([seed, 7]).random((n, 2)) * [3.0, 1.0] - [1.0, 0.0]
        return [pl.Condition("measured", at, "u", at[:, 1]), pl.Condition("slope", at, "v_x", 0.2, weight=0.5)]


class Slow:
    """Values and partials ``(n,)`` of a network at ``x`` ``(n, 2)``, each by as many nested derivatives as it has letters."""

    def __init__(self, theta, x):
        self.x = torch.as_tensor(x).clone().requires_grad_()
        parts, h = cut(theta), self.x
        for k, (w, b) in enumerate(parts):
            h = h @ w.T + b
            h = torch.tanh(h) if k < len(parts) - 1 else h
        self.out = h

    def __getattr__(self, name):
        field, _, letters = name.partition("_")
        value = self.out[:, "uv".index(field)]
        for letter in letters:
            value = torch.autograd.grad(value.sum(), self.x, create_graph=True)[0][:, "xt".index(letter)]
        return value


def cut(theta):
    """Weight matrix and bias of each layer from all parameters: matrices first, then biases."""
    shapes = [*zip(SIZES[1:], SIZES[:-1], strict=True), *((n,) for n in SIZES[1:])]
    parts = theta[: sum(map(math.prod, shapes))].split([math.prod(s) for s in shapes])
    parts = [part.reshape(s) for part, s in zip(parts, shapes, strict=True)]
    half = len(parts) // 2
    return list(zip(parts[:half], parts[half:], strict=True))


MATRICES = sum(a * b for a, b in zip(SIZES[1:], SIZES[:-1], strict=True))


def slow_residual(theta, points):
    """``(3, n_points)``."""
    d = Slow(theta, points)
    return torch.stack(
        [
            d.u_t - 0.3 * (d.u_tt - 2.0 * d.u_xx) + d.u * d.v_x,
            d.v_xt + torch.sin(d.x[:, 0].detach()) * d.v,
            0.05 * (d.u * d.v - 1.0),
        ]
    )


def slow_data(theta, seed=0):
    at = np.random.default_rng([seed, 7]).random((5, 2)) * [3.0, 1.0] - [1.0, 0.0]
    d = Slow(theta, at)
    return ((d.u - torch.as_tensor(at[:, 1])) ** 2).mean() + 0.5 * ((d.v_x - 0.2) ** 2).mean()


def slow_loss(theta, points, factor=1.0):
    """Each equation's own mean, then their sum; and the data."""
    return (factor * slow_residual(theta, points) ** 2).mean(1).sum() + 2.5 * slow_data(theta)


def train(problem=None, **settings):
    return pl.train(problem or Flow(), pl.Config(**SMALL | settings), progress=False)


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize(("chunk", "keep"), [(2**30, 2**30), (8 * 8 * 6 * 4, 0)], ids=["whole", "in chunks"])
@pytest.mark.parametrize("weighting", [None, pl.RBA(initial=0.3, rate=0.2)])
def test_loss_gradient_and_batch_gradients_by_autograd(monkeypatch, weighting, chunk, keep, compile):
    for kind in ("cpu", "native"):
        monkeypatch.setitem(terms.CHUNK_BYTES, kind, chunk)
    monkeypatch.setattr(terms, "KEEP_BYTES", keep)
    trainer = Trainer(Flow(), pl.Config(**SMALL | {"compile": compile, "weighting": weighting}))
    assert trainer.objective.path == ("native" if compile else "eager")
    assert (len(trainer.objective.residual_term.chunks) > 3) == (chunk < 2**30)
    here = trainer.objective(trainer.state, apart=True)
    points, theta = trainer.state.begun[0].points, trainer.state.theta.clone().requires_grad_()
    r = slow_residual(theta, points).detach()
    factor = torch.ones(3, 24, dtype=torch.float64)
    if weighting:  # each equation has its own largest residual
        factor = (0.999 * 0.3 + 0.2 * r.abs() / r.abs().max(1, keepdim=True).values) ** 2
    assert close(here.residual, r)
    assert close(here.loss, slow_loss(theta, points, factor).detach())
    assert close(here.grads + here.data_grads, gradient(slow_loss(theta, points, factor), theta))
    for b, own in enumerate(here.batch_grads):
        part = slice(6 * b, 6 * b + 6)
        square = (factor[:, part] * slow_residual(theta, points[part]) ** 2).mean(1).sum()
        assert close(own, gradient(square, theta))
    assert close(here.batch_grads.mean(0), here.grads)


def test_history_of_a_system_against_the_twin():
    run = train(weighting=pl.RBA(rate=0.1), probe_fresh=True, probe_every=3)
    assert run.snapshots["step"].tolist() == run.history["step"].tolist()
    for k, parameters in enumerate(run.snapshots["parameters"]):
        theta = torch.as_tensor(parameters).requires_grad_()
        r = slow_residual(theta, run.points).detach()
        lam = 0.999 * torch.as_tensor(run.snapshots["rba"][k]) + 0.1 * r.abs() / r.abs().max(1, keepdim=True).values
        row = {name: values[k] for name, values in run.history.items()}
        for name, square in zip(EQUATIONS, (r**2).mean(1), strict=True):
            assert row[f"loss_{name}"] == pytest.approx(float(square), rel=1e-10)
        assert row["loss_residual"] == pytest.approx(float((r**2).mean(1).sum()), rel=1e-10)
        assert row["loss"] == pytest.approx(slow_loss(theta, run.points, lam**2).item(), rel=1e-10)
        assert row["rba_mean"] == pytest.approx(float(lam.mean()), rel=1e-10)
        assert row["rba_max"] == pytest.approx(float(lam.max()), rel=1e-10)
        sizes = (r**2).sum(0).sqrt().numpy()
        assert row["order_residual"] == pytest.approx(order.spatial_order(run.points, sizes, Flow.domain), rel=1e-10)
        assert row["order_weights"] == pytest.approx(order.spatial_order(run.points, lam.mean(0).numpy(), Flow.domain), rel=1e-10)
        data = gradient(2.5 * slow_data(theta), theta)

        def signal_and_noise(points, factor, theta=theta, data=data):
            grads = [
                gradient((factor[:, s] * slow_residual(theta, points[s]) ** 2).mean(1).sum(), theta)[:MATRICES]
                for s in (slice(6 * b, 6 * b + 6) for b in range(4))
            ]
            grads = torch.stack(grads)
            return float((grads.mean(0) + data[:MATRICES]).norm()), float(grads.std(0, correction=0).norm())

        assert (row["signal"], row["noise"]) == pytest.approx(signal_and_noise(run.points, lam**2), rel=1e-9)
        fresh = pl.sampling.interior(Flow.domain, 24, seed=10**9)
        nearest = np.argmin(np.square(fresh[:, None] - run.points[None]).sum(-1), axis=1)
        assert (row["signal_fresh"], row["noise_fresh"]) == pytest.approx(signal_and_noise(fresh, lam[:, nearest] ** 2), rel=1e-9)


def normalized(size):
    return size / size.max(1, keepdim=True).values


#: By name: what a run's weights become, ``(3, n)`` from theirs and the residual, and the squares' factors; written by hand.
RULES = {
    "vanilla": (None, lambda w, r: 0.999 * w + 1e-3 * normalized(r.abs()), lambda w, order: torch.ones_like(w)),
    "rba": (pl.RBA(rate=0.1), lambda w, r: 0.999 * w + 0.1 * normalized(r.abs()), lambda w, order: w**2),
    "power 1": (pl.RBA(rate=0.1, power=1), lambda w, r: 0.999 * w + 0.1 * normalized(r.abs()), lambda w, order: w),
    "min-max": (
        pl.RBA(rate=0.1, normalization="min-max"),
        lambda w, r: 0.999 * w + 0.1 * normalized(r.abs() - r.abs().min(1, keepdim=True).values),
        lambda w, order: w**2,
    ),
    "ramp": (
        pl.RBA(rate=0.1, assignment="mean"),
        lambda w, r: 0.999 * w + 0.1 * normalized(r.abs()),
        lambda w, order: (w**2).mean(1, keepdim=True) * torch.ones_like(w),
    ),
    "permuted": (
        pl.RBA(rate=0.1, assignment="permuted"),
        lambda w, r: 0.999 * w + 0.1 * normalized(r.abs()),
        lambda w, order: (w**2)[:, order],
    ),
    "self-adaptive": (weightings.SelfAdaptive(rate=0.3), lambda w, r: w + 0.3 * normalized(w * r**2), lambda w, order: w**2),
}


def twin(run, update, factor, initial, minibatch=24, resample=None):
    """Parameters and weights ``(3, n_points)`` after the steps of a run, by torch's own Adam."""
    theta = torch.as_tensor(run.snapshots["parameters"][0]).clone().requires_grad_()
    points = pl.sampling.interior(Flow.domain, 24, seed=0)
    permutation = np.random.default_rng([0, 30]).permutation(24)
    weights = torch.full((3, 24), initial, dtype=torch.float64)
    optimizer = torch.optim.Adam([theta], lr=5e-3)
    for step in range(run.config.steps):
        epoch, at = divmod(step, 24 // minibatch)
        chosen = slice(None)
        if minibatch < 24:
            chosen = np.random.default_rng([0, 32, epoch]).permutation(24)[minibatch * at : minibatch * (at + 1)]
        weights[:, chosen] = update(weights[:, chosen], slow_residual(theta, points[chosen]).detach())
        factors = factor(weights[:, chosen], permutation)
        theta.grad = gradient(slow_loss(theta, points[chosen], factors), theta)
        optimizer.step()
        if resample and (step + 1) % resample == 0:
            points, weights = drawn(theta, step + 1), torch.full_like(weights, initial)
    return theta.detach(), weights, points


def drawn(theta, step):
    """Points by the density 1 + size / mean size, the size of all equations together."""
    rng = np.random.default_rng([0, 31, step])
    pool = np.array([-1.0, 0.0]) + rng.random((8 * 24, 2)) * [3.0, 1.0]
    size = (slow_residual(theta, pool) ** 2).sum(0).sqrt().detach().numpy()
    density = size / size.mean() + 1.0
    return pool[rng.choice(8 * 24, 24, replace=False, p=density / density.sum())]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_gives_each_equation_weights_of_its_own(name):
    weighting, update, factor = RULES[name]
    run = train(weighting=weighting)
    theta, weights, _ = twin(run, update, factor, 1.0 if name == "self-adaptive" else 0.0)
    assert close(run.state["parameters"], theta, 1e-9)
    assert close(run.state["rba"], weights, 1e-9)
    assert not close(weights[0], weights[1], 0.01)  # they are not the same by chance


@pytest.mark.parametrize("compile", PATHS)
def test_points_are_drawn_anew_by_all_equations_together(compile):
    run = train(weighting=weightings.RAD(every=3), compile=compile, steps=7)
    theta, weights, points = twin(run, RULES["vanilla"][1], RULES["vanilla"][2], 0.0, resample=3)
    assert np.allclose(run.points, points, rtol=1e-12)
    assert close(run.state["parameters"], theta, 1e-9)
    assert close(run.state["rba"], weights, 1e-9)


@pytest.mark.parametrize("name", ["vanilla", "rba", "ramp", "self-adaptive"])
def test_mini_batches_against_the_twin(name):
    weighting, update, factor = RULES[name]
    run = train(weighting=weighting, minibatch=8)
    theta, weights, _ = twin(run, update, factor, 1.0 if name == "self-adaptive" else 0.0, minibatch=8)
    assert close(run.state["parameters"], theta, 1e-9)
    assert close(run.state["rba"], weights, 1e-9)


@pytest.mark.parametrize("weighting", [None, pl.RBA(rate=0.2), pl.RBA(rate=0.2, assignment="permuted")])
def test_curvature_is_the_hessian_of_the_sum(weighting):
    run = train(weighting=weighting)
    theta, factor = torch.as_tensor(run.state["parameters"]), 1.0
    if weighting:
        r = slow_residual(theta.clone().requires_grad_(), run.points).detach()
        factor = (0.999 * torch.as_tensor(run.state["rba"]) + 0.2 * normalized(r.abs())) ** 2
        if weighting.assignment == "permuted":
            factor = factor[:, np.random.default_rng([0, 30]).permutation(24)]
    exact = torch.autograd.functional.hessian(lambda t: slow_loss(t, run.points, factor), theta)
    here = pl.curvature.Curvature(run)
    vector = torch.randn(len(theta), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert close(here.product(vector), exact @ vector, 1e-7)
    assert here.sharpness(tolerance=1e-6).value == pytest.approx(float(torch.linalg.eigvalsh(exact)[-1]), rel=1e-5)
    watched = train(weighting=weighting, probe_sharpness=8)
    assert watched.history["sharpness"][-1] == pytest.approx(float(torch.linalg.eigvalsh(exact)[-1]), rel=2e-2)


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("settings", [{}, {"minibatch": 8}, {"weighting": pl.RBA(rate=0.1, assignment="permuted")}])
def test_an_ensemble_is_its_seeds_one_by_one(settings, compile):
    settings = {"compile": compile, "weighting": pl.RBA(rate=0.1), "probe_fresh": True, **settings}
    for run in pl.train_ensemble(Flow(), pl.Config(**SMALL | settings), [5, 0], progress=False):
        alone = train(**settings, seed=run.config.seed)
        for part in ("history", "state"):
            for name, values in getattr(alone, part).items():
                if name != "wall_time":
                    assert np.allclose(getattr(run, part)[name], values, rtol=1e-8, atol=1e-12, equal_nan=True), name


@pytest.mark.parametrize("settings", [{}, {"compile": True}, {"minibatch": 8}, {"weighting": weightings.RAD(every=3)}])
def test_resume_is_bit_for_bit(tmp_path, settings):
    if settings.get("compile") and toolchain.compiler() is None:
        pytest.skip("no C++ compiler")
    config = pl.Config(**SMALL | {"weighting": pl.RBA(rate=0.1), **settings})
    whole = pl.train(Flow(), config, progress=False)
    pl.train(Flow(), config, until=4, checkpoint=tmp_path / "half.npz", progress=False)
    same(whole, pl.resume(tmp_path / "half.npz", problem=Flow(), progress=False))


def test_snapshots_have_weights_by_equation_and_survive_a_file(tmp_path):
    run = train(weighting=pl.RBA(rate=0.1))
    many = len(run.snapshots["step"])
    assert run.snapshots["rba"].shape == (many, 3, 24)
    assert run.state["rba"].shape == (3, 24)
    assert run.residual().shape == (3, 24)
    assert close(run.residual(), slow_residual(torch.as_tensor(run.state["parameters"]), run.points).detach())
    same(run, pl.Run.load(run.save(tmp_path / "whole.npz"), Flow()))
    small = run.compacted(rows=5, snapshots=3)
    again = pl.Run.load(small.save(tmp_path / "small.npz"), Flow())
    same(small, again)
    assert again.snapshots["rba"].shape == (3, 3, 24)
    chosen = np.searchsorted(run.snapshots["step"], again.snapshots["step"])
    # one byte each, over the range of an equation's own points
    span = np.ptp(run.snapshots["rba"][chosen], axis=-1, keepdims=True)
    assert (abs(again.snapshots["rba"] - run.snapshots["rba"][chosen]) <= span / 255 / 2 * 1.001 + 1e-15).all()
    assert np.allclose(again.history["loss_mass"], run.history["loss_mass"][np.isin(run.history["step"], again.history["step"])])


class Bare(pl.Problem):
    coordinates, fields, domain, partials = ("x",), ("u",), ((0.0, 1.0),), ("u", "u_xx")

    def residual(self, points, d):
        return d.u_xx - d.u + 1.0

    def data(self, n, seed):
        return np.array([[0.0], [1.0]]), np.zeros((2, 1))

    def reference(self, points):
        return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)


class InADict(Bare):
    def residual(self, points, d):
        return {"heat": super().residual(points, d)}


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("settings", [*({"weighting": rule} for rule in weightings.NAMED.values()), {"minibatch": 8}])
def test_one_equation_in_a_dict_trains_as_the_bare_residual(settings, compile):
    if isinstance(settings.get("weighting"), weightings.RAD):
        settings = {"weighting": dataclasses.replace(settings["weighting"], every=5)}
    bare, named = (train(one, **settings, compile=compile, probe_fresh=True) for one in (Bare(), InADict()))
    assert np.array_equal(bare.points, named.points)
    assert np.allclose(bare.state["parameters"], named.state["parameters"], rtol=1e-11, atol=1e-14)
    assert np.allclose(bare.state["rba"], named.state["rba"][0], rtol=1e-10, atol=1e-15)
    assert set(named.history) == {*bare.history, "loss_heat"}
    for name, values in bare.history.items():
        if name != "wall_time":
            assert np.allclose(named.history[name], values, rtol=1e-8, equal_nan=True), name
    assert np.allclose(named.history["loss_heat"], named.history["loss_residual"], rtol=1e-14)
    assert np.allclose(named.residual()[0], bare.residual(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("taken", ["residual", "data"])
def test_an_equation_named_like_a_series_is_refused(taken):
    """One name in the history cannot mean two things: loss_residual is the sum over all equations."""

    class Named(Flow):
        def residual(self, points, d):
            found = super().residual(points, d)
            return {taken: found.pop("momentum"), **found}

    with pytest.raises(ValueError, match=taken):
        train(Named(), steps=2)
