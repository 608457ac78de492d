"""The cavity against published tables, and against itself on finer grids."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

import pinnlib as pl
from pinnlib.reference import cavity, store


def centre(reynolds, component):
    fields = store.load("cavity")[f"re{reynolds}"].astype(float)
    line = fields[0][64] if component == "u" else fields[1][:, 64]
    return CubicSpline(np.linspace(0.0, 1.0, 129), line)


def lowest(spline, low, high):
    return float(minimize_scalar(spline, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).fun)


def test_extrema_at_1000_against_botella_and_peyret():
    assert lowest(centre(1000, "u"), 0.1, 0.3) == pytest.approx(-0.3885698, rel=2e-3)
    v = centre(1000, "v")
    assert lowest(v, 0.85, 0.97) == pytest.approx(-0.5270771, rel=2e-3)
    assert -lowest(lambda x: -v(x), 0.05, 0.3) == pytest.approx(0.3769447, rel=2e-3)


@pytest.mark.parametrize(("reynolds", "u"), [(100, -0.21090), (400, -0.32726), (1000, -0.38289)])
def test_extrema_beside_ghia(reynolds, u):
    """Their tables are at nodes, so they pass the extremum by, and their scheme is of order 2 on 129 x 129 nodes: 2%."""
    assert lowest(centre(reynolds, "u"), 0.05, 0.7) == pytest.approx(u, rel=0.02)


def test_refining_shows_the_stated_error():
    """From 32, 64 and 128 cells at Re = 100: the corners of the lid keep the order near 1."""
    fields, psi = [], None
    for n in (32, 64, 128):
        psi = cavity.solve(100, n)
        fields.append(np.hypot(*cavity.velocity(psi)))
    rough = cavity.extrapolated(fields[0], fields[1])
    finer = cavity.extrapolated(fields[1], fields[2])
    stored = np.hypot(*store.load("cavity")["re100"].astype(float))

    def distance(a, b):
        return np.linalg.norm(a - b) / np.linalg.norm(b)

    far, near = distance(rough, stored[::4, ::4]), distance(finer, stored[::2, ::2])
    assert far > 1.5 * near
    assert near < 3 * cavity.ERRORS[100]


def test_fields_are_at_rest_on_the_walls_and_conserve_mass():
    for reynolds in cavity.ERRORS:
        u, v = store.load("cavity")[f"re{reynolds}"].astype(float)
        assert (u[1:-1, -1] == 1.0).all()
        for wall in (u[0], u[-1], u[:, 0], v[0], v[-1], v[:, 0], v[:, -1]):
            assert np.abs(wall).max() == 0.0
        across = u.sum(axis=1) / 128.0  # through vertical lines nothing flows
        assert np.abs(across - 0.5 / 128.0)[8:-8].max() < 4e-4


@pytest.mark.slow
def test_the_stored_solution_is_what_the_solver_makes():
    made, kept = cavity.make(), store.load("cavity")
    assert made.keys() == kept.keys()
    for name, values in kept.items():
        assert np.abs(made[name] - values).max() < 1e-6


def test_newton_says_when_it_fails():
    with pytest.raises(ValueError, match="does not converge at Reynolds number 1e.06: start from that of a smaller one"):
        cavity.solve(1e6, 16)


def test_between_the_nodes():
    problem = pl.problems.Cavity(100)
    grid = problem.test_grid()
    fields = store.load("cavity")["re100"].astype(float)
    assert problem.solution(grid) == pytest.approx(fields.reshape(2, -1).T, abs=1e-12)
