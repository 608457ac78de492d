"""Order parameters over cells of the domain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pinnlib import order, sampling

DOMAIN = ((-1.0, 1.0), (0.0, 3.0))


def test_cell_means_by_hand():
    rng = np.random.default_rng(0)
    points = sampling.interior(DOMAIN, 500, seed=0)
    values = rng.random(500)
    got = order.cell_means(points, values, DOMAIN, cells=4)
    for i in range(4):
        for j in range(4):
            inside = (
                (points[:, 0] >= -1 + 0.5 * i)
                & (points[:, 0] < -0.5 + 0.5 * i)
                & (points[:, 1] >= 0.75 * j)
                & (points[:, 1] < 0.75 * (j + 1))
            )
            assert got[i, j] == pytest.approx(values[inside].mean(), rel=1e-12)


def test_the_far_corner_belongs_to_the_last_cell():
    got = order.cell_means(np.array([[1.0, 3.0], [-1.0, 0.0]]), np.array([2.0, 5.0]), DOMAIN, cells=2)
    assert got[1, 1] == 2.0
    assert got[0, 0] == 5.0
    assert np.isnan(got[0, 1])


def test_uniform_is_one_and_a_single_cell_is_small():
    points = sampling.grid(DOMAIN, 40)
    assert order.spatial_order(points, -np.ones(len(points)), DOMAIN) == pytest.approx(1.0)
    cells = np.zeros(100)
    cells[3] = 7.0
    assert order.order(cells) == pytest.approx(0.1)
    assert np.isnan(order.order(np.zeros(5)))


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(1e-3, 1e3)))
def test_bounds_and_invariance(values):
    phi = order.order(values)
    assert 1.0 / np.sqrt(len(values)) - 1e-12 <= phi <= 1.0 + 1e-12
    assert order.order(7.5 * values) == pytest.approx(phi, rel=1e-12)


def test_one_value_a_point():
    with pytest.raises(ValueError, match="give one value a point"):
        order.cell_means(np.zeros((3, 2)), np.zeros(4), DOMAIN)


def test_cells_of_each_axis_and_what_does_not_fit():
    rng = np.random.default_rng(3)
    points, values = rng.random((500, 2)), rng.random(500)
    means = order.cell_means(points, values, ((0.0, 1.0), (0.0, 1.0)), (1, 4))
    assert means.shape == (1, 4)
    for k in range(4):
        inside = (points[:, 1] >= k / 4) & (points[:, 1] < (k + 1) / 4)
        assert means[0, k] == pytest.approx(values[inside].mean())
    for bad in ((2,), (2, 0), 0):
        with pytest.raises(ValueError, match="cells = .*: give a whole number of at least 1, or one for each of 2 coordinates"):
            order.cell_means(points, values, ((0.0, 1.0), (0.0, 1.0)), bad)
