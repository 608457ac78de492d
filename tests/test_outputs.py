"""From network to fields: transforms, magnitudes, normalized and periodic coordinates against nested autograd of the whole."""

import itertools
import math

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import evaluation
from pinnlib.problems.terms import ResidualTerm
from pinnlib.taylor import toolchain
from pinnlib.training.loop import Trainer

COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PATHS = [False, pytest.param(True, marks=COMPILED)]
SMALL = dict(width=6, depth=2, points=24, data_points=5, batches=4, steps=4, lr=5e-3, data_weight=2.5, dtype="float64")
SMALL |= dict(device="cpu", compile=False, snapshots=100)
ALL = ["u", "v"] + [
    f"{field}_{''.join(letters)}"
    for field in "uv"
    for order in (1, 2, 3, 4)
    for letters in itertools.combinations_with_replacement("xt", order)
]


class Mixed(pl.Problem):
    """Two fields, unless told the network's own outputs."""

    coordinates = ("x", "t")
    fields = ("u", "v")
    domain = ((-1.0, 2.0), (3.0, 7.0))
    partials = ("u", "v", "u_x", "u_xx", "v_t", "v_xt")
    operators = {"box_u": {"u_tt": 1.0, "u_xx": -2.0}, "long_v": {"v_xt": 0.5, "v_x": 3.0}}
    unknowns = {"k": pl.Unknown(0.7, positive=True)}

    def residual(self, points, d):
        # each partial with a number of its own, so that none can stand for another
        terms = sum(math.cos(k + 1) * getattr(d, name) for k, name in enumerate(self.partials))
        return terms + d.k * d.u * d.v_xt + 0.3 * d.box_u + torch.sin(points[..., 0]) * d.long_v

    def conditions(self, n, seed):
        at, values = places(n)
        return [
            pl.Condition("slope", at, lambda p, d: (d.u_x * d.k, d.v_xt + p[..., 1] * d.u), values, weight=0.3),
            pl.Condition("operator", at, lambda p, d: d.box_u, 0.4),
            pl.Condition("observed", at, None, values),
        ]


def places(n):
    numbers = np.random.default_rng(7).random((n, 4))
    return np.array([-1.0, 3.0]) + numbers[:, :2] * np.array([3.0, 4.0]), numbers[:, 2:]


class Transformed(Mixed):
    def transform(self, points, network):
        x, t = points[..., 0], points[..., 1]
        u, v = network[..., 0], network[..., 1]
        return torch.stack([torch.sin(x) * u**2 * v + t * x, torch.exp(0.3 * u) * x - (t - 3.0) ** 3 * v], dim=-1)


class InUnits(Transformed):
    magnitudes = {"u": 0.5, "v": 3.0}


class Normalized(Mixed):
    normalize = True


class Together(InUnits):
    normalize = True
    periodic = {"t": 2}


class Twice(Transformed):
    """A transform, and both coordinates periodic."""

    periodic = {"t": 2, "x": 3}


class Plain(Mixed):
    """Magnitudes without a transform, and one periodic coordinate."""

    magnitudes = {"v": 40.0}
    periodic = ("x",)


KINDS = {kind.__name__: kind for kind in (Mixed, Transformed, InUnits, Normalized, Together, Twice, Plain)}


def high(kind):
    """The same with all partials to order four."""
    operators = {"box_u": {"u_tt": 1.0, "u_xx": -2.0}, "long_v": {"v_xxxt": 0.5, "v_x": 3.0, "v_tt": 1.0}}
    return type(f"High{kind.__name__}", (kind,), {"partials": tuple(ALL), "operators": operators})()


def features(problem, x):
    """By hand, mode by mode: cosines, then sines of each periodic coordinate, then the others, mapped to [-1, 1] or not."""
    modes = problem.periodic if isinstance(problem.periodic, dict) else dict.fromkeys(problem.periodic, 4)
    columns = []
    for name, many in modes.items():
        k = "xt".index(name)
        low, high = problem.domain[k]
        phase = 2.0 * math.pi * (x[:, k] - low) / (high - low)
        columns += [torch.cos(j * phase) for j in range(1, many + 1)] + [torch.sin(j * phase) for j in range(1, many + 1)]
    for k, name in enumerate("xt"):
        if name not in modes:
            low, high = problem.domain[k]
            columns.append(2.0 * (x[:, k] - low) / (high - low) - 1.0 if problem.normalize else x[:, k])
    return torch.stack(columns, dim=1)


class Slow:
    """Values and partials of the fields, by nested derivatives of transform(points, magnitudes * network(features(points)))."""

    def __init__(self, problem, theta, x):
        self.problem, self.x, self.known = problem, torch.as_tensor(x).clone().requires_grad_(), {}
        h = features(problem, self.x)
        sizes = (h.shape[1], 6, 6, 2)
        shapes = [*zip(sizes[1:], sizes[:-1], strict=True), *((n,) for n in sizes[1:])]
        count = sum(map(math.prod, shapes))
        parts = theta[:count].split([math.prod(s) for s in shapes])
        parts = [part.reshape(s) for part, s in zip(parts, shapes, strict=True)]
        h = torch.tanh(torch.tanh(h @ parts[0].T + parts[3]) @ parts[1].T + parts[4]) @ parts[2].T + parts[5]
        out = problem.transform(self.x, h * torch.tensor([problem.magnitudes.get(f, 1.0) for f in "uv"]).double())
        self.u, self.v = out[:, 0], out[:, 1]
        self.k = 0.7 * torch.exp(theta[count])

    def partial(self, name):
        """Each prefix once."""
        if "_" not in name:
            return getattr(self, name)
        if name not in self.known:
            before = name[:-1] if name[-2] != "_" else name[0]
            slope = torch.autograd.grad(self.partial(before).sum(), self.x, create_graph=True)[0]
            self.known[name] = slope[:, "xt".index(name[-1])]
        return self.known[name]

    def __getattr__(self, name):
        if name in self.problem.operators:
            return sum(c * self.partial(part) for part, c in self.problem.operators[name].items())
        return self.partial(name)


def residual_scale(problem):
    """As documented: the largest term where coordinates and fields are of order one, of partials and operators by hand."""
    if not problem.normalize:
        return 1.0
    slopes = {c: 2.0 / (high - low) for c, (low, high) in zip("xt", problem.domain, strict=True)}

    def size(name):
        return problem.magnitudes.get(name[0], 1.0) * math.prod(slopes[c] for c in name[2:])

    terms = [size(name) for name in problem.partials]
    return max(terms + [abs(c) * size(part) for parts in problem.operators.values() for part, c in parts.items()])


def slow_losses(problem, theta, points):
    """Of the residual and of each condition, with the weights; misfits of a normalized problem in units of their own terms."""
    at, values = places(5)
    d, x, y = Slow(problem, theta, at), torch.as_tensor(at), torch.as_tensor(values)
    slope, operator, observed = 1.0, 1.0, 1.0
    if problem.normalize:
        a, b = (2.0 / (high - low) for low, high in problem.domain)
        u, v = (problem.magnitudes.get(f, 1.0) for f in "uv")
        slope, operator, observed = max(u * a, v * a * b, u), max(u * b * b, 2.0 * u * a * a), max(u, v)
    r = problem.residual(torch.as_tensor(points), Slow(problem, theta, points)) / residual_scale(problem)
    return [
        (r**2).mean(),
        2.5 * 0.3 * (((d.u_x * d.k - y[:, 0]) ** 2 + (d.v_xt + x[:, 1] * d.u - y[:, 1]) ** 2) / slope**2).mean(),
        2.5 * (((d.box_u - 0.4) / operator) ** 2).mean(),
        2.5 * (((d.u - y[:, 0]) ** 2 + (d.v - y[:, 1]) ** 2) / observed**2).mean(),
    ]


def gradient(value, theta):
    return torch.autograd.grad(value, theta, allow_unused=True, retain_graph=True, materialize_grads=True)[0]


def close(a, b, tolerance=1e-10):
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    return a.shape == b.shape and float((a - b).norm()) <= tolerance * float(b.norm()) + 1e-13


def train(problem, **settings):
    return pl.train(problem, pl.Config(**SMALL | settings), progress=False)


@pytest.mark.parametrize("name", KINDS)
def test_every_partial_to_order_four_by_nested_autograd(name):
    problem = high(KINDS[name])
    network = pl.models.MLP(
        problem.inputs, 2, width=6, depth=2, seed=1, dtype=torch.float64, embedding=problem.embedding, unknowns=1
    )
    x = torch.as_tensor(places(7)[0])
    with torch.no_grad():
        found = evaluation.read(network, problem.residual_outputs, x)
    slow = Slow(problem, network.flatten().detach(), x)
    for partial in (*ALL, *problem.operators, "k"):
        expected = getattr(slow, partial).detach().expand(7)
        assert float((getattr(found, partial) - expected).norm()) <= 1e-9 * float(expected.norm()) + 1e-12, partial


@pytest.mark.parametrize("name", ["Mixed", "Together"])
@pytest.mark.parametrize("path", ["eager", pytest.param("native", marks=COMPILED)])
def test_gradients_at_order_four_by_all_parameters(name, path):
    problem = high(KINDS[name])
    network = pl.models.MLP(
        problem.inputs, 2, width=6, depth=2, seed=1, dtype=torch.float64, embedding=problem.embedding, unknowns=1
    )
    theta, points = network.flatten().detach().requires_grad_(), torch.as_tensor(places(8)[0])
    term = ResidualTerm(problem, points, batches=2, sizes=network.sizes, activation=network.activation, path=path)
    r, total, own = term(list(network.weights), list(network.biases), unknowns=network.unknowns, apart=True)
    slow = problem.residual(points, Slow(problem, theta, points)) / residual_scale(problem)
    assert close(r, slow.detach())
    assert close(total, gradient((slow**2).mean(), theta))
    for b in range(2):
        assert close(own[b], gradient((slow[4 * b : 4 * b + 4] ** 2).mean(), theta))


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("name", KINDS)
def test_losses_and_gradients_by_all_parameters(name, compile):
    problem = KINDS[name]()
    trainer = Trainer(problem, pl.Config(**SMALL | {"compile": compile}))
    assert trainer.objective.path == ("native" if compile else "eager")
    trainer.state.unknowns.fill_(0.2)
    here = trainer.objective(trainer.state, apart=True)
    points, theta = trainer.state.begun[0].points, trainer.state.theta.clone().requires_grad_()
    residual, *conditions = slow_losses(problem, theta, points)
    assert float(here.loss) == pytest.approx(float((residual + sum(conditions)).detach()), rel=1e-10)
    assert close(here.grads, gradient(residual, theta))
    for found, loss in zip(here.condition_grads, conditions, strict=True):
        assert close(found, gradient(loss, theta))
    for b, own in enumerate(here.batch_grads):
        part, *_ = slow_losses(problem, theta, points[6 * b : 6 * b + 6])
        assert close(own, gradient(part, theta))


@pytest.mark.parametrize("name", KINDS)
def test_what_a_run_says_is_what_the_twin_says(name, tmp_path):
    problem = KINDS[name]()
    run = train(problem)
    theta, at = torch.as_tensor(run.state["parameters"]), places(30)[0]
    slow = Slow(problem, theta, at)
    fields = torch.stack([slow.u, slow.v], dim=1).detach()
    assert close(run.predict(at), fields)
    assert close(evaluation.fields(run.final_model(), problem, at, chunk=7), fields)
    assert close(run.observe(at), fields)
    assert close(evaluation.observe(run.final_model(), problem, at, chunk=7), fields)
    # in the problem's own units, normalized or not
    r = problem.residual(torch.as_tensor(at), slow).detach()
    assert close(run.residual(points=at), r, 1e-9)
    assert problem.residual_outputs.scale == pytest.approx(residual_scale(problem), rel=1e-14) or not problem.normalize
    inside = run.residual() / residual_scale(problem)
    assert run.history["loss_residual"][-1] == pytest.approx(np.mean(inside**2), rel=1e-9)
    first = torch.as_tensor(run.snapshots["parameters"][0])
    assert close(run.predict(at, snapshot=0)[:, 1], Slow(problem, first, at).v.detach())
    again = pl.Run.load(run.save(tmp_path / "run.npz"), type(problem)())
    assert np.array_equal(again.predict(at), run.predict(at))
    if problem.maps_outputs:  # a prediction without the problem would be another one
        with pytest.raises(ValueError, match="not one of pinnlib's"):
            pl.Run.load(tmp_path / "run.npz").predict(at)


@pytest.mark.parametrize("name", ["Together", "Twice"])
def test_curvature_and_adam_see_the_whole_way(name):
    problem = KINDS[name]()
    run = train(problem)
    theta = torch.as_tensor(run.snapshots["parameters"][0]).clone().requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=5e-3)
    for _ in range(4):
        theta.grad = gradient(sum(slow_losses(problem, theta, run.points)), theta)
        optimizer.step()
    assert close(run.state["parameters"], theta.detach(), 1e-8)
    here = pl.curvature.Curvature(run)
    theta = here.theta.clone().requires_grad_()
    vector = torch.randn(len(theta), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    first = torch.autograd.grad(sum(slow_losses(problem, theta, run.points)), theta, create_graph=True)[0]
    assert close(here.product(vector), gradient(first @ vector, theta), 1e-6)


@pytest.mark.parametrize("settings", [{}, {"compile": True}])
def test_ensembles_and_resume_go_through_a_transform(tmp_path, settings):
    if settings.get("compile") and toolchain.compiler() is None:
        pytest.skip("no C++ compiler")
    config = pl.Config(**SMALL | settings | {"weighting": pl.RBA(rate=0.1), "probe_fresh": True})
    for run in pl.train_ensemble(Together(), config, [3, 0], progress=False):
        alone = pl.train(Together(), run.config, progress=False)
        assert np.allclose(run.state["parameters"], alone.state["parameters"], rtol=1e-8, atol=1e-11)
        for name in ("loss", "snr", "snr_fresh", "loss_slope", "k"):
            assert np.allclose(run.history[name], alone.history[name], rtol=1e-8), name
    pl.train(Together(), config, until=2, checkpoint=tmp_path / "half.npz", progress=False)
    on = pl.resume(tmp_path / "half.npz", problem=Together(), progress=False)
    for name, values in alone.state.items():
        assert np.array_equal(on.state[name], values), name


class Held(pl.Problem):
    """u(0) = 1 and u(1) = -2 hold by the transform, so that no condition is needed."""

    coordinates, fields, domain, partials = ("x",), ("u",), ((0.0, 1.0),), ("u", "u_xx")

    def residual(self, points, d):
        return d.u_xx - d.u

    def transform(self, points, network):
        return 1.0 - 3.0 * points + points * (1.0 - points) * network

    def reference(self, points):
        a = (-2.0 - math.cosh(1.0)) / math.sinh(1.0)
        return np.cosh(points) + a * np.sinh(points)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compile", PATHS)
def test_a_boundary_condition_holds_to_rounding_and_needs_no_data(dtype, compile):
    run = train(Held(), dtype=dtype, compile=compile, steps=200)
    ends = run.predict(np.array([[0.0], [1.0]]))[:, 0]
    assert abs(ends - [1.0, -2.0]).max() < (1e-6 if dtype == "float32" else 1e-15)
    assert (run.history["loss_data"] == 0.0).all()
    assert (run.history["signal_data"] == 0.0).all()
    assert np.allclose(run.history["loss"], run.history["loss_residual"], rtol=1e-6)
    assert run.history["rel_l2"][-1] < 0.02
    grid = run.problem.test_grid()
    assert run.history["rel_l2"][-1] == pytest.approx(
        evaluation.relative_l2(run.predict(grid), run.problem.solution(grid)), rel=1e-3
    )


class Line(pl.Problem):
    """u'' = 0 from 0 to the length; its solution is a straight line from 0 to 1."""

    coordinates, fields, normalize = ("x",), ("u",), True

    def __init__(self, length=1.0, partials=("u_xx",)):
        self.length, self.partials = length, partials
        self.domain = ((0.0, length),)

    def residual(self, points, d):
        return d.u_xx

    def data(self, n, seed):
        return np.array([[0.0], [self.length]]), np.array([[0.0], [1.0]])

    def reference(self, points):
        return points / self.length


def test_a_long_domain_trains_as_well_as_a_short_one():
    """The loss of a normalized problem has no units: both runs are the same up to rounding."""
    settings = dict(width=16, depth=2, points=32, steps=1500, lr=1e-3, data_weight=1.0, probe_every=500)
    compile = toolchain.compiler() is not None
    long, short = (train(Line(length), compile=compile, **settings) for length in (100.0, 1.0))
    assert long.history["rel_l2"][-1] < 0.001
    assert short.history["rel_l2"][-1] < 0.001
    assert np.allclose(long.history["loss"][:20], short.history["loss"][:20], rtol=1e-6)
    # in the problem's own units a bend is 10^4 times smaller on the long domain
    assert np.allclose(long.residual(snapshot=0), short.residual(snapshot=0) / 1e4, rtol=1e-9)


class Waves(pl.Problem):
    coordinates, fields, domain = ("x", "t"), ("u",), ((-1.0, 2.0), (0.5, 1.0))
    partials = ("u", "u_x", "u_t", "u_xx", "u_tt", "u_xt")
    periodic = ("x", "t")

    def residual(self, points, d):
        return d.u_tt - d.u_xx + d.u_xt * d.u_t - torch.sin(d.u) * d.u_x

    def data(self, n, seed):
        return np.array([[0.0, 0.6], [1.0, 0.7]]), np.array([[1.0], [-0.5]])


def test_a_partial_that_the_residual_does_not_read_does_not_change_its_unit():
    """On [0, 100] u is 2,500 times a bend; named without need it must not make the equation weigh nothing."""
    bare, named = (train(Line(100.0, partials), steps=3) for partials in (("u_xx",), ("u", "u_xx")))
    assert np.allclose(named.history["loss"], bare.history["loss"], rtol=1e-10)
    assert np.allclose(named.state["parameters"], bare.state["parameters"], rtol=1e-10)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("compile", PATHS)
def test_two_periodic_coordinates_are_exactly_periodic(monkeypatch, compile, normalize):
    monkeypatch.setattr(Waves, "normalize", normalize)
    run = train(Waves(), compile=compile, steps=20)
    assert run.problem.inputs == 16
    at = np.random.default_rng(1).random((40, 2)) * [3.0, 0.5] + [-1.0, 0.5]
    path, model = "native" if compile else "eager", run.final_model()
    for shift in ([3.0, 0.0], [0.0, 0.5], [-3.0, 1.0]):
        assert np.allclose(run.predict(at + shift), run.predict(at), rtol=1e-12, atol=1e-13)
        with torch.no_grad():
            here, there = (
                evaluation.read(model, run.problem.residual_outputs, torch.as_tensor(x), path=path) for x in (at, at + shift)
            )
        for name in Waves.partials:
            a, b = getattr(here, name), getattr(there, name)
            assert a.std() > 0
            assert torch.allclose(a, b, rtol=1e-10, atol=1e-10 * float(a.abs().max())), name


def test_a_transform_that_does_not_read_the_network_somewhere_has_its_derivatives_all_the_same():
    """A field that is given as a formula of the coordinates: its slopes are the formula's, those of the other the network's."""

    class Given(Mixed):
        unknowns = {}
        operators = {}
        partials = tuple(ALL)

        def residual(self, points, d):
            return d.u_xx + d.v_xx + d.v_tt + d.u_xxxx + d.v_xt

        def conditions(self, n, seed):
            return []

        def transform(self, points, network):
            x, t = points[..., 0], points[..., 1]
            return torch.stack([network[..., 0], x**3 * t], dim=-1)

    problem, x = Given(), torch.as_tensor(places(8)[0])
    network = pl.models.MLP(2, 2, width=6, depth=2, dtype=torch.float64)
    with torch.no_grad():
        d = evaluation.read(network, problem.residual_outputs, x)
    assert torch.allclose(d.v_xx, 6.0 * x[:, 0] * x[:, 1])
    assert torch.allclose(d.v_xt, 3.0 * x[:, 0] ** 2)
    assert not d.v_tt.any()
    assert not d.v_xxxx.any()
