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
another quantity.  Source: the paper, section 2; introduced in the chapter on the Helmholtz equation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import models
from .gradients import DataTerm, ResidualTerm
from .models import MLP
from .problems.base import Problem

__all__ = [
    "Statistics",
    "adam",
    "adam_step",
    "batch_gradients",
    "by_layer",
    "data_gradients",
    "noise",
    "order",
    "per_layer",
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


def per_layer(grads: Sequence[Tensor]) -> list[float]:
    """SNR of every layer; ``grads`` holds one ``(n_batches, n_out, n_in)`` a layer."""
    return [snr(g) for g in grads]


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

    The noise is taken from ``batch_grads`` alone.  Adding the shared term first would be the same in
    exact arithmetic, and would lose the noise to rounding where the shared term is 10^5 times larger.
    """
    means, noises = zip(*map(_mean_and_noise, batch_grads), strict=True)
    shared = [torch.zeros_like(m) for m in means] if data_grads is None else [g.double() for g in data_grads]
    signals = [_norm(m + s) for m, s in zip(means, shared, strict=True)]
    return Statistics(
        signal=math.hypot(*signals),
        noise=math.hypot(*noises),
        signal_residual=math.hypot(*map(_norm, means)),
        signal_data=math.hypot(*map(_norm, shared)),
        signal_layers=tuple(signals),
        noise_layers=tuple(noises),
    )


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
    it holds the batches' gradients side by side (see :mod:`pinnlib.gradients`).

    Args:
        points: ``(n_points, n_coordinates)``; batch b is the b-th of ``batches`` equal slices.
        weights: lambda ``(n_points,)``, or None for the plain residual.
        power: of lambda in the loss, see :func:`pinnlib.rba.weighted_square`.
        biases: count the biases in; the paper takes weight matrices only.
        path: torch's operations or machine code; see :mod:`pinnlib.compiling`.

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
    _, _, grads = term(list(model.weights), list(model.biases), factor, apart=True)
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
    term = DataTerm(problem, points, values, sizes=model.sizes, activation=model.activation, path=path)
    _, grads = term(list(model.weights), list(model.biases), scale=weight)
    return by_layer(models.split(grads, model.sizes), biases=biases)


def by_layer(grads: Sequence[Tensor], *, biases: bool = False) -> list[Tensor]:
    """One gradient a layer, from those of all weights and then all biases; a bias, if counted, is the last column."""
    n = len(grads) // 2
    if not biases:
        return list(grads[:n])
    return [torch.cat([w, b.unsqueeze(-1)], dim=-1) for w, b in zip(grads[:n], grads[n:], strict=True)]


def adam(optimizer: torch.optim.Adam, member: int | None = None) -> float:
    r"""Adam's own SNR, :math:`\lVert \hat m \rVert / \lVert \sqrt{\hat v} + \epsilon \rVert`; nan before the first step.

    Over all parameters, biases too, as the paper has it.  ``member`` is that of an ensemble, along the first axis.
    """
    pairs = _adam_moments(optimizer, member)
    if not pairs:
        return math.nan
    return _ratio(math.hypot(*(_norm(m) for m, _ in pairs)), math.hypot(*(_norm(v) for _, v in pairs)))


def adam_step(optimizer: torch.optim.Adam, member: int | None = None) -> float:
    r"""Mean of :math:`|\hat m| / (\sqrt{\hat v} + \epsilon)`; nan before the first step.

    It is the size of Adam's step in units of its learning rate.
    """
    pairs = _adam_moments(optimizer, member)
    if not pairs:
        return math.nan
    return float(torch.cat([(m / v).abs().flatten() for m, v in pairs]).mean())


def _adam_moments(optimizer: torch.optim.Adam, member: int | None) -> list[tuple[Tensor, Tensor]]:
    """Bias-corrected first moment, and square root of the second plus epsilon, for each parameter."""
    pairs = []
    for group in optimizer.param_groups:
        beta1, beta2 = group["betas"]
        for state in (optimizer.state[p] for p in group["params"] if optimizer.state.get(p)):
            t = float(state["step"])
            if t == 0:
                continue
            m, v = (state[name] if member is None else state[name][member] for name in ("exp_avg", "exp_avg_sq"))
            m, v = m.double() / (1.0 - beta1**t), v.double() / (1.0 - beta2**t)
            pairs.append((m, v.sqrt() + group["eps"]))
    return pairs


def _mean_and_noise(grads: Tensor) -> tuple[Tensor, float]:
    """What ``grads.double().mean(0)`` and :func:`noise` give, to the precision of ``grads``, in a tenth of the time.

    Differences from a first mean are small and lose nothing, so they can stay in the precision of ``grads``; what
    the first mean lacks is the mean of the differences.  Sums are taken row by row, then in double precision.
    """
    _check(grads)
    first = grads.mean(0)
    apart = (grads - first).flatten(1)
    missing = apart.mean(0).double()
    spread = torch.linalg.vector_norm(apart, dim=1).double().square().mean() - missing.square().sum()
    return first.double() + missing.view_as(first), math.sqrt(max(float(spread), 0.0))


def _checked(grads: Tensor) -> Tensor:
    _check(grads)
    return grads.double()


def _check(grads: Tensor) -> None:
    if grads.ndim < 2 or len(grads) < 2:
        raise ValueError(f"gradients have shape {tuple(grads.shape)}: SNR needs (n_batches, n_params) with at least 2 batches")


def _norm(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x.double()))


def _ratio(a: float, b: float) -> float:
    if b == 0.0:
        return math.nan if a == 0.0 else math.inf
    return a / b
