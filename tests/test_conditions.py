"""Conditions of every kind against a loss written out by hand with nested autograd, and a training by torch's own Adam."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.taylor import toolchain
from pinnlib.training.loop import Trainer
from tests.oracles import close, gradient, same

COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PATHS = [False, pytest.param(True, marks=COMPILED)]
SMALL = dict(width=6, depth=2, points=24, data_points=5, batches=4, steps=12, lr=5e-3, data_weight=2.5, dtype="float64")
SMALL |= dict(device="cpu", compile=False, snapshots=100)


class Channel(pl.Problem):
    """Two fields on a box that is no square, with a condition of every kind; places and values follow from the seed."""

    coordinates = ("x", "t")
    fields = ("u", "v")
    domain = ((-1.0, 2.0), (0.0, 1.0))
    partials = ("u", "u_t", "u_xx", "v", "v_x")
    operators = {"box_u": {"u_tt": 1.0, "u_xx": -2.0}}

    def residual(self, points, d):
        return d.u_t - 0.3 * d.u_xx + d.u * d.v + 0.5 * d.v_x - torch.sin(points[..., 0])

    def conditions(self, n, seed):
        w = where(n, seed)
        return [
            pl.Condition("wall", w["left"], "u", 1.0),
            pl.Condition("outlet", w["right"], "u_x", w["numbers"][:, 0], weight=3.0),
            pl.Condition("cooled", w["right"], lambda p, d: d.u_x + 2.0 * p[..., 1] * d.u, 0.5, weight=0.2),
            pl.Condition("begin", w["start"], ("u", "v"), w["numbers"]),
            pl.Condition("moving", w["start"], lambda p, d: (d.u_t, d.v * d.u), w["numbers"] + 1.0, weight=0.7),
            pl.Condition("measured", w["inside"], None, w["numbers"] - 1.0, weight=10.0),
            pl.Condition(
                "sides", w["left"], lambda p, d, e: (d.u - e.u, d.u_x + p[..., 1] * e.u_x), partner=w["right"], weight=0.4
            ),
            pl.Condition("wave", w["inside"], lambda p, d: d.box_u + d.u**2, 0.1),
        ]


def where(n, seed):
    """Places and values; not the same number everywhere."""
    rng = np.random.default_rng([seed, 7])
    at = rng.random((n, 2))
    ends = {"left": [-1.0, np.nan], "right": [2.0, np.nan], "start": [np.nan, 0.0], "inside": [np.nan, np.nan]}
    scaled = np.array([-1.0, 0.0]) + at * np.array([3.0, 1.0])
    found = {name: np.where(np.isnan(end), scaled, end) for name, end in ends.items()}
    return found | {"numbers": rng.standard_normal((n, 2))}


#: The slow obvious twin's own list: weight, place, partner, and the misfits column by column.
TWIN = {
    "wall": (1.0, "left", None, lambda x, d, e, y: [d.u - 1.0]),
    "outlet": (3.0, "right", None, lambda x, d, e, y: [d.u_x - y[:, 0]]),
    "cooled": (0.2, "right", None, lambda x, d, e, y: [d.u_x + 2.0 * x[:, 1] * d.u - 0.5]),
    "begin": (1.0, "start", None, lambda x, d, e, y: [d.u - y[:, 0], d.v - y[:, 1]]),
    "moving": (0.7, "start", None, lambda x, d, e, y: [d.u_t - y[:, 0] - 1.0, d.u * d.v - y[:, 1] - 1.0]),
    "measured": (10.0, "inside", None, lambda x, d, e, y: [d.u - y[:, 0] + 1.0, d.v - y[:, 1] + 1.0]),
    "sides": (0.4, "left", "right", lambda x, d, e, y: [d.u - e.u, d.u_x + x[:, 1] * e.u_x]),
    "wave": (1.0, "inside", None, lambda x, d, e, y: [d.u_tt - 2.0 * d.u_xx + d.u**2 - 0.1]),
}


class Slow:
    """Values and partials ``(n,)`` of a network at ``x`` ``(n, 2)``, each by as many nested derivatives as it has letters."""

    def __init__(self, theta, x, sizes=(2, 6, 6, 2)):
        self.x = torch.as_tensor(x).clone().requires_grad_()
        parts, h = cut(theta, sizes), self.x
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


def cut(theta, sizes):
    """Weight matrix and bias of each layer from all parameters: matrices first, then biases."""
    shapes = [*zip(sizes[1:], sizes[:-1], strict=True), *((n,) for n in sizes[1:])]
    parts = theta[: sum(map(math.prod, shapes))].split([math.prod(s) for s in shapes])
    parts = [part.reshape(s) for part, s in zip(parts, shapes, strict=True)]
    half = len(parts) // 2
    return list(zip(parts[:half], parts[half:], strict=True))


def matrices(flat, sizes=(2, 6, 6, 2)):
    """How many of all parameters are entries of weight matrices."""
    return flat[..., : sum(a * b for a, b in zip(sizes[1:], sizes[:-1], strict=True))]


def slow_losses(theta, n=5, seed=0):
    """Unweighted loss of each condition, by name."""
    at, found = where(n, seed), {}
    for name, (_, here, there, misfits) in TWIN.items():
        d, e = Slow(theta, at[here]), None if there is None else Slow(theta, at[there])
        found[name] = sum((m**2).mean() for m in misfits(d.x.detach(), d, e, torch.as_tensor(at["numbers"])))
    return found


def slow_residual(theta, points):
    d = Slow(theta, points)
    return d.u_t - 0.3 * d.u_xx + d.u * d.v + 0.5 * d.v_x - torch.sin(d.x[:, 0].detach())


def slow_loss(theta, points, data_weight=2.5, **where):
    data = sum(TWIN[name][0] * loss for name, loss in slow_losses(theta, **where).items())
    return (slow_residual(theta, points) ** 2).mean() + data_weight * data


def train(problem=None, **settings):
    return pl.train(problem or Channel(), pl.Config(**SMALL | settings), progress=False)


@pytest.mark.parametrize("compile", PATHS)
def test_loss_and_gradients_of_every_kind_of_condition_by_autograd(compile):
    trainer = Trainer(Channel(), pl.Config(**SMALL | {"compile": compile}))
    assert trainer.objective.path == ("native" if compile else "eager")
    here = trainer.objective(trainer.state, apart=True)
    theta = trainer.state.theta.clone().requires_grad_()
    losses = slow_losses(theta)
    assert close(here.losses_data, torch.stack(list(losses.values())).detach())
    whole = slow_loss(theta, trainer.state.begun[0].points)
    assert close(here.loss, whole.detach())
    assert close(here.grads + here.data_grads, gradient(whole, theta))
    weighted = {name: 2.5 * TWIN[name][0] * loss for name, loss in slow_losses(theta).items()}
    for name, found in zip(TWIN, here.condition_grads, strict=True):
        assert close(found, gradient(weighted[name], theta)), name
    assert close(here.data_grads, here.condition_grads.sum(0))


@pytest.mark.parametrize("biases", [False, True])
def test_history_has_loss_weight_and_signal_of_each_condition(biases):
    run = train(biases=biases, probe_every=4)
    assert run.snapshots["step"].tolist() == run.history["step"].tolist()
    for k, parameters in enumerate(run.snapshots["parameters"]):
        theta = torch.as_tensor(parameters).requires_grad_()
        losses = slow_losses(theta)
        grads = {name: gradient(2.5 * TWIN[name][0] * loss, theta) for name, loss in losses.items()}
        count = (lambda g: g) if biases else matrices
        for name, loss in losses.items():
            assert run.history[f"loss_{name}"][k] == pytest.approx(loss.item(), rel=1e-11)
            assert run.history[f"weight_{name}"][k] == pytest.approx(2.5 * TWIN[name][0], rel=1e-15)
            assert run.history[f"signal_{name}"][k] == pytest.approx(float(count(grads[name]).norm()), rel=1e-10)
        summed = count(sum(grads.values()))
        assert run.history["signal_data"][k] == pytest.approx(float(summed.norm()), rel=1e-10)
        assert run.history["loss_data"][k] == pytest.approx(sum(float(loss.detach()) for loss in losses.values()), rel=1e-11)
        assert run.history["loss"][k] == pytest.approx(slow_loss(theta, run.points).item(), rel=1e-11)
        residual = count(gradient((slow_residual(theta, run.points) ** 2).mean(), theta))
        assert run.history["signal"][k] == pytest.approx(float((residual + summed).norm()), rel=1e-10)


@pytest.mark.parametrize("compile", PATHS)
def test_steps_are_those_of_torchs_adam_on_the_twin(compile):
    run = train(compile=compile)
    theta = torch.as_tensor(run.snapshots["parameters"][0]).clone().requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=5e-3)
    for _ in range(12):
        theta.grad = gradient(slow_loss(theta, run.points), theta)
        optimizer.step()
    assert close(run.state["parameters"], theta.detach(), 1e-9)


class Short(pl.Problem):
    """The short form."""

    coordinates, fields, domain, partials = ("x",), ("u",), ((0.0, 1.0),), ("u", "u_xx")

    def residual(self, points, d):
        return d.u_xx - d.u + 1.0

    def data(self, n, seed):
        return np.array([[0.0], [0.3], [1.0]]), np.array([[0.0], [0.1], [0.0]])

    def reference(self, points):
        return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)


class Long(Short):
    """The same as one condition by a name or a formula, or without either."""

    def __init__(self, formula="u", name="all"):
        self.formula, self.name = formula, name

    def conditions(self, n, seed):
        points, values = self.data(n, seed)
        return [pl.Condition(self.name, points, self.formula, values)]


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("formula", [None, "u", ("u",), lambda p, d: d.u, lambda p, d: [d.u]])
def test_data_and_the_same_as_one_condition_train_alike(formula, compile):
    short, long = (train(one, compile=compile, width=5) for one in (Short(), Long(formula)))
    assert np.allclose(short.state["parameters"], long.state["parameters"], rtol=1e-12, atol=1e-15)
    for name in pl.training.history.HISTORY:
        if name != "wall_time":
            assert np.allclose(short.history[name], long.history[name], rtol=1e-10, equal_nan=True), name
    assert "loss_all" not in short.history
    if formula is not None:
        assert np.array_equal(long.history["loss_all"], long.history["loss_data"])
        assert np.allclose(long.history["signal_all"], long.history["signal_data"], rtol=1e-13)
        assert (long.history["weight_all"] == 2.5).all()


def test_conditions_in_parts_are_those_of_all_their_points():
    """Mean squares of equally many points with weights of one half are that of all points."""

    class Parted(Short):
        def conditions(self, n, seed):
            (points, values) = self.data(n, seed)
            return [pl.Condition(f"part{k}", points[k : k + 1], "u", values[k : k + 1], weight=1 / 3) for k in range(3)]

    whole, parted = train(Short()), train(Parted())
    assert np.allclose(whole.state["parameters"], parted.state["parameters"], rtol=1e-10, atol=1e-14)
    assert np.allclose(whole.history["signal_data"], parted.history["signal_data"], rtol=1e-10)
    assert np.allclose(whole.history["loss_data"], parted.history["loss_data"] / 3.0, rtol=1e-10)


@pytest.mark.parametrize("taken", ["data", "layers", "fresh"])
def test_a_condition_named_like_a_series_is_refused(taken):
    """One name in the history cannot mean two things: loss_data is the sum over all conditions, signal_layers a row."""

    class Named(Channel):
        def conditions(self, n, seed):
            first, *others = super().conditions(n, seed)
            return [dataclasses.replace(first, name=taken), *others]

    with pytest.raises(ValueError, match=taken):
        train(Named(), steps=2, probe_fresh=True)


@pytest.mark.parametrize("compile", PATHS)
def test_measuring_does_not_change_the_training(compile):
    often, seldom = (train(compile=compile, steps=30, probe_every=k, weighting=pl.RBA()) for k in (1, 1000))
    assert len(often.history["step"]) > len(seldom.history["step"])
    same(often, seldom, ("state",))
    watched = train(compile=compile, steps=30, probe_every=7, weighting=pl.RBA(), probe_fresh=True, probe_sharpness=15)
    same(watched, seldom, ("state",))


@pytest.mark.parametrize("compile", PATHS)
def test_an_ensemble_is_its_seeds_one_by_one_each_with_its_own_places(compile):
    runs = pl.train_ensemble(Channel(), pl.Config(**SMALL | {"compile": compile}), [4, 0], progress=False)
    for run in runs:
        alone = train(compile=compile, seed=run.config.seed)
        assert run.history.keys() == alone.history.keys()
        for part in ("history", "state"):
            for name, values in getattr(alone, part).items():
                if name != "wall_time":
                    assert np.allclose(getattr(run, part)[name], values, rtol=1e-9, atol=1e-12, equal_nan=True), name
        theta = torch.as_tensor(run.state["parameters"])
        assert run.history["loss_outlet"][-1] == pytest.approx(
            slow_losses(theta, seed=run.config.seed)["outlet"].item(), rel=1e-9
        )


@pytest.mark.parametrize("compile", PATHS)
def test_resume_is_bit_for_bit_from_a_file(tmp_path, compile):
    config = pl.Config(**SMALL | {"compile": compile, "steps": 20, "weighting": pl.RBA()})
    whole = pl.train(Channel(), config, progress=False)
    pl.train(Channel(), config, until=11, checkpoint=tmp_path / "half.npz", progress=False)
    same(whole, pl.resume(tmp_path / "half.npz", problem=Channel(), progress=False))
    same(whole, pl.Run.load(tmp_path / "half.npz", Channel()))


def test_mini_batches_have_the_whole_of_every_condition():
    run = train(minibatch=8, steps=7)
    theta = torch.as_tensor(run.snapshots["parameters"][0]).clone().requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=5e-3)
    for step in range(7):
        order = np.random.default_rng([0, 32, step // 3]).permutation(24)
        theta.grad = gradient(slow_loss(theta, run.points[order[8 * (step % 3) : 8 * (step % 3 + 1)]]), theta)
        optimizer.step()
    assert close(run.state["parameters"], theta.detach(), 1e-9)


def test_curvature_has_every_condition_with_its_weight():
    run = train()
    theta, here = torch.as_tensor(run.state["parameters"]), pl.curvature.Curvature(run)
    exact = torch.autograd.functional.hessian(lambda t: slow_loss(t, run.points), theta)
    vector = torch.randn(len(theta), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert close(here.product(vector), exact @ vector, 1e-7)
