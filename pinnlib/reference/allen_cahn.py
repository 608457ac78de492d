r"""Allen-Cahn: u_t = 1e-4 u_xx + 5 u - 5 u^3 on [-1, 1], periodic, from u(x, 0) = x^2 cos(pi x).

The initial values are even, so the periodic solution is even about x = 0 and about x = 1, and solves the same
equation on [0, 1] with zero slopes at both ends.  There the initial slope at x = 1 is -2: the periodic solution starts
with a kink.  A uniform Fourier grid samples that kink badly, which is where the customary file of this benchmark loses
its digits.  Here elements shrink towards x = 1.  The tests have a second, independent solver, which starts from the exact
Fourier coefficients of the initial values instead of samples.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from . import store
from .spectral_elements import Mesh

__all__ = ["DIFFUSION", "ERROR", "TIMES", "evaluate", "initial", "make", "mesh", "reference", "solve"]

DIFFUSION = 1e-4
TIMES = np.linspace(0.0, 1.0, 201)
#: Relative L2 error of what is stored on the grid of 512 x 201 points, against either solver refined; tested.
ERROR = 2e-7


def initial(x: np.ndarray) -> np.ndarray:
    """x^2 cos(pi x)."""
    return x**2 * np.cos(np.pi * x)


def mesh(elements: int, degree: int, layers: int = 12) -> Mesh:
    """Equal elements on [0, 1], the last one halved ``layers`` times towards the kink at x = 1."""
    edges = np.linspace(0.0, 1.0, elements + 1)
    inner = 1.0 - (1.0 / elements) * 0.5 ** np.arange(1, layers + 1)
    return Mesh(np.concatenate([edges[:-1], inner, [1.0]]), degree)


def solve(where: Mesh, *, tolerance: float = 1e-11, times: np.ndarray = TIMES) -> np.ndarray:
    """Spectral elements in x, an implicit Runge-Kutta method of order 5 (Radau IIA) in t.

    Returns:
        u at the mesh's nodes and at ``times``, ``(n_nodes, n_times)``.

    Raises:
        ValueError: the time integration failed.
    """
    diffusion = sp.diags(-DIFFUSION / where.mass) @ where.stiffness
    found = solve_ivp(
        lambda _, u: diffusion @ u + 5.0 * u - 5.0 * u**3,
        (times[0], times[-1]),
        initial(where.nodes),
        method="Radau",
        t_eval=times,
        rtol=tolerance,
        atol=tolerance,
        jac=lambda _, u: (diffusion + sp.diags(5.0 - 15.0 * u**2)).tocsc(),
    )
    if not found.success:
        raise ValueError(f"the time integration failed ({found.message}): use a looser tolerance than {tolerance}")
    return found.y


def make() -> dict[str, np.ndarray]:
    """What is stored: the edges and the degree of the elements, and u in single precision."""
    where = mesh(40, 10)
    values = solve(where, tolerance=1e-10)
    return {"edges": where.edges, "degree": np.array(where.degree), "u": values.astype(np.float32)}


def reference(points: np.ndarray) -> np.ndarray:
    """u at ``points`` ``(n, 2)`` of (x, t), from what is stored; ``(n, 1)``."""
    stored = store.load("allen_cahn")
    return evaluate(Mesh(stored["edges"], int(stored["degree"])), stored["u"].astype(np.float64), points)


def evaluate(where: Mesh, values: np.ndarray, points: np.ndarray, times: np.ndarray = TIMES) -> np.ndarray:
    """u at ``points`` ``(n, 2)`` of (x, t): polynomials in x, and a cubic spline in t between ``times``; ``(n, 1)``."""
    places, which = np.unique(np.abs(points[:, 0]), return_inverse=True)
    spline = CubicSpline(times, where.interpolate(values, places), axis=1)
    k = np.clip(np.searchsorted(times, points[:, 1], side="right") - 1, 0, len(times) - 2)
    s = points[:, 1] - times[k]
    c = spline.c[:, k, which]
    return (((c[0] * s + c[1]) * s + c[2]) * s + c[3])[:, None]
