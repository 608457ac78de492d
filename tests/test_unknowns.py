"""Unknown coefficients: their gradients by autograd of a loss written out by hand, and their way by torch's own Adam."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.problems import terms
from pinnlib.taylor import toolchain
from pinnlib.training.loop import Trainer
from tests.oracles import gradient, same

COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PATHS = [False, pytest.param(True, marks=COMPILED)]
SIZES = (2, 6, 6, 1)
MATRICES = sum(a * b for a, b in zip(SIZES[1:], SIZES[:-1], strict=True))
COUNT = MATRICES + sum(SIZES[1:])
SMALL = dict(width=6, depth=2, points=24, data_points=5, batches=4, steps=10, lr=2e-2, data_weight=2.5, dtype="float64")
SMALL |= dict(device="cpu", compile=False, snapshots=100)
#: k is read by equation and conditions, D by the equation alone, c by the conditions alone, idle to no effect.
UNKNOWNS = {
    "k": 0.5,
    "D": pl.Unknown(0.2, positive=True, scale=1.5),
    "c": pl.Unknown(-3.0, scale=20.0),
    "idle": pl.Unknown(4.0, positive=True),
}


class Rod(pl.Problem):
    coordinates = ("x", "t")
    fields = ("u",)
    domain = ((-1.0, 2.0), (0.0, 1.0))
    partials = ("u", "u_t", "u_x", "u_xx")
    unknowns = UNKNOWNS

    def residual(self, points, d):
        return d.u_t - d.D * d.u_xx + d.k * d.u * d.u_x - torch.exp(-d.k * points[..., 0])

    def conditions(self, n, seed):
        left, right, values = places(n, seed)
        return [
            pl.Condition("wall", left, lambda p, d: d.u_x - d.c * d.u + 0.0 * d.idle, 0.3, weight=0.4),
            pl.Condition("measured", right, "u", values),
            pl.Condition("pair", left, lambda p, d, e: (d.u - d.k * e.u, e.u_x * e.c), partner=right, weight=0.1),
        ]


def places(n, seed):
    numbers = np.random.default_rng([seed, 7]).random((n, 3))
    left, right = (np.stack([np.full(n, x), numbers[:, k]], axis=1) for k, x in enumerate((-1.0, 2.0)))
    return left, right, numbers[:, 2]


def coefficients(theta):
    """What each stands for, by hand."""
    t = theta[COUNT:]
    return 0.5 + t[0], 0.2 * torch.exp(1.5 * t[1]), -3.0 + 20.0 * t[2], 4.0 * torch.exp(t[3])


class Slow:
    """Values and partials ``(n,)`` of a network at ``x`` ``(n, 2)``, each by as many nested derivatives as it has letters."""

    def __init__(self, theta, x):
        self.x = torch.as_tensor(x).clone().requires_grad_()
        shapes = [*zip(SIZES[1:], SIZES[:-1], strict=True), *((n,) for n in SIZES[1:])]
        parts = theta[:COUNT].split([math.prod(s) for s in shapes])
        parts = [part.reshape(s) for part, s in zip(parts, shapes, strict=True)]
        h = torch.tanh(self.x @ parts[0].T + parts[3])
        self.u = (torch.tanh(h @ parts[1].T + parts[4]) @ parts[2].T + parts[5])[:, 0]

    def __getattr__(self, name):
        value = self.u
        for letter in name.partition("_")[2]:
            value = torch.autograd.grad(value.sum(), self.x, create_graph=True)[0][:, "xt".index(letter)]
        return value


def slow_residual(theta, points):
    (k, D, *_), d = coefficients(theta), Slow(theta, points)
    return d.u_t - D * d.u_xx + k * d.u * d.u_x - torch.exp(-k * d.x[:, 0].detach())


def slow_conditions(theta, seed=0):
    """Unweighted losses."""
    (k, _, c, _), (left, right, values) = coefficients(theta), places(5, seed)
    d, e = Slow(theta, left), Slow(theta, right)
    return [
        ((d.u_x - c * d.u - 0.3) ** 2).mean(),
        ((e.u - torch.as_tensor(values)) ** 2).mean(),
        ((d.u - k * e.u) ** 2).mean() + ((e.u_x * c) ** 2).mean(),
    ]


WEIGHTS = {"wall": 0.4, "measured": 1.0, "pair": 0.1}


def slow_loss(theta, points, factor=1.0, seed=0):
    data = sum(w * loss for w, loss in zip(WEIGHTS.values(), slow_conditions(theta, seed), strict=True))
    return (factor * slow_residual(theta, points) ** 2).mean() + 2.5 * data


def close(a, b, tolerance=1e-11):
    """The network's part, and each unknown on its own."""
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    parts = [slice(0, COUNT), *(slice(k, k + 1) for k in range(COUNT, len(b)))]
    return a.shape == b.shape and all(float((a[s] - b[s]).norm()) <= tolerance * float(b[s].norm()) + 1e-13 for s in parts)


def train(problem=None, **settings):
    return pl.train(problem or Rod(), pl.Config(**SMALL | settings), progress=False)


def test_values_by_their_maps():
    theta = torch.linspace(-2.0, 2.0, 5, dtype=torch.float64)
    assert torch.allclose(pl.Unknown(0.5, scale=3.0).value(theta), 0.5 + 3.0 * theta)
    found = pl.Unknown(0.5, positive=True, scale=3.0).value(theta)
    assert torch.allclose(found, 0.5 * torch.exp(3.0 * theta))
    assert (found > 0).all()
    assert pl.Unknown(0.5, positive=True).value(torch.zeros(())) == 0.5


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize(("chunk", "keep"), [(2**30, 2**30), (8 * 4 * 6 * 4, 0)], ids=["whole", "in chunks"])
@pytest.mark.parametrize("weighting", [None, pl.RBA(initial=0.3, rate=0.2)])
def test_gradients_by_autograd_in_equation_conditions_and_batches(monkeypatch, weighting, chunk, keep, compile):
    for kind in ("cpu", "native"):
        monkeypatch.setitem(terms.CHUNK_BYTES, kind, chunk)
    monkeypatch.setattr(terms, "KEEP_BYTES", keep)
    trainer = Trainer(Rod(), pl.Config(**SMALL | {"compile": compile, "weighting": weighting}))
    assert trainer.objective.path == ("native" if compile else "eager")
    assert (len(trainer.objective.residual_term.chunks) > 3) == (chunk < 2**30)
    # away from zero, where scale and exponential matter
    trainer.state.unknowns.copy_(torch.tensor([0.3, -0.4, 0.05, 0.6], dtype=torch.float64))
    here = trainer.objective(trainer.state, apart=True)
    points, theta = trainer.state.begun[0].points, trainer.state.theta.clone().requires_grad_()
    factor = torch.ones(24, dtype=torch.float64)
    if weighting:
        size = slow_residual(theta, points).detach().abs()
        factor = (0.999 * 0.3 + 0.2 * size / size.max()) ** 2
    assert float(here.loss) == pytest.approx(slow_loss(theta, points, factor).item(), rel=1e-12)
    assert close(here.grads, gradient((factor * slow_residual(theta, points) ** 2).mean(), theta))
    assert close(here.grads + here.data_grads, gradient(slow_loss(theta, points, factor), theta))
    for found, (name, weight), k in zip(here.condition_grads, WEIGHTS.items(), range(3), strict=True):
        assert close(found, gradient(2.5 * weight * slow_conditions(theta)[k], theta)), name
    for b, own in enumerate(here.batch_grads):
        part = slice(6 * b, 6 * b + 6)
        assert close(own, gradient((factor[part] * slow_residual(theta, points[part]) ** 2).mean(), theta))
    # each where it is read, and nowhere else
    assert (here.grads[COUNT:] != 0).tolist() == [True, True, False, False]
    assert (here.data_grads[COUNT:] != 0).tolist() == [True, False, True, False]


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("settings", [{}, {"minibatch": 8}])
def test_steps_history_and_run_are_those_of_torchs_adam(settings, compile):
    run = train(compile=compile, probe_every=1, **settings)
    theta = torch.as_tensor(run.snapshots["parameters"][0]).clone().requires_grad_()
    assert not theta[COUNT:].any()
    optimizer = torch.optim.Adam([theta], lr=2e-2)
    course = []
    for step in range(11):
        course.append([float(one) for one in coefficients(theta.detach())])
        if step == 10:
            break
        chosen = slice(None)
        if settings:
            chosen = np.random.default_rng([0, 32, step // 3]).permutation(24)[8 * (step % 3) : 8 * (step % 3 + 1)]
        theta.grad = gradient(slow_loss(theta, run.points[chosen]), theta)
        optimizer.step()
    assert close(run.state["parameters"], theta.detach(), 1e-9)
    for name, values in zip(UNKNOWNS, np.transpose(course), strict=True):
        assert np.allclose(run.history[name], values, rtol=1e-10), name
        assert run.unknowns[name] == pytest.approx(values[-1], rel=1e-10)
        assert (np.ptp(values) > 0) == (name != "idle")
    assert list(run.unknowns) == list(UNKNOWNS)


@pytest.mark.parametrize("biases", [False, True])
def test_signal_and_noise_are_of_the_network_alone(biases):
    run = train(biases=biases)
    theta = torch.as_tensor(run.state["parameters"]).requires_grad_()
    batches = [run.points[6 * b : 6 * b + 6] for b in range(4)]
    grads = torch.stack([gradient((slow_residual(theta, part) ** 2).mean(), theta) for part in batches])
    weighted = zip(WEIGHTS.values(), slow_conditions(theta), strict=True)
    data = gradient(2.5 * sum(w * loss for w, loss in weighted), theta)
    network = slice(0, COUNT if biases else MATRICES)
    last = run.at(10)
    assert last["signal"] == pytest.approx(float((grads.mean(0) + data)[network].norm()), rel=1e-9)
    assert last["noise"] == pytest.approx(float(grads.std(0, correction=0)[network].norm()), rel=1e-9)
    assert last["signal_data"] == pytest.approx(float(data[network].norm()), rel=1e-9)
    wall = gradient(2.5 * 0.4 * slow_conditions(theta)[0], theta)
    assert last["signal_wall"] == pytest.approx(float(wall[network].norm()), rel=1e-9)
    layers = pl.snr.batch_gradients(run.final_model(), run.problem, torch.as_tensor(run.points), batches=4, biases=biases)
    assert [tuple(g.shape) for g in layers] == [(4, 6, 2 + biases), (4, 6, 6 + biases), (4, 1, 6 + biases)]
    noises = [pl.snr.noise(g) for g in layers]
    assert np.allclose(last["noise_layers"], noises, rtol=1e-9)
    assert train(biases=not biases).history["snr"][-1] != pytest.approx(last["snr"], rel=1e-4)


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("settings", [{}, {"minibatch": 8}, {"weighting": pl.RBA(rate=0.1)}])
def test_members_of_an_ensemble_have_their_own(settings, compile):
    settings = {"compile": compile, "probe_fresh": True, **settings}
    runs = pl.train_ensemble(Rod(), pl.Config(**SMALL | settings), [5, 0], progress=False)
    for run in runs:
        alone = train(**settings, seed=run.config.seed)
        assert np.allclose(run.state["parameters"], alone.state["parameters"], rtol=1e-9, atol=1e-12)
        for name, values in alone.history.items():
            if name != "wall_time":
                assert np.allclose(run.history[name], values, rtol=1e-8, atol=1e-12, equal_nan=True), name
        assert run.unknowns == pytest.approx(alone.unknowns, rel=1e-9)
    assert abs(runs[0].unknowns["k"] - runs[1].unknowns["k"]) > 1e-4


def test_curvature_includes_them():
    run = train()
    theta, here = torch.as_tensor(run.state["parameters"]), pl.curvature.Curvature(run)
    exact = torch.autograd.functional.hessian(lambda t: slow_loss(t, run.points), theta)
    assert here.theta.shape == (COUNT + 4,)
    assert close(here.gradient(theta), gradient(slow_loss(theta.requires_grad_(), run.points), theta), 1e-10)
    vectors = torch.randn(2, COUNT + 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for v in (*vectors, *torch.eye(COUNT + 4, dtype=torch.float64)[COUNT:]):
        assert float((here.product(v) - exact @ v).norm()) <= 1e-7 * float((exact @ v).norm()) + 1e-12
    largest = float(torch.linalg.eigvalsh(exact)[-1])
    assert here.sharpness(tolerance=1e-6).value == pytest.approx(largest, rel=1e-5)
    assert train(probe_sharpness=10).history["sharpness"][-1] == pytest.approx(largest, rel=2e-2)


@pytest.mark.parametrize("settings", [{}, {"minibatch": 8}, {"compile": True}])
def test_resume_is_bit_for_bit_and_a_branch_goes_on_with_them(tmp_path, settings):
    if settings.get("compile") and toolchain.compiler() is None:
        pytest.skip("no C++ compiler")
    config = pl.Config(**SMALL | {"weighting": pl.RBA(rate=0.1), **settings})
    whole = pl.train(Rod(), config, progress=False)
    pl.train(Rod(), config, until=5, checkpoint=tmp_path / "half.npz", progress=False)
    half = pl.Run.load(tmp_path / "half.npz", Rod())
    assert half.unknowns != pytest.approx(whole.unknowns, rel=1e-6)
    same(whole, pl.resume(half, progress=False))
    on = pl.branch(half, progress=False)
    same(on, whole, ("state",))
    assert on.unknowns == whole.unknowns
    first = dict(zip(UNKNOWNS, (on.history[name][0] for name in UNKNOWNS), strict=True))
    assert first == pytest.approx(half.unknowns, rel=1e-14)
    slower = pl.branch(half, lr=1e-4, progress=False)
    assert 0 < abs(slower.unknowns["k"] - half.unknowns["k"]) < 0.1 * abs(whole.unknowns["k"] - half.unknowns["k"])


class Twice(Rod):
    """A system, with a different unknown in each equation, and what is observed read through a third."""

    unknowns = {"k": 0.5, "D": pl.Unknown(0.2, positive=True, scale=1.5), "c": pl.Unknown(-3.0, scale=20.0)}

    def residual(self, points, d):
        return {"heat": d.u_t - d.D * d.u_xx, "drift": d.k * d.u_x - torch.exp(-d.k * points[..., 0])}

    def conditions(self, n, seed):
        _, right, values = places(n, seed)
        return [pl.Condition("seen", right, None, values)]

    def observe(self, d):
        return (d.c * d.u)[..., None]

    def reference(self, points):
        return np.ones((len(points), 1))


@pytest.mark.parametrize("compile", PATHS)
def test_a_system_and_an_observation_with_unknowns_by_autograd(compile):
    trainer = Trainer(Twice(), pl.Config(**SMALL | {"compile": compile}))
    trainer.state.unknowns.copy_(torch.tensor([0.3, -0.4, 0.05], dtype=torch.float64))
    here = trainer.objective(trainer.state, apart=True)
    theta = trainer.state.theta.clone().requires_grad_()

    def loss(points):
        k, D, c = 0.5 + theta[COUNT], 0.2 * torch.exp(1.5 * theta[COUNT + 1]), -3.0 + 20.0 * theta[COUNT + 2]
        d, (_, right, values) = Slow(theta, points), places(5, 0)
        heat, drift = d.u_t - D * d.u_xx, k * d.u_x - torch.exp(-k * d.x[:, 0].detach())
        data = (c * Slow(theta, right).u - torch.as_tensor(values)) ** 2
        return (heat**2).mean() + (drift**2).mean(), 2.5 * data.mean()

    points = trainer.state.begun[0].points
    assert close(here.grads, gradient(loss(points)[0], theta))
    assert close(here.data_grads, gradient(loss(points)[1], theta))
    for b, own in enumerate(here.batch_grads):
        assert close(own, gradient(loss(points[6 * b : 6 * b + 6])[0], theta))
    run = train(Twice(), compile=compile, steps=3)
    grid = run.problem.test_grid()
    seen = run.unknowns["c"] * run.predict(grid)[:, 0]
    assert np.allclose(run.observe(grid)[:, 0], seen, rtol=1e-12)
    assert run.history["rel_l2"][-1] == pytest.approx(math.sqrt(np.mean((seen - 1.0) ** 2)), rel=1e-10)


def test_a_coefficient_is_found():
    """u = exp(-3 t) is known at a few places, and the rate is not; from 1 it goes to 3."""

    class Decay(pl.Problem):
        coordinates, fields, domain, partials = ("t",), ("u",), ((0.0, 1.0),), ("u", "u_t")
        unknowns = {"rate": pl.Unknown(1.0, positive=True)}

        def residual(self, points, d):
            return d.u_t + d.rate * d.u

        def data(self, n, seed):
            at = np.linspace(0.0, 1.0, n)[:, None]
            return at, np.exp(-3.0 * at)

    run = train(Decay(), width=8, steps=500, lr=2e-2, data_weight=10.0, data_points=8, probe_every=400)
    assert run.unknowns["rate"] == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize(
    "taken",
    ["loss", "loss_data", "signal_residual", "adam_step", "snr_layers", "noise_layers", "sharpness", "loss_wall", "weight_wall"],
)
def test_an_unknown_named_like_a_series_is_refused(taken):
    """One name in the history cannot mean two things."""

    class Named(Rod):
        unknowns = UNKNOWNS | {taken: 7.0}

    with pytest.raises(ValueError, match=taken):
        train(Named(), steps=2, probe_sharpness=2)


def test_starts_are_those_of_the_network_without_them():
    class Plain(Rod):
        unknowns = {}

        def residual(self, points, d):
            return d.u_t

        def conditions(self, n, seed):
            return super().conditions(n, seed)[1:2]

    with_them, without = (Trainer(one, pl.Config(**SMALL)).state for one in (Rod(), Plain()))
    assert torch.equal(with_them.theta[:COUNT], without.theta)
    assert without.unknowns is None
    moved = Trainer(Rod(), dataclasses.replace(with_them.config, perturbation=1e-3)).state
    assert not moved.unknowns.any()
    assert not torch.equal(moved.theta[:COUNT], without.theta)
