"""What a network says at given points: fields, residuals, error."""

from __future__ import annotations

import numpy as np
import torch

from . import derivatives
from .models import MLP
from .problems.base import Problem

__all__ = ["predict", "relative_l2", "residual"]


def predict(model: MLP, points: np.ndarray, *, chunk: int = 8192) -> np.ndarray:
    """Fields ``(n_points, n_fields)``, float64, at ``points`` ``(n_points, n_coordinates)``; memory is bounded by ``chunk``."""
    like = model.weights[0]
    with torch.no_grad():
        parts = [model(part).double().cpu() for part in _tensor(points, like).split(chunk)]
    return torch.cat(parts).numpy()


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
    return float(np.linalg.norm(values - reference) / np.linalg.norm(reference))


def _tensor(points: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(np.asarray(points), dtype=like.dtype, device=like.device)
