"""What is measured at a probe: one row of a run's history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from . import evaluation, models, order, snr
from .config import Config
from .models import MLP
from .objective import Evaluated
from .problems.base import Problem

__all__ = ["CURVATURE", "FRESH", "HISTORY", "Probe"]

#: What a probe measures; one row each in ``run.history``.
HISTORY = {
    "step": "Adam steps done",
    "loss": "the weighted loss that is minimized",
    "loss_residual": "unweighted mean squared residual",
    "loss_data": "unweighted mean squared error at the data points",
    "rel_l2": "relative L2 error on the test grid; nan without a reference",
    "snr": "signal over noise of the batch gradients",
    "snr_layers": "the same, layer by layer",
    "snr_residual": "signal over noise of the residual term alone",
    "signal": "norm of the mean batch gradient",
    "noise": "norm of the batch gradients' standard deviation",
    "signal_layers": "signal, layer by layer",
    "noise_layers": "noise, layer by layer",
    "signal_residual": "signal of the residual term alone",
    "signal_data": "norm of the data term's gradient, with its weight",
    "snr_adam": "Adam's SNR, from its moments",
    "adam_step": "mean size of Adam's step over its learning rate",
    "order_gradient": "gradient order parameter, SNR / sqrt(1 + SNR^2)",
    "order_residual": "order parameter of abs(residual) over 10 x 10 cells",
    "order_weights": "order parameter of the RBA weights over 10 x 10 cells",
    "rba_mean": "mean RBA weight",
    "rba_max": "largest RBA weight",
    "wall_time": "seconds of training so far",
}

#: What a probe measures besides, where ``Config.probe_fresh`` asks for it.
FRESH = {
    "snr_fresh": "signal over noise at points that are not trained on",
    "signal_fresh": "signal there",
    "noise_fresh": "noise there",
}

#: And where ``Config.probe_sharpness`` does; nan at the probes between.
CURVATURE = {
    "sharpness": "largest eigenvalue of the loss's Hessian",
    "sharpness_adam": "the same as Adam feels it, to compare with 38 / lr",
}


class Probe:
    """Measures one network in training; the test grid and its reference are made once.

    All numbers are computed on the device and read at once, so a GPU is waited for once a probe.
    """

    def __init__(self, problem: Problem, config: Config, path: str, like: Tensor) -> None:
        self.problem, self.config, self.path = problem, config, path
        grid = problem.test_grid() if problem.has_reference else None
        self.test_points = None if grid is None else torch.as_tensor(grid, dtype=like.dtype, device=like.device)
        self.test_values = None if grid is None else problem.compared(problem.solution(grid))

    def __call__(
        self,
        step: int,
        model: MLP,
        points: np.ndarray,
        here: Evaluated,
        optimizer: torch.optim.Adam,
        member: int | None,
        wall_time: float,
    ) -> dict[str, float | np.ndarray]:
        """A row of the history: everything in :data:`HISTORY`."""
        biases, domain = self.config.biases, self.problem.domain
        grads = (snr.by_layer(models.split(g, model.sizes), biases=biases) for g in (here.batch_grads, here.data_grads))
        residual, attention = here.residual.double(), here.attention.double()
        numbers = [here.loss, (residual**2).mean(), here.loss_data, attention.mean(), attention.max()]
        parts = [
            torch.stack([n.double() for n in numbers]),
            snr.norms(*grads),
            snr.adam_numbers(optimizer, member).to(residual.device),
            residual,
            attention,
        ]
        if self.test_points is not None:
            parts.append(evaluation.observed(model, self.problem, self.test_points, path=self.path))
        numbers, norms, adam, residual, attention, *found = _read(parts)
        stats, error = snr.Statistics.of(norms), float("nan")
        if found:
            error = evaluation.relative_l2(self.problem.compared(found[0]), self.test_values)
        return {
            "step": step,
            "loss": float(numbers[0]),
            "loss_residual": float(numbers[1]),
            "loss_data": float(numbers[2]),
            "rel_l2": error,
            "snr": stats.snr,
            "snr_layers": np.array(stats.snr_layers),
            "snr_residual": stats.snr_residual,
            "signal": stats.signal,
            "noise": stats.noise,
            "signal_layers": np.array(stats.signal_layers),
            "noise_layers": np.array(stats.noise_layers),
            "signal_residual": stats.signal_residual,
            "signal_data": stats.signal_data,
            "snr_adam": float(adam[0]),
            "adam_step": float(adam[1]),
            "order_gradient": stats.order,
            "order_residual": order.spatial_order(points, residual, domain),
            "order_weights": order.spatial_order(points, attention, domain),
            "rba_mean": float(numbers[3]),
            "rba_max": float(numbers[4]),
            "wall_time": wall_time,
        }


def _read(parts: Sequence[Tensor]) -> list[np.ndarray]:
    """Tensors of one device and type as arrays, by one copy."""
    flat = torch.cat([part.detach().flatten() for part in parts]).cpu().numpy()
    ends = np.cumsum([part.numel() for part in parts])[:-1]
    return [values.reshape(part.shape) for values, part in zip(np.split(flat, ends), parts, strict=True)]
