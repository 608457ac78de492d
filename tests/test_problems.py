"""Benchmarks: the reference solves the equation, the data agree with it."""

import numpy as np
import pytest
import sympy
import torch

import pinnlib as pl
from pinnlib import sampling
from pinnlib.taylor.propagation import Fields

PARAMETERS = [((4.0, 1.0), 1.0), ((6.0, 6.0), 1.0), ((1.5, 2.5), 3.0)]


@pytest.mark.parametrize(("a", "k"), PARAMETERS)
def test_helmholtz_solution_has_no_residual(a, k):
    """The independent check: sympy differentiates the solution; the residual formula must then vanish."""
    problem = pl.problems.Helmholtz(a=a, k=k)
    x, y = sympy.symbols("x y")
    u = sympy.sin(a[0] * sympy.pi * x) * sympy.sin(a[1] * sympy.pi * y)
    laplace = sympy.lambdify((x, y), sympy.diff(u, x, 2) + sympy.diff(u, y, 2), "numpy")
    points = sampling.interior(problem.domain, 200, seed=4)
    streams = torch.zeros(problem.plan.n_streams, 200, 1, dtype=torch.float64)
    names = problem.plan.names
    streams[names["u"][0], :, 0] = torch.as_tensor(problem.solution(points)[:, 0])
    streams[names["laplace_u"][0], :, 0] = torch.as_tensor(laplace(points[:, 0], points[:, 1]))
    residual = problem.residual(torch.as_tensor(points), Fields(streams, problem.plan))
    assert residual.abs().max() <= 1e-10 * problem.forcing(torch.as_tensor(points)).abs().max()


def test_helmholtz_boundary_data():
    problem = pl.problems.Helmholtz(a=(4, 1))
    points, values = problem.data(400, seed=0)
    assert points.shape == (400, 2)
    assert values.shape == (400, 1)
    assert np.all(np.isclose(np.abs(points), 1.0).any(axis=1))
    for axis in (0, 1):
        for side in (-1.0, 1.0):
            assert np.sum(points[:, axis] == side) == 100
    assert np.abs(values).max() < 1e-13
    assert np.allclose(values, problem.solution(points))


def test_helmholtz_describes_itself():
    problem = pl.problems.Helmholtz(a=(4, 1), k=2)
    assert repr(problem) == "Helmholtz(a=(4.0, 1.0), k=2.0)"
    assert problem.settings() == {"a": (4.0, 1.0), "k": 2.0}
    assert problem.reference_error == 0.0
    assert problem.test_grid().shape == (201 * 201, 2)


@pytest.mark.parametrize("settings", [{"a": (4,)}, {"a": (0, 1)}, {"a": (-4, 1)}, {"a": (4, 1), "k": float("nan")}])
def test_helmholtz_bad_settings(settings):
    with pytest.raises(ValueError, match=r"give (two positive numbers|a finite wave number)"):
        pl.problems.Helmholtz(**settings)


class NoReference(pl.problems.Helmholtz):
    reference = pl.Problem.reference

    def data(self, n, seed):
        points = sampling.boundary(self.domain, n, seed=seed)
        return points, np.zeros((n, 1))


def test_a_problem_without_reference_trains_and_says_what_is_missing():
    problem = NoReference()
    with pytest.raises(ValueError, match=r"NoReference.* has no reference solution: add a method reference"):
        problem.solution(np.zeros((1, 2)))
    run = pl.train(problem, pl.Config(width=4, depth=1, points=8, batches=2, data_points=8, steps=2), progress=False)
    assert np.isnan(run.history["rel_l2"]).all()
    assert np.isfinite(run.history["snr"]).all()


def test_points_of_another_dimension():
    with pytest.raises(ValueError, match=r"shape \(3, 1\).*needs \(n_points, 2\)"):
        pl.problems.Helmholtz().solution(np.zeros((3, 1)))


@pytest.mark.parametrize("method", sampling.METHODS)
def test_sampling_fills_the_box_and_follows_the_seed(method):
    domain = ((-2.0, 1.0), (0.0, 5.0))
    points = sampling.interior(domain, 300, seed=1, method=method)
    assert points.shape == (300, 2)
    for k, (low, high) in enumerate(domain):
        assert low <= points[:, k].min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < points[:, k].max() <= high
    assert np.array_equal(points, sampling.interior(domain, 300, seed=1, method=method))
    assert not np.array_equal(points, sampling.interior(domain, 300, seed=2, method=method))


def test_latin_hypercube_has_one_point_a_slab():
    points = sampling.interior(((0.0, 1.0),) * 3, 50, seed=0)
    for k in range(3):
        assert np.array_equal(np.sort((points[:, k] * 50).astype(int)), np.arange(50))


def test_boundary_points_must_divide():
    with pytest.raises(ValueError, match="401 boundary points do not divide over 4 faces: use 400 or 404"):
        sampling.boundary(((0, 1), (0, 1)), 401, seed=0)


def test_allen_cahn_starts_from_its_initial_data():
    problem = pl.problems.AllenCahn()
    points, values = problem.data(512, seed=0)
    assert points.shape == (512, 2)
    assert values.shape == (512, 1)
    assert (points[:, 1] == 0.0).all()
    assert np.allclose(values[:, 0], points[:, 0] ** 2 * np.cos(np.pi * points[:, 0]), rtol=1e-14)
    assert problem.plan.n_streams == 3
    assert problem.solution(points) == pytest.approx(values, abs=3e-7)


def test_burgers_has_initial_and_boundary_data():
    problem = pl.problems.Burgers()
    points, values = problem.data(400, seed=0)
    initial = points[:, 1] == 0.0
    assert initial.sum() == 200
    assert np.allclose(values[initial, 0], -np.sin(np.pi * points[initial, 0]), rtol=1e-14)
    assert (np.abs(points[~initial, 0]) == 1.0).all()
    assert (points[~initial, 0] == 1.0).sum() == 100
    assert (values[~initial] == 0.0).all()
    assert problem.plan.n_streams == 3
    with pytest.raises(ValueError, match=r"viscosity = 0"):
        pl.problems.Burgers(viscosity=0.0)


@pytest.mark.parametrize("combined", pl.problems.cavity.COMBINED)
@pytest.mark.parametrize("formulation", pl.problems.cavity.FORMULATIONS)
def test_the_cavity_residual_by_autograd(formulation, combined):
    """Both formulations, combined in both ways, against the equations written out with nested autograd."""
    problem = pl.problems.Cavity(50, formulation, combined)
    model = pl.models.MLP(2, len(problem.fields), width=10, depth=2, seed=3, dtype=torch.float64)
    points = torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def slope(f, axis):
        return torch.autograd.grad(f.sum(), points, create_graph=True)[0][:, axis]

    out = model(points)
    u, v, p = (slope(out[:, 0], 1), -slope(out[:, 0], 0), out[:, 1]) if formulation == "streamfunction" else out.T
    momentum = [
        u * slope(w, 0) + v * slope(w, 1) + slope(p, axis) - (slope(slope(w, 0), 0) + slope(slope(w, 1), 1)) / 50
        for axis, w in enumerate((u, v))
    ]
    mass = slope(u, 0) + slope(v, 1)
    parts = torch.stack([*momentum, torch.zeros_like(mass) if formulation == "streamfunction" else mass])
    expected = parts.abs().sum(0) if combined == "absolute" else parts.square().sum(0).sqrt()
    where = points.detach()
    found = problem.residual(where, pl.derivatives.evaluate(model, where, problem.plan))
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)
    observed = pl.evaluation.observe(model, problem, where.numpy())
    assert np.allclose(observed, torch.stack([u, v], dim=-1).detach().numpy(), rtol=1e-10)
    if formulation == "streamfunction":
        assert mass.abs().max() < 1e-12


def test_the_cavity_residual_counts_less_along_the_walls():
    """By the distance from the nearest wall, in widths of the layer; as before outside it."""
    streams = torch.randn(pl.problems.Cavity().plan.n_streams, 5, 2, dtype=torch.float64)
    points = torch.tensor([[0.5, 0.5], [0.05, 0.5], [0.3, 0.98], [1.0, 0.4], [0.9, 0.9]], dtype=torch.float64)
    plain, scaled = (
        problem.residual(points, Fields(streams, problem.plan))
        for problem in (pl.problems.Cavity(), pl.problems.Cavity(wall_layer=0.1))
    )
    assert torch.allclose(scaled, plain * torch.tensor([1.0, 0.5, 0.2, 0.0, 1.0], dtype=torch.float64), rtol=1e-12)


def test_the_cavity_squares_have_a_slope_where_all_equations_hold():
    """Without something small under the root its slope at 0 would be no number."""
    problem = pl.problems.Cavity(100, "velocity", "squares")
    streams = torch.zeros(problem.plan.n_streams, 5, 3, requires_grad=True)
    r = problem.residual(torch.zeros(5, 2), Fields(streams, problem.plan))
    (slope,) = torch.autograd.grad(r.square().sum(), streams)
    assert r.max() <= 1e-9
    assert (slope == 0.0).all()


def test_the_cavity_data_and_error():
    problem = pl.problems.Cavity(1000, "velocity")
    points, values = problem.data(400, seed=0)
    lid = points[:, 1] == 1.0
    assert lid.sum() == 100
    assert (values[lid, 0] == 1.0).all()
    assert (values[~lid] == 0.0).all()
    assert (values[:, 1] == 0.0).all()
    found = torch.tensor([[0.5, -0.25]])
    assert problem.misfit(found, torch.tensor([[1.0, 0.0]])).tolist() == [[0.75]]
    squares = pl.problems.Cavity(1000, "velocity", "squares")
    assert squares.misfit(found, torch.tensor([[1.0, 0.0]])).tolist() == [[-0.5, -0.25]]
    assert problem.compared(np.array([[3.0, 4.0]])).tolist() == [[5.0]]
    assert problem.reference_error == 2e-3
    assert problem.has_reference
    other = pl.problems.Cavity(250)
    assert not other.has_reference
    with pytest.raises(ValueError, match="has no reference solution"):
        other.solution(points)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reynolds": -100}, "reynolds = -100: give a positive number"),
        ({"reynolds": float("nan")}, "reynolds = nan: give a positive number"),
        ({"formulation": "vorticity"}, r"formulation 'vorticity' is unknown: choose one of \('streamfunction', 'velocity'\)"),
        ({"combined": "cubes"}, r"combined = 'cubes' is unknown: choose one of \('absolute', 'squares'\)"),
        ({"wall_layer": -0.1}, r"wall_layer = -0.1: give a width from 0 \(none\) to 0.5"),
        ({"wall_layer": 0.6}, "wall_layer = 0.6: give a width"),
    ],
)
def test_the_cavity_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        pl.problems.Cavity(**settings)


@pytest.mark.parametrize("kind", pl.problems.KNOWN.values())
def test_a_reference_has_the_same_bits_each_time(kind):
    points = kind().test_grid()[::7]
    assert np.array_equal(kind().solution(points), kind().solution(points))
