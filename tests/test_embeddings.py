"""Periodic features: their partials by autograd, passes with them against nested autograd, and training end to end."""

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import derivatives, models
from pinnlib.problems import terms
from pinnlib.taylor import toolchain
from pinnlib.taylor.embeddings import Periodic

PATHS = ["eager", pytest.param("native", marks=pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler"))]
PROBLEM = pl.problems.AllenCahn(modes=3)


def points_of(n=12):
    unit = torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return unit * torch.tensor([2.0, 1.0]) - torch.tensor([1.0, 0.0])


def network(problem=PROBLEM, **settings):
    own = {"width": 7, "depth": 2, "seed": 4, "dtype": torch.float64} | settings
    return pl.models.MLP(problem.inputs, 1, embedding=problem.embedding, **own)


@pytest.mark.parametrize("axis", [0, 1])
def test_partials_by_autograd(axis):
    embedding = Periodic(2, axis, (-1.0, 1.5), 2)
    points = points_of().requires_grad_()
    features = embedding.partial(points)
    assert features.shape == (12, embedding.n_features)
    for j in range(embedding.n_features):
        slopes = torch.autograd.grad(features[:, j].sum(), points, create_graph=True)[0]
        for a in (0, 1):
            assert torch.allclose(embedding.partial(points, (a,))[:, j], slopes[:, a], atol=1e-12)
            second = torch.autograd.grad(slopes[:, a].sum(), points, create_graph=True)[0] if slopes.requires_grad else 0 * points
            for b in (0, 1):
                index = tuple(sorted((a, b)))
                assert torch.allclose(embedding.partial(points, index)[:, j], second[:, b], atol=1e-11)


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
    model, plan = network(), derivatives.plan("xt", ("u",), ("u", "u_x", "u_xx"), {}, PROBLEM.embedding)
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
