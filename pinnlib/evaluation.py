"""What a network says at given points: fields, residuals, error."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .models import MLP, as_tensor, predict
from .problems.base import Problem, relative_l2
from .taylor import propagation

__all__ = ["error", "observe", "observed", "predict", "relative_l2", "residual"]


#: Points that go through a network at once, by the kind of device.
CHUNK = {"cpu": 2**13, "cuda": 2**17}


def observe(model: MLP, problem: Problem, points: np.ndarray, *, chunk: int | None = None, path: str = "eager") -> np.ndarray:
    """What the problem's data and reference speak of, ``(n_points, n_observed)``, float64."""
    return observed(model, problem, as_tensor(points, model.weights[0]), chunk=chunk, path=path).cpu().numpy()


@torch.no_grad()
def observed(model: MLP, problem: Problem, points: Tensor, *, chunk: int | None = None, path: str = "eager") -> Tensor:
    """The same, from a tensor on the model's device, and left there."""
    plan = problem.observe_plan
    parts = points.split(chunk or CHUNK[points.device.type])
    return torch.cat([problem.observe(propagation.evaluate(model, part, plan, path=path)).double() for part in parts])


def error(model: MLP, problem: Problem, points: np.ndarray, reference: np.ndarray, *, path: str = "eager") -> float:
    """Relative L2 error at ``points``, against ``problem.solution(points)``."""
    return relative_l2(problem.compared(observe(model, problem, points, path=path)), problem.compared(reference))


def residual(model: MLP, problem: Problem, points: np.ndarray, *, chunk: int = 8192) -> np.ndarray:
    """The problem's residual ``(n_points,)``, float64, at ``points`` ``(n_points, n_coordinates)``."""
    like = model.weights[0]
    with torch.no_grad():
        parts = [
            problem.residual(part, propagation.evaluate(model, part, problem.plan)).double().cpu()
            for part in as_tensor(points, like).split(chunk)
        ]
    return torch.cat(parts).numpy()
