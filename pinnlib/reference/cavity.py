r"""Lid-driven cavity: steady flow in the unit square, the lid moving with speed 1, by finite differences.

With the stream function psi, :math:`u = \psi_y,\ v = -\psi_x`, the pressure drops out:

.. math::

   \tfrac{1}{Re} \Delta^2 \psi - \psi_y (\Delta \psi)_x + \psi_x (\Delta \psi)_y = 0, \qquad \psi = 0 \text{ on all walls.}

Central differences of order 2 on a uniform grid, walls by mirror points, Newton's method with a sparse LU factorization.
Two grids give a Richardson extrapolation, a third one says how good that is.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.interpolate import RectBivariateSpline
from scipy.sparse.linalg import splu

from . import store

__all__ = ["ERRORS", "extrapolated", "make", "reference", "solve", "velocity"]

#: Relative L2 error of the stored speed, by Reynolds number, against the extrapolation of grids twice as fine.
ERRORS = {100: 1e-3, 400: 1e-3, 1000: 2e-3}
GRIDS = (64, 128, 256)


def solve(reynolds: float, n: int, start: np.ndarray | None = None, *, tolerance: float = 1e-9) -> np.ndarray:
    """The stream function at all nodes of a grid of n x n cells, ``(n + 1, n + 1)``, x along the first axis.

    Args:
        reynolds: Reynolds number of lid speed and side.
        n: cells a side.
        start: a stream function to start from, such as that of a smaller Reynolds number.
        tolerance: of the largest change in Newton's last iteration.

    Raises:
        ValueError: Newton's method does not converge from this start.
    """
    h = 1.0 / n
    inside, whole = n - 1, n + 1
    # from inner nodes to all nodes of a line and back; differences of a line from all nodes to the inner ones
    pad = sp.eye(whole, inside, k=-1, format="csr")
    second = sp.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(inside, whole)) / h**2
    first = sp.diags([-1.0, 1.0], [0, 2], shape=(inside, whole)) / (2.0 * h)
    pick = sp.eye(inside, whole, k=1, format="csr")
    # second derivative along a line at all nodes, where mirror points stand for the walls
    wall = sp.lil_matrix((whole, inside))
    wall[1:-1] = second @ pad
    wall[0, 0] = wall[-1, -1] = 2.0 / h**2
    wall = wall.tocsr()
    laplace = (sp.kron(wall, pad) + sp.kron(pad, wall)).tocsr()  # psi inside -> Laplacian at all nodes
    lid: np.ndarray = np.zeros((whole, whole))
    lid[1:-1, -1] = 2.0 / h
    lid = lid.ravel()
    dx, dy = sp.kron(first, pick).tocsr(), sp.kron(pick, first).tocsr()
    grow = sp.kron(pad, pad).tocsr()
    px, py = dx @ grow, dy @ grow
    spread = (sp.kron(second, pick) + sp.kron(pick, second)).tocsr() / reynolds
    psi = np.zeros(inside**2) if start is None else np.asarray(start)[1:-1, 1:-1].ravel()
    for _ in range(30):
        w = laplace @ psi + lid
        u, minus_v, wx, wy = py @ psi, px @ psi, dx @ w, dy @ w
        out = spread @ w - u * wx + minus_v * wy
        slope = (spread - sp.diags(u) @ dx + sp.diags(minus_v) @ dy) @ laplace - sp.diags(wx) @ py + sp.diags(wy) @ px
        step = splu(slope.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0).solve(out)
        psi = psi - step
        if not np.isfinite(step).all():
            break
        if np.abs(step).max() < tolerance:
            return (grow @ psi).reshape(whole, whole)
    raise ValueError(f"Newton's method does not converge at Reynolds number {reynolds:g}: start from that of a smaller one")


def velocity(psi: np.ndarray) -> np.ndarray:
    """(u, v) at all nodes, ``(2, n + 1, n + 1)``; the lid's corners stand still."""
    n = len(psi) - 1
    found = np.zeros((2, n + 1, n + 1))
    found[0, 1:-1, 1:-1] = (psi[1:-1, 2:] - psi[1:-1, :-2]) * n / 2.0
    found[1, 1:-1, 1:-1] = -(psi[2:, 1:-1] - psi[:-2, 1:-1]) * n / 2.0
    found[0, 1:-1, -1] = 1.0
    return found


def extrapolated(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Richardson's combination of two fields, the second on twice as many cells; at the nodes of the first."""
    return (4.0 * fine[..., ::2, ::2] - coarse) / 3.0


def make() -> dict[str, np.ndarray]:
    """What is stored: velocities at 129 x 129 nodes from 128 and 256 cells a side, for each Reynolds number of the tables."""
    stored = {}
    starts: dict[int, np.ndarray] = {}
    for reynolds in ERRORS:
        for n in GRIDS[1:]:
            starts[n] = solve(reynolds, n, starts.get(n))
        fields = [velocity(starts[n]) for n in GRIDS[1:]]
        stored[f"re{reynolds}"] = extrapolated(*fields).astype(np.float32)
    return stored


def reference(points: np.ndarray, reynolds: int) -> np.ndarray:
    """(u, v) at ``points`` ``(n, 2)``, cubic splines between what is stored; ``(n, 2)``."""
    fields = store.load("cavity")[f"re{reynolds}"].astype(np.float64)
    axis = np.linspace(0.0, 1.0, fields.shape[1])
    return np.stack([RectBivariateSpline(axis, axis, field, s=0).ev(points[:, 0], points[:, 1]) for field in fields], axis=1)
