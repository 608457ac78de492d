r"""Residual-based attention (RBA): a weight for every collocation point, driven by its residual.

.. math::

   \lambda_i \leftarrow \gamma\,\lambda_i + \eta\,\frac{|r_i|}{\max_j |r_j|}, \qquad \lambda_i(0) = 0 .

It is a low-pass filter of the normalized residual with time constant :math:`1 / (1 - \gamma)` steps.
A weight that starts in :math:`[0, \eta / (1 - \gamma)]` stays there, since the added term is at most
:math:`\eta`.  The weight enters the loss squared, :math:`\langle (\lambda_i r_i)^2 \rangle`.

Source: Anagnostopoulos et al., CMAME 421 (2024) 116805.  Introduced in the chapter on the Helmholtz equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["NORMALIZATIONS", "RBA", "bound", "update", "weighted_square"]

NORMALIZATIONS = ("max", "min-max")


@dataclass(frozen=True, kw_only=True)
class RBA:
    """Settings of residual-based attention.

    Attributes:
        decay: gamma, what is kept of a weight in one step, in [0, 1).
        rate: eta, what the largest residual adds in one step.  0 leaves all weights at their start.
        power: 2 for (lambda r)^2 as in the paper, 1 for lambda r^2 as in some libraries.
        normalization: ``"max"`` for abs(r) / max abs(r), ``"min-max"`` for (abs(r) - min) / (max - min).
        initial: lambda at the start; the paper takes 0.
        first_rate: eta of the very first step; that of all others unless told.  The authors' runs of the Helmholtz
            equation take 1, so that their weights begin as the normalized residual and not near 0.
    """

    decay: float = 0.999
    rate: float = 1e-3
    power: int = 2
    normalization: str = "max"
    initial: float = 0.0
    first_rate: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.decay < 1.0:
            raise ValueError(f"RBA decay = {self.decay}: it must be at least 0 and below 1, else the weights grow without bound")
        if not self.rate >= 0.0:
            raise ValueError(f"RBA rate = {self.rate}: it must not be negative")
        if self.power not in (1, 2):
            raise ValueError(f"RBA power = {self.power}: use 2 for (lambda r)^2 or 1 for lambda r^2")
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(f"RBA normalization {self.normalization!r} is unknown: choose one of {NORMALIZATIONS}")
        if not self.initial >= 0.0:
            raise ValueError(f"RBA initial = {self.initial}: a weight must not be negative")
        if self.first_rate is not None and not self.first_rate >= 0.0:
            raise ValueError(f"RBA first_rate = {self.first_rate}: it must not be negative")

    def rate_at(self, step: int) -> float:
        """eta of the update after ``step`` steps."""
        return self.rate if step or self.first_rate is None else self.first_rate


def update(weights: Tensor, residual: Tensor, *, decay: float, rate: float, normalization: str = "max") -> Tensor:
    """One step of the weights; pure, nothing is changed in place.

    Args:
        weights: lambda, ``(..., n_points)``; leading axes are those of an ensemble.
        residual: r, ``(..., n_points)``; its sign and its graph are ignored.
        decay: gamma.
        rate: eta.
        normalization: ``"max"`` or ``"min-max"``.

    Returns:
        The new lambda, ``(..., n_points)``.  Where all residuals are equal to zero (or, for min-max,
        equal to each other) there is nothing to attend to and the weights only decay.
    """
    size = residual.detach().abs()
    low = size.amin(-1, keepdim=True) if normalization == "min-max" else size.new_zeros(())
    span = size.amax(-1, keepdim=True) - low
    share = torch.where(span > 0, (size - low) / span, torch.zeros_like(size))
    # a residual that is not a number must not pass for "nothing to attend to"
    share = torch.where(torch.isfinite(span), share, torch.full_like(share, float("nan")))
    return decay * weights + rate * share


def bound(rba: RBA) -> float:
    """The largest value that a weight can take: of its start, its value after the first step, and rate / (1 - decay)."""
    return max(rba.initial, rba.decay * rba.initial + rba.rate_at(0), rba.rate / (1.0 - rba.decay))


def weighted_square(weights: Tensor, residual: Tensor, *, power: int) -> Tensor:
    """What the loss averages: (lambda r)^2 for power 2, lambda r^2 for power 1; ``(n_points,)``."""
    return weights**power * residual**2
