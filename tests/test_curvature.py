"""Curvature against the dense Hessian of a loss written out with autograd, and against closed forms."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import curvature, weightings
from pinnlib.taylor import toolchain

NATIVE = pytest.param("native", marks=pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler"))
SETTINGS = dict(width=5, depth=2, points=32, data_points=8, batches=4, steps=40, lr=5e-3, data_weight=3.0, dtype="float64")


def trained(weighting=None, **settings):
    config = pl.Config(**SETTINGS | settings, weighting=weighting, device="cpu", compile=False)
    return pl.train(pl.problems.Helmholtz(a=(1, 1)), config, progress=False)


@pytest.fixture(scope="module")
def runs():
    return {"vanilla": trained(), "RBA": trained(pl.RBA()), "power 1": trained(pl.RBA(power=1, initial=0.5))}


def loss(run, theta):
    """The slow obvious twin, from the parameters ``theta`` ``(n_params,)``."""
    layers = pl.models.split(theta, [2, 5, 5, 1])

    def network(x):
        for weight, bias in zip(layers[:2], layers[3:5], strict=True):
            x = torch.tanh(x @ weight.T + bias)
        return x @ layers[2].T + layers[5]

    x = torch.as_tensor(run.points, dtype=torch.float64).requires_grad_()
    u = network(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    bends = [torch.autograd.grad(slope[:, k].sum(), x, create_graph=True)[0][:, k] for k in range(2)]
    r = bends[0] + bends[1] + run.problem.k**2 * u[:, 0] - run.problem.forcing(x.detach())
    factor = 1.0
    if run.config.weighting is not None:  # what the coming step multiplies by, from the residual of the present network
        rule, size = run.config.weighting, abs(run.residual(points=run.points, snapshot=-1))
        weights = rule.decay * run.state["rba"] + rule.rate * size / size.max()
        factor = torch.as_tensor(weights) ** rule.power
    where, values = map(torch.as_tensor, run.problem.data(run.config.data_points, run.config.seed))
    return (factor * r**2).mean() + run.config.data_weight * ((network(where) - values) ** 2).mean()


def dense(run):
    return torch.autograd.functional.hessian(lambda theta: loss(run, theta), torch.as_tensor(run.state["parameters"]))


@pytest.mark.parametrize("path", ["eager", NATIVE])
@pytest.mark.parametrize("kind", ["vanilla", "RBA", "power 1"])
def test_products_are_those_of_the_dense_hessian(runs, kind, path):
    run = runs[kind]
    here, exact = curvature.Curvature(run, path=path), dense(run)
    theta = here.theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(run, theta), theta)
    assert torch.allclose(here.gradient(here.theta), gradient, rtol=1e-10, atol=1e-14)
    vectors = torch.randn(3, len(theta), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for v in (*vectors, torch.eye(len(theta), dtype=torch.float64)[7]):
        error = torch.linalg.vector_norm(here.product(v) - exact @ v) / torch.linalg.vector_norm(exact @ v)
        assert error < 1e-7
    assert not here.product(torch.zeros_like(theta)).any()


@pytest.mark.parametrize("rule", [*weightings.NAMED.values(), pl.RBA(power=1, normalization="min-max", first_rate=1.0)])
@pytest.mark.parametrize("steps", [0, 41])
def test_the_gradient_is_that_of_the_coming_step(rule, steps):
    """Adam's first moment tells which gradient a step really had."""
    settings = {"weighting": dataclasses.replace(rule, every=20) if isinstance(rule, weightings.RAD) else rule}
    before, after = trained(**settings, steps=steps or 1), trained(**settings, steps=(steps or 1) + 1)
    had = (after.state["exp_avg"] - 0.9 * before.state["exp_avg"]) / 0.1
    here = curvature.Curvature(before)
    found = here.gradient(here.theta).numpy()
    assert np.linalg.norm(found - had) < 1e-12 * np.linalg.norm(had)


def test_the_authors_start_keeps_its_data():
    problem, config = pl.book.authors.start("helmholtz", steps=1)
    small = dataclasses.replace(config, width=4, depth=1, points=32, batches=4, dtype="float64", device="cpu", compile=False)
    before, after = (pl.train(problem, dataclasses.replace(small, steps=k), progress=False) for k in (1, 2))
    here = curvature.Curvature(before)
    had = (after.state["exp_avg"] - 0.9 * before.state["exp_avg"]) / 0.1
    assert np.linalg.norm(here.gradient(here.theta).numpy() - had) < 1e-12 * np.linalg.norm(had)


@pytest.mark.parametrize("kind", ["vanilla", "RBA"])
def test_sharpness_is_the_dense_eigenvalue(runs, kind):
    run = runs[kind]
    here, exact = curvature.Curvature(run), dense(run)
    root = curvature.preconditioner(run).rsqrt()
    for found, matrix in (
        (here.sharpness(tolerance=1e-6), exact),
        (here.preconditioned_sharpness(tolerance=1e-6), root[:, None] * exact * root),
    ):
        assert found.value == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]), rel=1e-5)
        error = torch.linalg.vector_norm(matrix @ found.vector - found.value * found.vector)
        assert error < 1e-3 * found.value


def test_a_snapshot_has_its_own_curvature(runs):
    run = runs["RBA"]
    last, first = curvature.Curvature(run, -1), curvature.Curvature(run, 0)
    assert torch.equal(last.theta, curvature.Curvature(run).theta)
    vector = torch.ones_like(first.theta)
    assert not torch.allclose(first.product(vector), last.product(vector), rtol=0.1)


def test_the_preconditioner_is_what_adam_divides_by(runs):
    run = runs["RBA"]
    p, m, t = curvature.preconditioner(run), torch.as_tensor(run.state["exp_avg"]), run.step
    on = pl.resume(dataclasses.replace(run, config=dataclasses.replace(run.config, steps=t + 1)), progress=False)
    moved = torch.as_tensor(on.state["parameters"] - run.state["parameters"])
    gradient = (torch.as_tensor(on.state["exp_avg"]) - 0.9 * m) / 0.1
    v = 0.999 * torch.as_tensor(run.state["exp_avg_sq"]) + 0.001 * gradient**2
    expected = (1 - 0.9 ** (t + 1)) * ((v / (1 - 0.999 ** (t + 1))).sqrt() + 1e-8)
    assert torch.allclose(moved, -run.config.lr * torch.as_tensor(on.state["exp_avg"]) / expected, rtol=1e-6, atol=1e-15)
    assert torch.allclose(curvature.preconditioner(on), expected, rtol=1e-6)
    assert p.shape == m.shape


@pytest.mark.parametrize("n", [1, 2, 30])
def test_lanczos_on_a_matrix_with_a_closed_form(n):
    """Second differences on n points: eigenvalues 2 - 2 cos(k pi / (n + 1))."""
    matrix = 2 * torch.eye(n) - torch.diag(torch.ones(n - 1), 1) - torch.diag(torch.ones(n - 1), -1)
    start = torch.randn(n, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = curvature.largest_eigenvalue(lambda v: matrix.double() @ v, start, tolerance=1e-10)
    assert found.value == pytest.approx(2 + 2 * math.cos(math.pi / (n + 1)), rel=1e-12)
    assert found.products <= n


def test_the_largest_is_not_the_largest_absolute():
    values = torch.tensor([-100.0, 3.0, 1.0, 0.5], dtype=torch.float64)
    found = curvature.largest_eigenvalue(lambda v: values * v, torch.ones(4, dtype=torch.float64), tolerance=1e-10)
    assert found.value == pytest.approx(3.0)
    assert abs(float(found.vector[1])) == pytest.approx(1.0)


@pytest.mark.parametrize(("factor", "grows"), [(0.99, False), (1.01, True)])
@pytest.mark.parametrize(("beta1", "times_lr"), [(0.9, 38.0), (0.0, 2.0), (0.5, 6.0)])
def test_the_threshold_separates_stable_from_unstable(beta1, times_lr, factor, grows):
    lr, x, m = 1e-2, 1.0, 0.0
    assert curvature.threshold(lr, beta1) == pytest.approx(times_lr / lr)
    for _ in range(20_000):
        m = beta1 * m + (1 - beta1) * factor * curvature.threshold(lr, beta1) * x
        x -= lr * m
        if abs(x) > 1e6:
            break
    assert (abs(x) > 1e6) == grows


def test_bad_input_gets_one_sentence(runs):
    with pytest.raises(ValueError, match="give a finite vector that is not zero"):
        curvature.largest_eigenvalue(lambda v: v, torch.zeros(3))
    with pytest.raises(ArithmeticError, match="2 products leave the eigenvalue"):
        curvature.largest_eigenvalue(lambda v: torch.arange(9.0) * v, torch.ones(9), tolerance=1e-12, most=2)
    with pytest.raises(ValueError, match="lost Adam's moments"):
        curvature.preconditioner(runs["RBA"].compacted())
    with pytest.raises(ValueError, match="has made no step"):
        curvature.preconditioner(dataclasses.replace(runs["RBA"], state=runs["RBA"].state | {"step": np.array(0)}))
    with pytest.raises(ValueError, match="not one of pinnlib's"):
        curvature.Curvature(dataclasses.replace(runs["RBA"], problem=None))
