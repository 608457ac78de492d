"""A run's history as columns."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .run import Run

__all__ = ["columns", "frame"]


def columns(run: Run) -> dict[str, np.ndarray]:
    """See :meth:`pinnlib.Run.to_dict`."""
    found: dict[str, np.ndarray] = {}
    for name, series in run.history.items():
        values = np.array(series)  # a copy: who changes a table does not mean the run
        if values.ndim < 2:
            found[name] = values
        else:
            flat = values.reshape(len(values), math.prod(values.shape[1:]))
            found |= {f"{name}_{k}": column for k, column in enumerate(flat.T)}
    return found


def frame(run: Run) -> Any:
    """See :meth:`pinnlib.Run.to_pandas`.

    Raises:
        ModuleNotFoundError: pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "to_pandas needs pandas, which is not installed: pip install pandas, or use to_dict, which needs nothing"
        ) from None
    table = columns(run)
    return pandas.DataFrame(table, index=pandas.Index(table.pop("step"), name="step"))
