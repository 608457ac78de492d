"""What a network says at given points: fields, residuals, error."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .models import MLP, as_tensor, predict
from .problems.base import Problem, relative_l2
from .problems.outputs import Outputs
from .taylor import propagation
from .taylor.partials import Fields

__all__ = ["error", "fields", "observe", "observed", "predict", "read", "relative_l2", "residual"]


#: Points that go through a network at once, by the kind of device.
CHUNK = {"cpu": 2**13, "cuda": 2**17}


def observe(model: MLP, problem: Problem, points: np.ndarray, *, chunk: int | None = None, path: str = "eager") -> np.ndarray:
    """What the problem's data and reference speak of, ``(n_points, n_observed)``, float64."""
    return observed(model, problem, as_tensor(points, model.weights[0]), chunk=chunk, path=path).cpu().numpy()


@torch.no_grad()
def observed(model: MLP, problem: Problem, points: Tensor, *, chunk: int | None = None, path: str = "eager") -> Tensor:
    """The same, from a tensor on the model's device, and left there."""
    parts = points.split(chunk or CHUNK[points.device.type])
    return torch.cat([problem.observe(read(model, problem.observed_outputs, part, path=path)).double() for part in parts])


def read(model: MLP, outputs: Outputs, points: Tensor, *, path: str = "eager") -> Fields:
    """What a formula of the problem reads, at ``points`` ``(n_points, n_coordinates)``."""
    streams = propagation.propagate(points, model.weights, model.biases, model.activation, outputs.plan, path=path)
    return outputs(streams, points, model.unknowns)


@torch.no_grad()
def fields(model: MLP, problem: Problem, points: np.ndarray, *, chunk: int = 8192) -> np.ndarray:
    """The problem's fields ``(n_points, n_fields)``, float64: what the network gives, in their own units and transformed."""
    if not problem.maps_outputs:
        return predict(model, points, chunk=chunk)
    outputs, parts = Outputs(problem, problem.fields, {}), as_tensor(points, model.weights[0]).split(chunk)
    found = [read(model, outputs, part) for part in parts]
    return torch.cat([torch.stack([getattr(d, name) for name in problem.fields], dim=-1).double() for d in found]).cpu().numpy()


def error(model: MLP, problem: Problem, points: np.ndarray, reference: np.ndarray, *, path: str = "eager") -> float:
    """Relative L2 error at ``points``, against ``problem.solution(points)``."""
    return relative_l2(problem.compared(observe(model, problem, points, path=path)), problem.compared(reference))


def residual(model: MLP, problem: Problem, points: np.ndarray, *, chunk: int = 8192) -> np.ndarray:
    """The problem's residual, float64, at ``points`` ``(n_points, n_coordinates)``, in its own units.

    Returns:
        ``(n_points,)``; of a system ``(n_equations, n_points)``, in the order of ``problem.equations``.
    """
    scale = problem.residual_outputs.scale if problem.normalize else 1.0
    with torch.no_grad():
        parts = [
            problem.residuals(part, read(model, problem.residual_outputs, part)).double().cpu()
            for part in as_tensor(points, model.weights[0]).split(chunk)
        ]
    return torch.cat(parts, dim=-1).numpy() * scale
