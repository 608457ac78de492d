"""Features instead of coordinates: their partials by autograd, passes with them against nested autograd, and training."""

import itertools

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import derivatives, models
from pinnlib.problems import terms
from pinnlib.taylor import toolchain
from pinnlib.taylor.embeddings import Embedding, Waves

PATHS = ["eager", pytest.param("native", marks=pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler"))]
PROBLEM = pl.problems.AllenCahn(modes=3)
TORUS = Embedding(3, (Waves(2, (-1.0, 1.5), 2), Waves(0, (0.0, 2.0), 3)), ((9.0, 9.0), (0.5, 2.0), (9.0, 9.0)))
EMBEDDINGS = {
    "first": Embedding(2, (Waves(0, (-1.0, 1.5), 2),)),
    "second": Embedding(2, (Waves(1, (-1.0, 1.5), 2),)),
    "mapped": Embedding(2, maps=((3.0, 0.25), (-1.0, 2.0))),
    "both": Embedding(2, (Waves(1, (0.0, 1.0), 1),), ((3.0, 0.25), (0.0, 1.0))),
    "torus": TORUS,
}


def points_of(n=12, coordinates=2):
    unit = torch.rand(n, coordinates, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return unit * torch.tensor([2.0, 1.0, 2.0][:coordinates]) - torch.tensor([1.0, 0.0, 1.0][:coordinates])


def network(problem=PROBLEM, **settings):
    own = {"width": 7, "depth": 2, "seed": 4, "dtype": torch.float64} | settings
    return pl.models.MLP(problem.inputs, 1, embedding=problem.embedding, **own)


def nested(value, x, index):
    """The slow obvious twin: autograd of autograd, for values ``(n_points,)``."""
    for k in index:
        slopes = torch.autograd.grad(value.sum(), x, create_graph=True, allow_unused=True)[0] if value.requires_grad else None
        value = torch.zeros_like(value) if slopes is None else slopes[:, k]
    return value


@pytest.mark.parametrize("embedding", EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_partials_by_autograd(embedding):
    n = embedding.n_coordinates
    points = points_of(6, n).requires_grad_()
    features = embedding.partial(points)
    assert features.shape == (6, embedding.n_features)
    for order in range(1, 5):
        for index in itertools.combinations_with_replacement(range(n), order):
            expected = torch.stack([nested(f, points, index) for f in features.unbind(1)], dim=1)
            assert torch.allclose(embedding.partial(points, index), expected, rtol=1e-11, atol=1e-13 * 8.0**order), index


def test_the_features_in_their_order():
    x, y, z = points_of(5, 3).unbind(1)
    c, s = 2 * np.pi / 2.5, np.pi
    expected = [
        *(f(j * c * (z + 1.0)) for f in (torch.cos, torch.sin) for j in (1, 2)),
        *(f(j * s * x) for f in (torch.cos, torch.sin) for j in (1, 2, 3)),
        (y - 0.5) * 2.0,
    ]
    assert TORUS.n_features == 11
    assert torch.allclose(TORUS.partial(torch.stack([x, y, z], dim=1)), torch.stack(expected, dim=1), rtol=1e-13, atol=1e-13)
    slopes = TORUS.partial(torch.stack([x, y, z], dim=1), (1,))
    assert slopes[:, -1].tolist() == [2.0] * 5
    assert not TORUS.partial(torch.stack([x, y, z], dim=1), (0, 2)).any()


@pytest.mark.parametrize("path", PATHS)
def test_a_torus_to_the_fourth_order(path):
    """Two periodic coordinates and a mapped one: the network mixes what the features keep apart."""
    letters = ("x", "y", "z")
    asked = ("u", "u_y", "u_xz", "u_xxzz", "u_xyyz", "u_yyy")
    terms = {"u_xxxx": 1.0, "u_yyyy": -0.5, "u_xxyy": 2.0, "u_xxz": 0.3, "u_z": 1.5}
    plan = derivatives.plan(letters, ("u",), asked, {"sum_u": terms}, TORUS)
    model = models.MLP(TORUS.n_features, 1, width=7, depth=2, seed=4, dtype=torch.float64, embedding=TORUS)
    points = points_of(9, 3)
    x = points.clone().requires_grad_()

    def slow(name):
        return nested(model(x)[:, 0], x, [letters.index(c) for c in name.partition("_")[2]])

    d = derivatives.evaluate(model, points, plan, path=path)
    expected = {name: slow(name) for name in asked} | {"sum_u": sum(c * slow(name) for name, c in terms.items())}
    for name, value in expected.items():
        assert torch.allclose(getattr(d, name), value, rtol=1e-9, atol=1e-10 * float(value.detach().abs().max())), name
        found, grads = (
            torch.autograd.grad(
                (v**2).mean(), list(model.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for v in (getattr(d, name), value)
        )
        for g, e in zip(found, grads, strict=True):
            assert float((g - e).norm()) <= 1e-9 * float(e.norm()) + 1e-12, name


@pytest.mark.parametrize("path", PATHS)
def test_a_torus_is_periodic_with_its_partials(path):
    names = ("u", "u_x", "u_z", "u_xxzz", "u_xxxy")
    plan = derivatives.plan(("x", "y", "z"), ("u",), names, {}, TORUS)
    model = models.MLP(TORUS.n_features, 1, width=7, depth=2, seed=4, dtype=torch.float64, embedding=TORUS)
    points = points_of(9, 3)
    here = derivatives.evaluate(model, points, plan, path=path)
    for periods in ([2.0, 0.0, 0.0], [0.0, 0.0, 2.5], [-2.0, 0.0, 5.0]):
        there = derivatives.evaluate(model, points + torch.tensor(periods), plan, path=path)
        for name in names:
            size = float(getattr(here, name).detach().abs().max())
            assert size > 1e-3
            assert torch.allclose(getattr(here, name), getattr(there, name), rtol=0.0, atol=1e-11 * size), name


@pytest.mark.parametrize("path", PATHS)
def test_a_map_is_the_chain_rule(path):
    """A network of (x - s) c has c^n times its partials, to the last digits."""
    embedding = Embedding(2, maps=((0.25, 4.0), (0.0, 0.5)))  # powers of two: no rounding
    model = models.MLP(2, 1, width=7, depth=2, seed=4, dtype=torch.float64)
    names = {"u": 1.0, "u_x": 4.0, "u_xy": 2.0, "u_xxyy": 4.0, "u_xxxx": 256.0}
    plain, mapped = (derivatives.plan(("x", "y"), ("u",), tuple(names), {}, e) for e in (None, embedding))
    points = points_of()
    a = derivatives.evaluate(model, embedding.partial(points), plain, path=path)
    b = derivatives.evaluate(model, points, mapped, path=path)
    for name, factor in names.items():
        assert torch.allclose(getattr(b, name), factor * getattr(a, name), rtol=1e-13, atol=1e-15 * factor), name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Embedding(2), "an embedding without waves and maps: give one of them, or None"),
        (lambda: Embedding(2, (Waves(2, (0.0, 1.0), 1),)), "waves of axis 2: 2 coordinates have the axes 0 to 1"),
        (lambda: Embedding(2, (Waves(-1, (0.0, 1.0), 1),)), "waves of axis -1: 2 coordinates have the axes 0 to 1"),
        (
            lambda: Embedding(2, (Waves(1, (0.0, 1.0), 1), Waves(1, (0.0, 2.0), 1))),
            "waves of axis 1 are given 2 times: give them once",
        ),
        (lambda: Waves(0, (0.0, 1.0), 0), "modes = 0: give a whole number of Fourier modes, 1 or more"),
        (lambda: Waves(0, (0.0, 1.0), 1.5), "modes = 1.5: give a whole number"),
        (lambda: Waves(0, (1.0, 1.0), 2), r"interval = \(1.0, 1.0\): give one period as \(low, high\)"),
        (lambda: Waves(0, (1.0, -1.0), 2), "with low < high"),
        (lambda: Waves(0, (0.0, float("inf")), 2), "two finite numbers"),
        (lambda: Waves(0, (0.0, 1.0, 2.0), 2), "two finite numbers"),
        (lambda: Embedding(2, maps=((0.0, 1.0),)), "for each of the 2 coordinates"),
        (lambda: Embedding(1, maps=((0.0, 0.0),)), "the factor not 0"),
        (lambda: Embedding(1, maps=((float("nan"), 1.0),)), "finite"),
    ],
)
def test_embeddings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_embeddings_are_equal_by_value_and_have_a_hash():
    one, other = (Embedding(2, [Waves(0, interval, 2)], [[0.0, 1.0], [0.5, 2.0]]) for interval in ([0, 1], (0.0, 1.0)))
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("path", PATHS)
def test_residual_and_gradients_by_autograd(path):
    model, points = network(), points_of()
    x = points.clone().requires_grad_()
    u = model(x)[:, 0]
    slopes = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    u_xx = torch.autograd.grad(slopes[:, 0].sum(), x, create_graph=True)[0][:, 0]
    r = slopes[:, 1] - 1e-4 * u_xx + 5 * u**3 - 5 * u
    expected = torch.autograd.grad(r.square().mean(), [*model.weights, *model.biases])
    term = terms.ResidualTerm(PROBLEM, points, batches=3, sizes=model.sizes, activation=model.activation, path=path)
    found, total, apart = term(list(model.weights), list(model.biases), apart=True)
    assert torch.allclose(found, r.detach(), rtol=1e-11, atol=1e-12)
    for g, e in zip(models.split(total, model.sizes), expected, strict=True):
        assert torch.allclose(g, e, rtol=1e-10, atol=1e-12)
    assert torch.allclose(apart.mean(0), total, rtol=1e-11, atol=1e-13)
    d = derivatives.evaluate(model, points, PROBLEM.plan, path=path)
    assert torch.allclose(PROBLEM.residual(points, d), r.detach(), rtol=1e-11, atol=1e-12)


def test_it_is_periodic_with_its_slope():
    model, plan = network(), derivatives.plan(("x", "t"), ("u",), ("u", "u_x", "u_xx"), {}, PROBLEM.embedding)
    t = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
    left, right = (derivatives.evaluate(model, torch.stack([torch.full_like(t, x), t], dim=1), plan) for x in (-1.0, 1.0))
    for name in ("u", "u_x", "u_xx"):
        assert torch.allclose(getattr(left, name), getattr(right, name), atol=1e-10)
        assert getattr(left, name).abs().max() > 1e-3


def test_it_trains_is_saved_and_goes_on(tmp_path):
    config = pl.Config(width=12, depth=2, points=64, data_points=32, batches=4, steps=60, lr=5e-3, device="cpu", compile=False)
    whole = pl.train(PROBLEM, config, progress=False)
    assert whole.history["loss"][-1] < 0.8 * whole.history["loss"][0]
    half = pl.train(PROBLEM, config, until=30, progress=False)
    loaded = pl.Run.load(half.save(tmp_path / "half.npz"))
    assert loaded.problem.modes == 3
    assert np.array_equal(pl.resume(loaded, progress=False).state["parameters"], whole.state["parameters"])
    ends = np.array([[-1.0, 0.5], [1.0, 0.5]])
    a, b = whole.predict(ends)
    assert a == pytest.approx(b, abs=1e-6)


@pytest.mark.parametrize("modes", [-1, 1.5, True])
def test_bad_modes(modes):
    with pytest.raises(ValueError, match="give a whole number of Fourier modes"):
        pl.problems.AllenCahn(modes=modes)
