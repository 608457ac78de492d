"""Points in a box: Latin hypercube, Sobol, regular grid, and points on the box's faces.

All are drawn on the CPU in float64 from a seed, so that every device and precision sees the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.stats import qmc

__all__ = ["METHODS", "boundary", "face", "grid", "interior", "minibatch"]

METHODS = ("latin hypercube", "sobol", "uniform")
Domain = Sequence[tuple[float, float]]


def interior(domain: Domain, n: int, *, seed: int, method: str = "latin hypercube") -> np.ndarray:
    """``n`` points in the box ``domain``, in random order: ``(n, n_coordinates)``.

    The order is random so that equal contiguous slices are fair batches of the whole domain.

    Raises:
        ValueError: an unknown method.
    """
    rng = np.random.default_rng([seed, 0])
    d = len(domain)
    if method == "latin hypercube":
        unit = qmc.LatinHypercube(d, rng=rng).random(n)
    elif method == "sobol":
        with warnings.catch_warnings():  # scipy warns when n is not a power of 2; any n is fine here
            warnings.simplefilter("ignore", UserWarning)
            unit = rng.permutation(qmc.Sobol(d, rng=rng).random(n))
    elif method == "uniform":
        unit = rng.random((n, d))
    else:
        raise ValueError(f"sampling {method!r} is unknown: choose one of {METHODS}")
    low, high = np.array(domain, dtype=float).T
    return low + unit * (high - low)


def boundary(domain: Domain, n: int, *, seed: int) -> np.ndarray:
    """``n`` points on the faces of the box, equally many on each and stratified there: ``(n, n_coordinates)``.

    Raises:
        ValueError: points that do not divide over the faces.
    """
    d = len(domain)
    if n % (2 * d):
        raise ValueError(
            f"{n} boundary points do not divide over {2 * d} faces: use {n - n % (2 * d) or 2 * d} or {n + 2 * d - n % (2 * d)}"
        )
    rng = np.random.default_rng([seed, 1])
    return np.concatenate([_face(domain, n // (2 * d), axis, value, rng) for axis in range(d) for value in domain[axis]])


def face(domain: Domain, n: int, *, axis: int, value: float, seed: int) -> np.ndarray:
    """``n`` stratified points on one face of the box, where coordinate ``axis`` is ``value``: ``(n, n_coordinates)``.

    Raises:
        ValueError: ``value`` is not an end of that coordinate.
    """
    ends = [float(v) for v in domain[axis]]
    if float(value) not in ends:
        raise ValueError(f"value = {value}: a face of the box lies where coordinate {axis} is {ends[0]:g} or {ends[1]:g}")
    side = ends.index(float(value))
    return _face(domain, n, axis, value, np.random.default_rng([seed, 2 + 2 * axis + side]))


def _face(domain: Domain, n: int, axis: int, value: float, rng: np.random.Generator) -> np.ndarray:
    d = len(domain)
    low, high = np.array([side for k, side in enumerate(domain) if k != axis], dtype=float).reshape(-1, 2).T
    unit = qmc.LatinHypercube(d - 1, rng=rng).random(n) if d > 1 else np.empty((n, 0))
    return np.insert(low + unit * (high - low), axis, value, axis=1)


def grid(domain: Domain, resolution: int) -> np.ndarray:
    """A regular grid with the box's faces in it, first coordinate slowest: ``(resolution ** d, d)``."""
    axes = [np.linspace(low, high, resolution) for low, high in domain]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(domain))


def minibatch(n: int, size: int, step: int, *, seed: int) -> np.ndarray:
    """Which of ``n`` points a mini-batch step takes, ``(size,)``: slice after slice of an order drawn anew for each pass."""
    epoch, at = divmod(step, n // size)
    return np.random.default_rng([seed, 32, epoch]).permutation(n)[at * size : (at + 1) * size]
