"""Spectral elements on an interval: Gauss-Lobatto nodes, their quadrature, and interpolation between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.polynomial import legendre
from scipy.interpolate import BarycentricInterpolator

__all__ = ["Mesh", "lobatto"]


def lobatto(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Lobatto nodes on [-1, 1], their weights, and the matrix of derivatives of the interpolant there.

    Returns:
        ``(degree + 1,)``, ``(degree + 1,)`` and ``(degree + 1, degree + 1)``.
    """
    top = legendre.Legendre.basis(degree)
    nodes = np.concatenate([[-1.0], np.sort(top.deriv().roots().real), [1.0]])
    values = top(nodes)
    weights = 2.0 / (degree * (degree + 1) * values**2)
    gaps = nodes[:, None] - nodes + np.eye(degree + 1)
    slopes = values[:, None] / values / gaps
    np.fill_diagonal(slopes, 0.0)
    np.fill_diagonal(slopes, -slopes.sum(axis=1))
    return nodes, weights, slopes


@dataclass(frozen=True)
class Mesh:
    """Elements between ``edges``, each a polynomial of ``degree``, continuous where they meet.

    Attributes:
        edges: rising, ``(n_elements + 1,)``.
        degree: of the polynomials.
    """

    edges: np.ndarray
    degree: int

    @cached_property
    def nodes(self) -> np.ndarray:
        """All nodes, rising, ``(n_elements * degree + 1,)``."""
        unit = (lobatto(self.degree)[0][:-1] + 1.0) / 2.0
        inside = self.edges[:-1, None] + np.diff(self.edges)[:, None] * unit
        return np.append(inside.ravel(), self.edges[-1])

    @cached_property
    def mass(self) -> np.ndarray:
        """Quadrature weight of each node."""
        total = np.zeros(len(self.nodes))
        weights = lobatto(self.degree)[1]
        for k, width in enumerate(np.diff(self.edges)):
            total[k * self.degree : (k + 1) * self.degree + 1] += weights * width / 2.0
        return total

    @cached_property
    def stiffness(self) -> sp.csc_matrix:
        """Integrals of products of slopes; a zero slope at both ends is natural."""
        _, weights, slopes = lobatto(self.degree)
        unit = slopes.T @ (weights[:, None] * slopes)
        total = sp.lil_matrix((len(self.nodes),) * 2)
        for k, width in enumerate(np.diff(self.edges)):
            own = slice(k * self.degree, (k + 1) * self.degree + 1)
            total[own, own] += unit * 2.0 / width
        return total.tocsc()

    def interpolate(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """``values`` ``(n_nodes, ...)`` between the nodes, at ``x`` ``(n,)``: ``(n, ...)``."""
        values, x = np.asarray(values), np.asarray(x, dtype=float)
        found = np.empty((len(x), *values.shape[1:]))
        element = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.edges) - 2)
        for k in np.unique(element):
            own = slice(k * self.degree, (k + 1) * self.degree + 1)
            nodes = self.nodes[own]
            apart = nodes[:, None] - nodes + np.eye(len(nodes))
            weights = 1.0 / apart.prod(1)  # scipy's own come from a random order of the nodes, and differ by rounding
            found[element == k] = BarycentricInterpolator(nodes, values[own], wi=weights)(x[element == k])
        return found
