"""Allen-Cahn: two unlike discretizations agree, and what is stored is what they say."""

import cosines
import numpy as np
import pytest

import pinnlib as pl
from pinnlib.reference import allen_cahn, store

PROBLEM = pl.problems.AllenCahn()
X = np.linspace(-1.0, 1.0, 512, endpoint=False)


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.fixture(scope="module")
def stored():
    return PROBLEM.solution(PROBLEM.test_grid()).reshape(512, 201)


@pytest.fixture(scope="module")
def by_cosines():
    values = cosines.series(cosines.fourier(1024, 10), X)
    values[:, 0] = allen_cahn.initial(X)  # a finite series rounds the kink at the very start
    return values


@pytest.mark.slow
def test_the_stored_solution_is_what_the_solver_makes(stored):
    made, kept = allen_cahn.make(), store.load("allen_cahn")
    assert np.array_equal(made["edges"], kept["edges"])
    assert made["degree"] == kept["degree"]
    assert np.abs(made["u"] - kept["u"]).max() < 5e-7  # rounding of float32, and of another processor


def test_two_discretizations_agree(stored, by_cosines):
    fine = allen_cahn.mesh(40, 14, 10)
    by_elements = fine.interpolate(allen_cahn.solve(fine, tolerance=1e-10), np.abs(X))
    assert distance(by_elements, by_cosines) < 2e-8
    for better in (by_elements, by_cosines):
        assert 1e-9 < distance(stored, better) < allen_cahn.ERROR <= 1e-6


def test_refining_the_second_solver_changes_nothing(by_cosines):
    for modes, steps in ((768, 10), (1024, 5)):
        other = cosines.series(cosines.fourier(modes, steps), X)
        assert distance(other[:, 1:], by_cosines[:, 1:]) < 2e-8


def test_between_the_stored_moments():
    times = np.linspace(0.0, 1.0, 401)
    a = cosines.series(cosines.fourier(1024, 5, times), X)[:, 3::2]
    points = np.stack(np.meshgrid(X, times[3::2], indexing="ij"), axis=-1).reshape(-1, 2)
    assert distance(PROBLEM.solution(points).reshape(a.shape), a) < 1e-6


def test_it_is_even_periodic_and_starts_from_its_data():
    x = np.linspace(0.0, 1.0, 33)
    for t in (0.0, 0.3, 1.0):
        right, left = (PROBLEM.solution(np.stack([s * x, np.full(33, t)], axis=1)) for s in (1, -1))
        assert right == pytest.approx(left, abs=1e-14)
    assert np.abs(PROBLEM.solution(np.stack([x, 0 * x], axis=1))[:, 0] - allen_cahn.initial(x)).max() < 2e-7


def test_coefficients_of_the_initial_values():
    from scipy.integrate import quad

    a = cosines.fourier(8, 1, np.array([0.0, 1e-9]))[:, 0]
    for k in range(8):
        found = quad(lambda x, k=k: allen_cahn.initial(x) * np.cos(k * np.pi * x), 0.0, 1.0, epsabs=1e-13)[0]
        assert a[k] == pytest.approx(found * (1 if k == 0 else 2), abs=1e-12)


def test_the_reaction_is_a_cube():
    from scipy.integrate import trapezoid

    rng = np.random.default_rng(0)
    a = rng.normal(size=9)
    x = np.linspace(0.0, 1.0, 4001)
    cube = -5.0 * cosines.series(a, x) ** 3
    found = cosines.reaction(a)
    for k in range(9):
        weight = 1.0 if k == 0 else 2.0
        assert found[k] == pytest.approx(weight * trapezoid(cube * np.cos(k * np.pi * x), x), rel=1e-9, abs=1e-9)
