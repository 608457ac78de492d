r"""Order parameters: how evenly a quantity fills the domain.

The domain is cut into a grid of cells.  With the mean :math:`c_k` of a nonnegative quantity in each
cell, the order parameter is

.. math:: \varphi = \frac{\operatorname{mean}_k c_k}{\operatorname{rms}_k c_k} ,

1 where all cells are alike, and :math:`1 / \sqrt{K}` where one of K cells holds all.  The paper takes
10 x 10 cells and the RBA weights; here it is measured for the residuals as well.  Of the authors' published
series only that of Allen-Cahn with RBA is of cells; Allen-Cahn vanilla and both of Helmholtz are of 100 strips
in the second coordinate, ``cells=(1, 100)``, and nearer to 1 for it.  Source: the paper, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["cell_means", "order", "spatial_order"]


def cell_means(
    points: np.ndarray, values: np.ndarray, domain: Sequence[tuple[float, float]], cells: int | Sequence[int] = 10
) -> np.ndarray:
    """Mean of ``values`` in each cell of a regular grid over ``domain``.

    Args:
        points: ``(n_points, d)``.
        values: ``(n_points,)``.
        cells: cells along each axis; one number for all, or one for each.
        domain: lowest and highest value of each coordinate.

    Returns:
        ``(cells,) * d``, or the shape that ``cells`` gives; nan in a cell without points.

    Raises:
        ValueError: other values than points, or cells that are not whole numbers.
    """
    flat, values, shape = _cells(points, values, domain, cells)
    size = int(np.prod(shape))
    count = np.bincount(flat, minlength=size)
    total = np.bincount(flat, weights=values, minlength=size)
    with np.errstate(invalid="ignore"):
        return (total / count).reshape(shape)


def _cells(
    points: np.ndarray, values: np.ndarray, domain: Sequence[tuple[float, float]], cells: int | Sequence[int]
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    points, values = np.asarray(points, dtype=float), np.asarray(values, dtype=float)
    if values.shape != points.shape[:1]:
        raise ValueError(f"{len(points)} points but values of shape {values.shape}: give one value a point")
    low, high = np.array(domain, dtype=float).T
    shape = (cells,) * len(low) if isinstance(cells, int) else tuple(cells)
    if len(shape) != len(low) or min(shape) < 1:
        raise ValueError(f"cells = {cells!r}: give a whole number of at least 1, or one for each of {len(low)} coordinates")
    index = np.clip(((points - low) / (high - low) * shape).astype(int), 0, np.array(shape) - 1)
    return np.ravel_multi_index(tuple(index.T), shape), values, shape


def order(values: np.ndarray) -> float:
    """Mean over root mean square of nonnegative ``values``, in [0, 1]; empty cells (nan) are left out, nan for all zeros."""
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    rms = np.sqrt(np.mean(values**2)) if values.size else 0.0
    return float(values.mean() / rms) if rms > 0 else float("nan")


def spatial_order(
    points: np.ndarray, values: np.ndarray, domain: Sequence[tuple[float, float]], cells: int | Sequence[int] = 10
) -> float:
    """Order parameter of abs(``values``) over the cells of ``domain``."""
    flat, sizes, _ = _cells(points, np.abs(values), domain, cells)
    _, own = np.unique(flat, return_inverse=True)  # of the cells with points alone: ten a side are many in many coordinates
    return order(np.bincount(own, weights=sizes) / np.bincount(own))
