"""Burgers: the quadrature against Cole's series in 90 digits, against itself refined, and against the equation."""

import mpmath
import numpy as np
import pytest

import pinnlib as pl
from pinnlib.reference import burgers

PROBLEM = pl.problems.Burgers()


def by_series(x, t, viscosity):
    """Cole's Fourier series, with Bessel functions for the coefficients of exp(-depth cos(pi y))."""
    with mpmath.workdps(90):
        x, t, nu = mpmath.mpf(float(x)), mpmath.mpf(float(t)), mpmath.mpf(float(viscosity))
        depth = 1 / (2 * mpmath.pi * nu)
        above, below = mpmath.mpf(0), mpmath.besseli(0, depth)
        for n in range(1, 160):
            a = 2 * (-1) ** n * mpmath.besseli(n, depth) * mpmath.exp(-(n**2) * mpmath.pi**2 * nu * t)
            above += a * n * mpmath.sin(n * mpmath.pi * x)
            below += a * mpmath.cos(n * mpmath.pi * x)
        return float(2 * mpmath.pi * nu * above / below)


@pytest.mark.parametrize("viscosity", [0.01 / np.pi, 0.1])
def test_against_the_series(viscosity):
    problem = pl.problems.Burgers(viscosity)
    points = np.array([(x, t) for x in (-0.9, -0.013, 0.001, 0.3, 0.75) for t in (0.05, 0.4, 0.7, 1.0)])
    series = np.array([by_series(x, t, viscosity) for x, t in points])
    assert problem.solution(points)[:, 0] == pytest.approx(series, rel=1e-12, abs=1e-13)


def test_more_and_fewer_nodes_change_nothing():
    grid = PROBLEM.test_grid()
    values = PROBLEM.solution(grid)
    for fineness in (0.5, 2.0):
        other = burgers.reference(grid[::7], PROBLEM.viscosity, fineness=fineness)
        assert np.linalg.norm(other - values[::7]) < burgers.ERROR * np.linalg.norm(values[::7])


def test_it_starts_from_its_data_and_is_odd():
    x = np.linspace(-1.0, 1.0, 41)
    start = PROBLEM.solution(np.stack([x, 0 * x], axis=1))[:, 0]
    assert start == pytest.approx(-np.sin(np.pi * x), abs=1e-14)
    late = PROBLEM.solution(np.stack([x, 0 * x + 0.8], axis=1))[:, 0]
    assert late == pytest.approx(-late[::-1], abs=1e-13)


def test_it_solves_the_equation():
    h = 1e-4
    points = np.array([(0.4, 0.3), (0.02, 0.25), (-0.6, 0.9)])

    def u(dx=0.0, dt=0.0):
        return PROBLEM.solution(points + np.array([dx, dt]))[:, 0]

    left = (u(dt=h) - u(dt=-h)) / (2 * h) + u() * (u(h) - u(-h)) / (2 * h)
    right = PROBLEM.viscosity * (u(h) - 2 * u() + u(-h)) / h**2
    assert left == pytest.approx(right, abs=2e-4)
