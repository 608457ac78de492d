"""Spectral elements against polynomials, which they treat exactly."""

import numpy as np
import pytest

from pinnlib.reference.spectral_elements import Mesh, lobatto


@pytest.mark.parametrize("degree", [1, 2, 5, 10])
def test_lobatto_is_exact_for_polynomials(degree):
    nodes, weights, slopes = lobatto(degree)
    assert nodes[0] == -1.0
    assert nodes[-1] == 1.0
    for power in range(2 * degree):
        exact = 0.0 if power % 2 else 2.0 / (power + 1)
        assert weights @ nodes**power == pytest.approx(exact, abs=1e-13)
    for power in range(1, degree + 1):
        assert slopes @ nodes**power == pytest.approx(power * nodes ** (power - 1), abs=1e-11)


def test_a_mesh_integrates_differentiates_and_interpolates():
    mesh = Mesh(np.array([0.0, 0.3, 0.4, 1.0]), 6)
    x = mesh.nodes
    assert len(x) == 19
    assert (np.diff(x) > 0).all()
    assert mesh.mass @ x**7 == pytest.approx(1 / 8, rel=1e-13)
    assert x**3 @ (mesh.stiffness @ x**4) == pytest.approx(12 / 6, rel=1e-12)  # integral of 3 x^2 times 4 x^3
    where = np.array([0.0, 0.05, 0.3, 0.35, 0.99, 1.0])
    assert mesh.interpolate(np.stack([x**6, x], axis=1), where) == pytest.approx(np.stack([where**6, where], axis=1), abs=1e-14)
