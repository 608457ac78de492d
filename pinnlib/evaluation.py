"""What a network says at given points: fields, residuals, error."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from . import derivatives
from .models import MLP
from .problems.base import Problem

__all__ = ["error", "observe", "observed", "predict", "relative_l2", "residual"]


#: Points that go through a network at once, by the kind of device.
CHUNK = {"cpu": 2**13, "cuda": 2**17}


def predict(model: MLP, points: np.ndarray, *, chunk: int = 8192, path: str = "eager") -> np.ndarray:
    """Fields ``(n_points, n_fields)``, float64, at ``points`` ``(n_points, n_coordinates)``; memory is bounded by ``chunk``.

    ``path`` is torch's operations or machine code, see :mod:`pinnlib.compiling`.
    """
    like = model.weights[0]
    value = derivatives.Plan(like.shape[1], (), {}, model.embedding)

    def fields(part: Tensor) -> Tensor:
        if path != "native":
            return model(part)
        return derivatives.propagate(part, model.weights, model.biases, model.activation, value, path=path)[0]

    with torch.no_grad():
        parts = [fields(part).double().cpu() for part in _tensor(points, like).split(chunk)]
    return torch.cat(parts).numpy()


def observe(model: MLP, problem: Problem, points: np.ndarray, *, chunk: int | None = None, path: str = "eager") -> np.ndarray:
    """What the problem's data and reference speak of, ``(n_points, n_observed)``, float64."""
    return observed(model, problem, _tensor(points, model.weights[0]), chunk=chunk, path=path).cpu().numpy()


@torch.no_grad()
def observed(model: MLP, problem: Problem, points: Tensor, *, chunk: int | None = None, path: str = "eager") -> Tensor:
    """The same, from a tensor on the model's device, and left there."""
    plan = problem.observe_plan
    parts = points.split(chunk or CHUNK[points.device.type])
    return torch.cat([problem.observe(derivatives.evaluate(model, part, plan, path=path)).double() for part in parts])


def error(model: MLP, problem: Problem, points: np.ndarray, reference: np.ndarray, *, path: str = "eager") -> float:
    """Relative L2 error at ``points``, against ``problem.solution(points)``."""
    return relative_l2(problem.compared(observe(model, problem, points, path=path)), problem.compared(reference))


def residual(model: MLP, problem: Problem, points: np.ndarray, *, chunk: int = 8192) -> np.ndarray:
    """The problem's residual ``(n_points,)``, float64, at ``points`` ``(n_points, n_coordinates)``."""
    like = model.weights[0]
    with torch.no_grad():
        parts = [
            problem.residual(part, derivatives.evaluate(model, part, problem.plan)).double().cpu()
            for part in _tensor(points, like).split(chunk)
        ]
    return torch.cat(parts).numpy()


def relative_l2(values: np.ndarray, reference: np.ndarray) -> float:
    """norm2(values - reference) / norm2(reference), over all points and fields."""
    if values.shape != reference.shape:
        raise ValueError(f"values of shape {values.shape} against a reference of shape {reference.shape}: give equal shapes")
    # sums, not np.linalg.norm: that wakes BLAS's own threads, which take the cores from torch's
    return float(np.sqrt(np.square(values - reference).sum() / np.square(reference).sum()))


def _tensor(points: np.ndarray, like: Tensor) -> Tensor:
    return torch.as_tensor(np.asarray(points), dtype=like.dtype, device=like.device)
