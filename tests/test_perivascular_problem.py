"""Flow around an artery: the residual by autograd, the data and their noise, what is read from a network, bad settings."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.problems import Perivascular


def network(problem, u_of, g_of, n_of):
    """A stand-in whose fields are given functions of (r, t), for what reads a network by its forward pass."""

    class Exact(torch.nn.Module):
        weights = (torch.zeros(1, 2, dtype=torch.float64),)
        embedding = None

        def forward(self, points):
            r, t = points.T
            return torch.stack([u_of(r, t), g_of(r, t), n_of(r, t)], dim=1)

    return Exact()


def test_the_residual_by_autograd():
    problem = Perivascular(guess=0.2)
    model = pl.models.MLP(2, 3, width=10, depth=2, seed=1, dtype=torch.float64)
    points = torch.as_tensor(pl.sampling.interior(problem.domain, 20, seed=0)).requires_grad_()

    def slope(f, axis):
        return torch.autograd.grad(f.sum(), points, create_graph=True)[0][:, axis]

    u, g, n = model(points).T
    momentum = slope(u, 1) - g - 0.2 * n.exp() * (slope(slope(u, 0), 0) + slope(u, 0) / points[:, 0])
    expected = (momentum**2 + slope(g, 0) ** 2 + slope(n, 0) ** 2 + slope(n, 1) ** 2).sqrt()
    where = points.detach()
    found = problem.residual(where, pl.derivatives.evaluate(model, where, problem.plan))
    assert torch.allclose(found, expected, rtol=1e-10)
    assert problem.plan.n_streams == 4


@pytest.mark.parametrize("alpha", [0.25, 7.0])
def test_the_truth_leaves_nothing_over(alpha):
    """The exact solution, differentiated by high-order differences, with the true g and viscosity."""
    problem = Perivascular(womersley=alpha)
    points = pl.sampling.interior(((1.1, 2.9), (-3.0, 3.0)), 30, seed=0)
    h, k = 2e-3, np.arange(-3, 4)
    first = np.array([-1, 9, -45, 0, 45, -9, 1]) / (60 * h)
    second = np.array([2, -27, 270, -490, 270, -27, 2]) / (180 * h**2)

    def along(axis, weights):
        moved = [problem.solution(points + h * j * np.eye(2)[axis])[:, 0] for j in k]
        return np.tensordot(weights, moved, 1)

    values = {"u_t": along(1, first), "u_r": along(0, first), "u_rr": along(0, second)}
    values["g"] = problem.pressure_gradient(points[:, 1])
    values["n"] = np.full(30, math.log(problem.viscosity / problem.guess))
    zero = np.zeros(30)
    d = type("Values", (), {n: torch.as_tensor(v) for n, v in {"g_r": zero, "n_r": zero, "n_t": zero, **values}.items()})
    assert problem.residual(torch.as_tensor(points), d).max() < 1e-6


def test_nothing_left_over_has_a_finite_slope():
    zero = torch.zeros(3, dtype=torch.float32, requires_grad=True)
    names = ("u_t", "g", "n", "u_r", "u_rr", "g_r", "n_r", "n_t")
    left = Perivascular().residual(torch.ones(3, 2), type("Values", (), dict.fromkeys(names, zero)))
    left.sum().backward()
    assert torch.isfinite(zero.grad).all()
    assert left.max() < 1e-14


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_data_are_noisy_velocities_and_resting_walls(noise):
    problem = Perivascular(noise=noise)
    points, values = problem.data(8000, seed=3)
    assert points.shape == (8000, 2)
    assert values.shape == (8000, 1)
    wall = (points[:, 0] == 1.0) | (points[:, 0] == 3.0)
    assert (points[:, 0] == 1.0).sum() == (points[:, 0] == 3.0).sum() == 1000
    assert (values[wall] == 0.0).all()
    assert np.abs(points[:, 1]).max() <= math.pi
    errors = (values - problem.solution(points))[~wall]
    assert errors.std() == pytest.approx(noise * problem.rms(), rel=0.03)
    assert abs(errors.mean()) <= 4 * noise * problem.rms() / math.sqrt(6000)


def test_data_follow_the_seed():
    problem = Perivascular()
    first, again, other = (problem.data(100, seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])
    assert len(first[0]) == 100


def test_what_is_read_from_a_network():
    problem = Perivascular(guess=0.2)
    true = math.log(problem.viscosity / 0.2)
    t = np.linspace(-3.0, 3.0, 7)

    def g(r, t):
        return torch.as_tensor(problem.pressure_gradient(t.numpy()))

    right = network(problem, lambda r, t: 0 * r, g, lambda r, t: 0 * r + true)
    assert problem.inferred_gradient(right, t) == pytest.approx(problem.pressure_gradient(t))
    assert problem.gradient_error(right) == pytest.approx(0.0, abs=1e-12)
    assert problem.viscosity_error(right) == pytest.approx(0.0, abs=1e-12)
    wrong = network(problem, lambda r, t: 0 * r, lambda r, t: 1.1 * g(r, t) + (r - 2.0), lambda r, t: 0 * r)
    assert problem.gradient_error(wrong) == pytest.approx(0.1)
    assert problem.inferred_viscosity(wrong) == pytest.approx(0.2)
    assert problem.viscosity_error(wrong) == pytest.approx(0.2 * 49 / 4 - 1)


def test_least_squares_on_the_truth_tell_both_unknowns():
    """At a Womersley number of 7 momentum tells viscosity and gradient apart; at 0.25 a wrong viscosity fits as well."""
    t = np.linspace(-3.0, 3.0, 40)
    cost = {}
    for alpha in (0.25, 7.0):
        problem, h = Perivascular(womersley=alpha), 1e-3
        grid = np.stack(np.meshgrid(np.linspace(1.2, 2.8, 30), t, indexing="ij"), axis=-1).reshape(-1, 2)
        left, here, right = (problem.solution(grid + np.array([s, 0.0]))[:, 0] for s in (-h, 0.0, h))
        laplace = (left - 2 * here + right) / h**2 + (right - left) / (2 * h * grid[:, 0])
        up = np.array([0.0, h])
        rate = (problem.solution(grid + up)[:, 0] - problem.solution(grid - up)[:, 0]) / (2 * h)
        # twice the viscosity and the best g(t) for it
        left_over = (rate - 2 * problem.viscosity * laplace).reshape(30, -1)
        cost[alpha] = (left_over - left_over.mean(axis=0)).std() / (problem.viscosity * laplace).std()
    assert cost[0.25] < 0.02
    assert cost[7.0] > 0.2


def test_it_trains_and_speaks_of_u():
    problem = Perivascular()
    config = pl.Config(
        width=16, depth=2, points=64, data_points=80, batches=4, steps=300, lr=5e-3, data_weight=10.0, device="cpu"
    )
    run = pl.train(problem, config, progress=False)
    assert run.history["rel_l2"][-1] < 0.7 * run.history["rel_l2"][0]
    assert run.observe(problem.test_grid()).shape == (65 * 65, 1)
    assert run.predict(problem.test_grid()).shape == (65 * 65, 3)
    assert math.isfinite(problem.viscosity_error(run.final_model()))


def test_it_describes_itself():
    assert repr(Perivascular()) == "Perivascular(womersley=7.0, noise=0.02, guess=0.2, radii=(1.0, 3.0), viscosity_as='field')"
    assert pl.problems.KNOWN["perivascular"] is Perivascular
    assert Perivascular().reference_error < 1e-11


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"womersley": 0}, "womersley = 0: give a positive number"),
        ({"womersley": float("inf")}, "womersley = inf: give a positive number"),
        ({"noise": 1.5}, r"noise = 1.5: give a share of the rms velocity from 0 to 1, such as 0.02 for 2%"),
        ({"noise": -0.1}, "noise = -0.1: give a share"),
        ({"noise": float("nan")}, "noise = nan: give a share"),
        ({"guess": -1.0}, "guess = -1.0: give a positive viscosity"),
        ({"radii": (0.0, 2.0)}, r"radii = \(0.0, 2.0\): give two positive numbers, the smaller one first"),
        ({"radii": (2.0, 1.0)}, r"radii = \(2.0, 1.0\): give two positive numbers"),
        ({"radii": (1.0,)}, r"radii = \(1.0,\): give two positive numbers"),
        ({"radii": (1.0, float("nan"))}, "radii = "),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        Perivascular(**settings)


def test_the_viscosity_as_an_unknown():
    problem = Perivascular(viscosity_as="unknown")
    config = pl.Config(
        width=8, depth=2, points=64, batches=8, data_points=80, steps=40, lr=1e-2, activation="sine", compile=False
    )
    run = pl.train(problem, config, progress=False)
    assert problem.equations == ("momentum", "same_at_all_radii")
    assert run.history["nu"][0] == pytest.approx(problem.guess)
    assert run.unknowns["nu"] == pytest.approx(run.history["nu"][-1], rel=1e-6)
    assert problem.inferred_viscosity(run.final_model()) == pytest.approx(run.unknowns["nu"])
    assert problem.viscosity_error(run.final_model()) == pytest.approx(run.unknowns["nu"] / problem.viscosity - 1.0)
    with pytest.raises(ValueError, match="viscosity_as = 'number': choose one of"):
        Perivascular(viscosity_as="number")


def test_the_equations_are_those_that_the_root_sums():
    field, number = Perivascular(guess=0.25), Perivascular(guess=0.25, viscosity_as="unknown")
    points = torch.rand(2, 7, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 1.0
    numbers = torch.rand(8, 2, 7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    values = dict(zip(field.partials, numbers, strict=True))
    d = SimpleNamespace(**values | {"n": torch.full((2, 7), 0.3, dtype=torch.float64)})
    both = number.residual(points, SimpleNamespace(**vars(d), nu=0.25 * torch.exp(d.n)))
    whole = both["momentum"] ** 2 + both["same_at_all_radii"] ** 2 + d.n_r**2 + d.n_t**2
    assert torch.allclose(field.residual(points, d) ** 2, whole, rtol=1e-12)
