r"""Residual-based attention (RBA): a weight for every collocation point, driven by its residual.

.. math::

   \lambda_i \leftarrow \gamma\,\lambda_i + \eta\,\frac{|r_i|}{\max_j |r_j|}, \qquad \lambda_i(0) = 0 .

It is a low-pass filter of the normalized residual with time constant :math:`1 / (1 - \gamma)` steps.
A weight that starts in :math:`[0, \eta / (1 - \gamma)]` stays there, since the added term is at most
:math:`\eta`.  The weight enters the loss squared, :math:`\langle (\lambda_i r_i)^2 \rangle`.

In a loop of one's own the weights are updated within the step, and then used.  A :class:`pinnlib.monitor.Monitor` measures
before the step.  So it must be given the weights of the coming step; then its loss is the one that is minimized:

>>> import torch
>>> import pinnlib as pl
>>> net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
>>> x, optimizer = torch.linspace(0, 1, 32).double()[:, None], torch.optim.Adam(net.parameters())
>>> def residual():  # (n_points,), for the largest of all points is looked for along the last axis
...     return (net(x) - x.sin())[:, 0]
>>> lam, rule = torch.zeros(32).double(), {"decay": 0.999, "rate": 0.01}
>>> def weights():
...     return pl.rba.update(lam, residual(), **rule) ** 2
>>> monitor = pl.Monitor(net, residual=residual, weights=weights, optimizer=optimizer, batches=8, every=1)
>>> for step in range(20):
...     row = monitor(step)
...     r = residual()
...     lam = pl.rba.update(lam, r, **rule)
...     loss = (lam * r).square().mean()
...     assert abs(row["loss"] / loss.item() - 1.0) < 1e-12
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()

Source: Anagnostopoulos et al., CMAME 421 (2024) 116805.  Introduced in the chapter *Residual-based attention*.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ASSIGNMENTS", "NORMALIZATIONS", "RBA", "bound", "normalized", "update"]

NORMALIZATIONS = ("max", "min-max")
ASSIGNMENTS = ("own", "mean", "permuted")


@dataclass(frozen=True, kw_only=True)
class RBA:
    """Settings of residual-based attention.

    Attributes:
        decay: gamma, what is kept of a weight in one step, in [0, 1).
        rate: eta, what the largest residual adds in one step.
        power: 2 for (lambda r)^2 as in the paper, 1 for lambda r^2 as in some libraries.
        normalization: ``"max"`` for abs(r) / max abs(r), ``"min-max"`` for (abs(r) - min) / (max - min).
        initial: lambda at the start; the paper takes 0.
        first_rate: eta of the very first step; that of all others unless told, as in the authors' runs.  With 1 the weights
            begin as the normalized residual and not near 0.
        assignment: ``"own"``: each point has its own weight.  The others are controls, which keep the size of the weights
            and take away what they know of the points: ``"mean"`` gives every point the mean of lambda^power,
            ``"permuted"`` gives each point the weight of another, always the same one.
    """

    decay: float = 0.999
    rate: float = 1e-3
    power: int = 2
    normalization: str = "max"
    initial: float = 0.0
    first_rate: float | None = None
    assignment: str = "own"

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
        if self.assignment not in ASSIGNMENTS:
            raise ValueError(f"RBA assignment {self.assignment!r} is unknown: choose one of {ASSIGNMENTS}")

    def rate_at(self, step: int) -> float:
        """eta of the update after ``step`` steps."""
        return self.rate if step or self.first_rate is None else self.first_rate

    def updated(self, weights: Tensor, residual: Tensor, step: int) -> Tensor:
        """The weights ``(..., n_points)`` after the step with this ``residual``, when ``step`` steps were done before."""
        return update(weights, residual, decay=self.decay, rate=self.rate_at(step), normalization=self.normalization)

    def factor(self, weights: Tensor, permutation: Tensor | None) -> Tensor:
        """What each squared residual is multiplied by, ``(..., n_points)``; ``permutation`` ``(..., n_points)`` of the points."""
        factor = weights**self.power
        if self.assignment == "mean":
            return factor.mean(-1, keepdim=True).expand_as(factor)
        if self.assignment == "permuted":
            assert permutation is not None  # the other assignments need none
            return factor.gather(
                -1, permutation if permutation.ndim == factor.ndim else permutation.unsqueeze(-2).expand_as(factor)
            )
        return factor

    def describe(self) -> str:
        """A few words, for a figure's stamp."""
        control = {"own": "", "mean": ", mean of its weights", "permuted": ", permuted"}[self.assignment]
        return f"RBA {self.decay}/{self.rate:g}{control}"


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
    return decay * weights + rate * normalized(residual.detach().abs(), from_least=normalization == "min-max")


def normalized(size: Tensor, *, from_least: bool = False) -> Tensor:
    """``size`` ``(..., n_points)`` over its largest value, or (size - min) / (max - min); zeros where all are equal (to zero)."""
    low = size.amin(-1, keepdim=True) if from_least else size.new_zeros(())
    span = size.amax(-1, keepdim=True) - low
    share = torch.where(span > 0, (size - low) / span, torch.zeros_like(size))
    # a residual that is not a number must not pass for "nothing to attend to"
    return torch.where(torch.isfinite(span), share, torch.full_like(share, float("nan")))


def bound(rba: RBA) -> float:
    """The largest value that a weight can take: of its start, its value after the first step, and rate / (1 - decay)."""
    return max(rba.initial, rba.decay * rba.initial + rba.rate_at(0), rba.rate / (1.0 - rba.decay))
