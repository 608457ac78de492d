r"""Signal, noise and their ratio in the gradients of batches.

A training set is cut into B equal batches.  Batch b has the gradient :math:`g_b` of its own loss: the
mean over its points, plus the *whole* data term.  With mean and standard deviation over the batches
(population statistics, ddof = 0), component by component,

.. math::

   \mathrm{signal} = \lVert \operatorname{mean}_b g_b \rVert_2, \qquad
   \mathrm{noise} = \lVert \operatorname{std}_b g_b \rVert_2, \qquad
   \mathrm{SNR} = \frac{\mathrm{signal}}{\mathrm{noise}}, \qquad
   \varphi = \frac{\mathrm{signal}}{\lVert \operatorname{rms}_b g_b \rVert_2}
           = \frac{\mathrm{SNR}}{\sqrt{1 + \mathrm{SNR}^2}} .

This is a ratio of norms.  The elementwise ratio mean^2 / variance that other libraries call GSNR is
another quantity.  Source: the paper, section 2; introduced in the chapter *Signal and noise of a gradient*.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import models
from .models import MLP
from .problems.base import Problem
from .problems.conditions import Condition
from .problems.terms import DataTerm, ResidualTerm

__all__ = [
    "Statistics",
    "adam",
    "adam_numbers",
    "adam_step",
    "batch_gradients",
    "by_layer",
    "corrected",
    "data_gradients",
    "is_adam",
    "noise",
    "norms",
    "order",
    "second_moment",
    "signal",
    "snr",
    "statistics",
]


def signal(grads: Tensor) -> float:
    """Norm of the mean gradient; ``grads`` is ``(n_batches, ...)``."""
    return _norm(_checked(grads).mean(0))


def noise(grads: Tensor) -> float:
    """Norm of the componentwise standard deviation over batches (ddof = 0); ``grads`` is ``(n_batches, ...)``."""
    return _norm(_checked(grads).std(0, correction=0))


def snr(grads: Tensor) -> float:
    """Signal-to-noise ratio of ``grads`` ``(n_batches, n_params)``; inf where the batches agree exactly, nan for all zeros."""
    return _ratio(signal(grads), noise(grads))


def order(grads: Tensor) -> float:
    """Gradient order parameter in [0, 1]: norm of the mean over norm of the root mean square."""
    grads = _checked(grads)
    return _ratio(_norm(grads.mean(0)), _norm(grads.square().mean(0).sqrt()))


@dataclass(frozen=True)
class Statistics:
    """What the gradients of the batches say, for the whole network, by layer and by loss term.

    The data term is the same in every batch.  So it adds to the signal and cancels from the noise,
    and the split by loss term is exact: ``snr_residual`` is the ratio without it.

    Attributes:
        signal: norm of the mean gradient of the loss.
        noise: norm of the standard deviation over batches.
        signal_residual: norm of the mean gradient of the residual term alone.
        signal_data: norm of the gradient of the data term, with its weight in the loss.
        signal_layers: signal of each layer.
        noise_layers: noise of each layer.
    """

    signal: float
    noise: float
    signal_residual: float
    signal_data: float
    signal_layers: tuple[float, ...]
    noise_layers: tuple[float, ...]

    @classmethod
    def of(cls, norms: np.ndarray) -> Statistics:
        """From the norms of the layers ``(4, n_layers)``, see :func:`norms`."""
        signals, noises, residual, data = (tuple(map(float, row)) for row in norms)
        return cls(
            signal=math.hypot(*signals),
            noise=math.hypot(*noises),
            signal_residual=math.hypot(*residual),
            signal_data=math.hypot(*data),
            signal_layers=signals,
            noise_layers=noises,
        )

    @property
    def snr(self) -> float:
        """Signal over noise."""
        return _ratio(self.signal, self.noise)

    @property
    def snr_residual(self) -> float:
        """Signal over noise of the residual term alone."""
        return _ratio(self.signal_residual, self.noise)

    @property
    def snr_layers(self) -> tuple[float, ...]:
        """Signal over noise, layer by layer."""
        return tuple(map(_ratio, self.signal_layers, self.noise_layers))

    @property
    def order(self) -> float:
        """Gradient order parameter, SNR / sqrt(1 + SNR^2)."""
        return _ratio(self.signal, math.hypot(self.signal, self.noise))


def statistics(batch_grads: Sequence[Tensor], data_grads: Sequence[Tensor] | None = None) -> Statistics:
    """All statistics at once.

    Args:
        batch_grads: gradients of the residual term, one ``(n_batches, ...)`` a layer.
        data_grads: gradient of the data term, which all batches share, one ``(...)`` a layer.
    """
    return Statistics.of(norms(batch_grads, data_grads).cpu().numpy())


def norms(batch_grads: Sequence[Tensor], data_grads: Sequence[Tensor] | None = None) -> Tensor:
    """What :func:`statistics` are made of, still on the device, so that nobody waits for them: ``(4, n_layers)``, float64.

    Signal, noise, signal of the residual term and signal of the data term of each layer; arguments as there.

    The noise is taken from ``batch_grads`` alone.  Adding the shared term first would be the same in
    exact arithmetic, and would lose the noise to rounding where the shared term is 10^5 times larger.
    """
    columns = []
    for layer, grads in enumerate(batch_grads):
        mean, spread = _mean_and_noise(grads)
        shared = torch.zeros_like(mean) if data_grads is None else data_grads[layer].double()
        columns.append(torch.stack([_length(mean + shared), spread, _length(mean), _length(shared)]))
    return torch.stack(columns, dim=1)


def batch_gradients(
    model: MLP,
    problem: Problem,
    points: Tensor,
    *,
    batches: int,
    weights: Tensor | None = None,
    power: int = 2,
    biases: bool = False,
    path: str = "eager",
) -> list[Tensor]:
    """Gradient of each batch's mean weighted squared residual, from one backward pass.

    Each layer's weight gradient is a product of matrices that sums over points; summed batch by batch
    it holds the batches' gradients side by side (see :mod:`pinnlib.problems.terms`).

    Args:
        points: ``(n_points, n_coordinates)``; batch b is the b-th of ``batches`` equal slices.
        weights: lambda ``(n_points,)``, or None for the plain residual.
        power: of lambda in the loss, see :class:`pinnlib.rba.RBA`.
        biases: count the biases in; the paper takes weight matrices only.
        path: torch's operations or machine code; see :mod:`pinnlib.taylor.backends`.
        model: the network.
        problem: whose residual.
        batches: equal parts of the points, at least 2.

    Returns:
        One tensor ``(batches, n_out, n_in)`` a layer; with biases ``(batches, n_out, n_in + 1)``.

    Raises:
        ValueError: fewer than 2 batches, or batches that do not divide the points.
    """
    n = len(points)
    if batches < 2 or n % batches:
        raise ValueError(f"{batches} batches do not cut {n} points into equal parts: choose a divisor of {n} that is at least 2")
    term = ResidualTerm(problem, points, batches=batches, sizes=model.sizes, activation=model.activation, path=path)
    factor = None if weights is None else lambda residual: weights**power
    _, _, grads = term(list(model.weights), list(model.biases), factor, unknowns=model.unknowns, apart=True)
    assert grads is not None  # apart
    return by_layer(models.split(grads, model.sizes), biases=biases)


def data_gradients(
    model: MLP,
    problem: Problem,
    points: Tensor,
    values: Tensor,
    *,
    weight: float = 1.0,
    biases: bool = False,
    path: str = "eager",
) -> list[Tensor]:
    """Gradient of ``weight`` times the data term, the mean squared misfit at the data points; one ``(n_out, n_in)`` a layer."""
    where = Condition("data", points.cpu().numpy(), None, values.cpu().numpy())
    term = DataTerm(problem, [where], [(points, values)], sizes=model.sizes, activation=model.activation, path=path)
    _, (grads,) = term(list(model.weights), list(model.biases), scale=weight, unknowns=model.unknowns)
    return by_layer(models.split(grads, model.sizes), biases=biases)


def by_layer(grads: Sequence[Tensor], *, biases: bool = False) -> list[Tensor]:
    """One gradient a layer, from those of all weights and then all biases; a bias, if counted, is the last column."""
    n = len(grads) // 2
    if not biases:
        return list(grads[:n])
    return [torch.cat([w, b.unsqueeze(-1)], dim=-1) for w, b in zip(grads[:n], grads[n:], strict=True)]


def adam(optimizer: torch.optim.Optimizer, member: int | None = None) -> float:
    r"""Adam's own SNR, :math:`\lVert \hat m \rVert / \lVert \sqrt{\hat v} + \epsilon \rVert`; nan before the first step.

    Over all parameters, biases too, as the paper has it; with ``amsgrad``, v is the largest so far, by which the step divides.
    ``member`` is that of an ensemble, along the first axis.  nan for another optimizer, see :func:`is_adam`.
    """
    return float(adam_numbers(*_of(optimizer, member))[0])


def adam_step(optimizer: torch.optim.Optimizer, member: int | None = None) -> float:
    r"""Mean of :math:`|\hat m| / (\sqrt{\hat v} + \epsilon)`; nan before the first step.

    It is the size of Adam's step in units of its learning rate, without the decay of the weights that AdamW makes beside it.  nan
    for another optimizer, see :func:`is_adam`.
    """
    return float(adam_numbers(*_of(optimizer, member))[1])


def is_adam(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimizer's step is that of Adam.

    It is that of ``torch.optim.Adam`` and ``AdamW``, and of classes made from these that leave their method ``step`` alone.
    Others that keep moments of the same names, such as NAdam and RAdam, make another step of them.
    """
    adams = (torch.optim.Adam, torch.optim.AdamW)
    # unwrapped, since torch puts its hooks around the step of each class
    return isinstance(optimizer, adams) and inspect.unwrap(type(optimizer).step) in [inspect.unwrap(kind.step) for kind in adams]


def second_moment(state: Mapping[str, Tensor], group: Mapping[str, Any]) -> Tensor:
    """The v by which Adam divides, of one parameter's state and group: with ``amsgrad`` the largest that it ever was."""
    return state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]


def adam_numbers(mean: Tensor, root: Tensor) -> Tensor:
    """What :func:`adam` and :func:`adam_step` give, ``(2,)``, still on the device, of what :func:`corrected` gives."""
    return torch.stack([_length(mean) / _length(root), (mean / root).abs().mean()])


def corrected(
    first: Tensor, second: Tensor, step: Tensor, *, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> tuple[Tensor, Tensor]:
    r"""Adam's :math:`\hat m` and :math:`\sqrt{\hat v} + \epsilon` after ``step`` steps, flat, float64; nan before the first.

    Args:
        first: mean of the gradient.
        second: mean of its square, of the same shape.
        step: how many steps were made, a scalar.
        betas: of the two means.
        eps: Adam's.
    """
    done = step.to(first.device, torch.float64)
    return (
        (first.double() / (1.0 - betas[0] ** done)).flatten(),
        (second.double() / (1.0 - betas[1] ** done)).sqrt().flatten() + eps,
    )


def _of(optimizer: torch.optim.Optimizer, member: int | None) -> tuple[Tensor, Tensor]:
    """The same over all parameters of one of torch's optimizers."""
    parts = [(torch.full((1,), math.nan, dtype=torch.float64, device="cpu"),) * 2]
    for group in optimizer.param_groups if is_adam(optimizer) else ():
        for state in (optimizer.state[p] for p in group["params"] if optimizer.state.get(p)):
            moments = (state["exp_avg"], second_moment(state, group))
            first, second = moments if member is None else (one[member] for one in moments)
            parts.append(corrected(first, second, state["step"], betas=group["betas"], eps=group["eps"]))
    means, roots = zip(*(parts[1:] or parts), strict=True)
    return torch.cat(means), torch.cat(roots)


def _mean_and_noise(grads: Tensor) -> tuple[Tensor, Tensor]:
    """What ``grads.double().mean(0)`` and :func:`noise` give, to the precision of ``grads``, in a tenth of the time.

    Differences from a first mean are small and lose nothing, so they can stay in the precision of ``grads``; what
    the first mean lacks is the mean of the differences.  Sums are taken row by row, then in double precision.
    """
    _check(grads)
    first = grads.mean(0)
    apart = (grads - first).flatten(1)
    missing = apart.mean(0).double()
    spread = torch.linalg.vector_norm(apart, dim=1).double().square().mean() - missing.square().sum()
    return first.double() + missing.view_as(first), spread.clamp(min=0.0).sqrt()


def _checked(grads: Tensor) -> Tensor:
    _check(grads)
    return grads.double()


def _check(grads: Tensor) -> None:
    if grads.ndim < 2 or len(grads) < 2:
        raise ValueError(f"gradients have shape {tuple(grads.shape)}: SNR needs (n_batches, n_params) with at least 2 batches")
    if grads.is_complex():
        raise ValueError("gradients are complex: give their real and imaginary parts side by side, by torch.view_as_real")


def _length(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x.double())


def _norm(x: Tensor) -> float:
    return float(_length(x))


def _ratio(a: float, b: float) -> float:
    if b == 0.0:
        return math.nan if a == 0.0 else math.inf
    return a / b
