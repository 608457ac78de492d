r"""What is measured at a probe: one row of a run's history."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from .. import evaluation, order_parameter, snr
from ..problems import checks
from ..problems.base import Problem
from ..problems.conditions import reported, series_of
from ..problems.terms import ResidualTerm
from ..problems.unknowns import values
from ..taylor.parameters import split
from .adam import BETAS, EPS, Adam
from .hessian import Hessian, preconditioner
from .history import CURVATURE, Row
from .objective import LossAndGradients, Objective
from .state import State

__all__ = ["Probe"]

FRESH_SEED = 10**9  # far from the seeds that are used
SHARPNESS_TOLERANCE = 1e-2


class Probe:
    """Measures networks in training; the test grid and its reference are made once.

    All numbers of a network are computed on the device and read at once, so a GPU is waited for once a probe.

    Args:
        problem: what is solved.
        objective: what is minimized.
        state: gives precision and device.
    """

    def __init__(self, problem: Problem, objective: Objective, state: State) -> None:
        self.problem, self.objective, self.path = problem, objective, objective.path
        grid = problem.test_grid() if problem.has_reference else None
        self.test_points = None if grid is None else state.tensor(grid)
        self.test_values = None if grid is None else checks.reference(problem, grid)

    def __call__(
        self, state: State, here: LossAndGradients, adam: Adam | None, clock: Callable[[], float], *, sharpness: bool = False
    ) -> list[Row]:
        """A row of the history for each member.

        Args:
            state: what is measured.
            here: its losses and gradients, with those of the batches.
            adam: its moments; None where it is no longer Adam that moves the weights.
            clock: gives the seconds of training so far.
            sharpness: measure the curvature too.
        """
        rows = []
        for k, config in enumerate(state.configs):
            own = here if state.alone else here.member(k)
            row = self._row(state, k, own, adam) | {"wall_time": clock()}
            if config.probe_fresh:
                row |= self._at_fresh_points(state, k, own)
            if config.probe_sharpness:
                row |= self._sharpness(state, k, adam) if sharpness and adam else dict.fromkeys(CURVATURE, math.nan)
            rows.append(row)
        return rows

    def _row(self, state: State, k: int, here: LossAndGradients, adam: Adam | None) -> Row:
        """Everything in :data:`pinnlib.training.history.HISTORY` but the time, and what is named by the problem."""
        model, points, domain = state.models[k], self.objective.collocation.places[k], self.problem.domain
        biases = state.config.biases
        assert here.batch_grads is not None  # a probe has asked for them
        grads = (snr.by_layer(split(g, model.sizes), biases=biases) for g in (here.batch_grads, here.data_grads))
        each, attention = here.residual.double(), here.attention.double()
        residual = each.square().sum(-2).sqrt() if self.problem.equations else each
        scalars = [here.loss, (residual**2).mean(), here.losses_data.double().sum(), attention.mean(), attention.max()]
        parts = [
            torch.stack([n.double() for n in scalars]),
            snr.norms(*grads),
            self._of_adam(state, k, adam),
            residual,
            attention.mean(-2) if self.problem.equations else attention,
            self._named(state, k, here, each),
        ]
        if self.test_points is not None:
            parts.append(evaluation.observed(model, self.problem, self.test_points, path=self.path))
        numbers, norms, of_adam, residuals, weights, named, *found = _read(parts)
        stats, error = snr.Statistics.of(norms), float("nan")
        if found:
            assert self.test_values is not None
            error = evaluation.relative_l2(self.problem.compared(found[0]), self.test_values)
        return {
            "step": state.step,
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
            "snr_adam": float(of_adam[0]),
            "adam_step": float(of_adam[1]),
            "order_gradient": stats.order,
            "order_residual": order_parameter.spatial_order(points, residuals, domain),
            "order_weights": order_parameter.spatial_order(points, weights, domain),
            "rba_mean": float(numbers[3]),
            "rba_max": float(numbers[4]),
            **dict(zip(series_of(self.problem, self.objective.collocation.conditions), named.tolist(), strict=True)),
        }

    def _of_adam(self, state: State, k: int, adam: Adam | None) -> Tensor:
        """Adam's SNR, and the mean size of its step."""
        if adam is None:
            return torch.full((2,), math.nan, dtype=torch.float64, device=state.device)
        first, second = (state.each(part)[k] for part in (adam.exp_avg, adam.exp_avg_sq))
        return snr.adam_numbers(*snr.corrected(first, second, adam.done, betas=BETAS, eps=EPS))

    def _named(self, state: State, k: int, here: LossAndGradients, residual: Tensor) -> Tensor:
        """What :func:`pinnlib.problems.conditions.series_of` says, in its order."""
        problem, conditions = self.problem, self.objective.collocation.conditions
        found: list[Tensor] = []
        if problem.equations:
            found += list((residual**2).mean(-1))
        if reported(conditions):
            assert here.condition_grads is not None  # a probe has asked for them
            layers = snr.by_layer(split(here.condition_grads, state.sizes), biases=state.config.biases)
            lengths = torch.cat([layer.flatten(1) for layer in layers], dim=1).double().norm(dim=1)
            of_all = self.objective.condition_weights.double() * state.config.data_weight
            found += [number for one in zip(here.losses_data.double(), of_all, lengths, strict=True) for number in one]
        if state.unknowns is not None:
            found += list(values(problem.unknown, state.each(state.unknowns)[k].double()).values())
        return torch.stack(found) if found else residual.new_zeros(0)

    def _at_fresh_points(self, state: State, k: int, here: LossAndGradients) -> Row:
        """Signal and noise at other points, each with the factor of the nearest one that is trained on."""
        config, problem, objective = state.configs[k], self.problem, self.objective
        points = problem.collocation_points(config.points, FRESH_SEED + config.seed, config.sampling)
        factor = None
        if objective.weighted:
            where = objective.collocation if state.alone else objective.collocation.member(k)
            nearest = torch.from_numpy(cKDTree(objective.collocation.places[k]).query(points)[1]).to(state.device)
            factors = objective.rule.factor(here.attention, where.permutation)[..., nearest]
            factor = lambda residual: factors  # noqa: E731
        term = ResidualTerm(
            problem,
            state.tensor(points),
            batches=config.batches,
            sizes=state.sizes,
            activation=state.activation,
            path=self.path,
        )
        model = state.models[k]
        _, _, grads = term(list(model.weights), list(model.biases), factor, unknowns=model.unknowns, apart=True)
        assert grads is not None  # apart
        layers = (snr.by_layer(split(g, state.sizes), biases=config.biases) for g in (grads, here.data_grads))
        found = snr.Statistics.of(snr.norms(*layers).cpu().numpy())
        return {"snr_fresh": found.snr, "signal_fresh": found.signal, "noise_fresh": found.noise}

    def _sharpness(self, state: State, k: int, adam: Adam) -> Row:
        """Curvature of the coming step's loss, in double precision on the CPU."""
        where = self.objective.collocation if state.alone else self.objective.collocation.member(k)
        theta, attention, second = (
            state.each(part)[k].detach().double().cpu() for part in (state.theta, state.attention, adam.exp_avg_sq)
        )
        scale = preconditioner(second, state.step)
        here = Hessian(self.problem, state.configs[k], where.double(), theta, attention, state.step)
        return {
            "sharpness": here.sharpness(tolerance=SHARPNESS_TOLERANCE).value,
            "sharpness_adam": here.preconditioned_sharpness(scale, tolerance=SHARPNESS_TOLERANCE).value,
        }


def _read(parts: Sequence[Tensor]) -> list[np.ndarray]:
    """Tensors of one device and type as arrays, by one copy."""
    flat = torch.cat([part.detach().flatten() for part in parts]).cpu().numpy()
    ends = np.cumsum([part.numel() for part in parts])[:-1]
    return [values.reshape(part.shape) for values, part in zip(np.split(flat, ends), parts, strict=True)]
