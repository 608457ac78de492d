r"""What the loss makes of the points: residual-based attention, its controls, and its rivals.

A weighting follows the points' weights :math:`\lambda_i` and says by what each squared residual is multiplied.  Besides
:class:`~pinnlib.rba.RBA` there are

* :class:`SelfAdaptive`: weights that climb the loss while the network descends it;
* :class:`RAD`: no weights, but points drawn anew where the residual is large.

The names of :data:`NAMED` are those of command lines and lists.  ``ramp`` and ``permuted`` are controls of RBA: they keep
the size of its weights at every step and take away what they know of the points.  Introduced in the chapter
*Attention or balance?*
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .rba import RBA, normalized

__all__ = ["NAMED", "RAD", "SelfAdaptive", "Weighting", "followed", "from_dict", "made", "permutation"]


@dataclass(frozen=True, kw_only=True)
class SelfAdaptive:
    r"""Self-adaptive weights: the loss is descended in the network's weights and ascended in the points'.

    .. math:: \lambda_i \leftarrow \lambda_i + \eta\, \frac{\lambda_i r_i^2}{\max_j \lambda_j r_j^2}

    The fraction is the gradient of the loss :math:`\langle (\lambda_i r_i)^2 \rangle` with respect to
    :math:`\lambda_i`, divided by its largest value so that ``rate`` has no unit; the source ascends by Adam.  The
    weights never shrink.
    Source: McClenny and Braga-Neto (2023).

    Attributes:
        rate: eta, what the steepest weight gains in one step.
        initial: lambda at the start.
    """

    rate: float = 1e-3
    initial: float = 1.0
    kind: str = field(default="self-adaptive", init=False)

    def __post_init__(self) -> None:
        if not self.rate >= 0.0:
            raise ValueError(f"SelfAdaptive rate = {self.rate}: it must not be negative")
        if not self.initial > 0.0:
            raise ValueError(f"SelfAdaptive initial = {self.initial}: give a positive weight, since 0 has no slope to climb")

    def updated(self, weights: Tensor, residual: Tensor, step: int) -> Tensor:
        """The weights ``(..., n_points)`` after a step with this ``residual``."""
        return weights + self.rate * normalized(weights * residual.detach().square())

    def factor(self, weights: Tensor, permutation: Tensor | None) -> Tensor:
        """lambda^2."""
        return weights**2

    def describe(self) -> str:
        """A few words, for a figure's stamp."""
        return f"self-adaptive {self.rate:g}"


@dataclass(frozen=True, kw_only=True)
class RAD:
    r"""Residual-based adaptive distribution: all points are drawn anew, every so many steps, from the density

    .. math:: p(x) \propto \frac{|r(x)|^k}{\mathrm{E}\,|r|^k} + c ,

    which is approximated by drawing without replacement from a uniform pool.  All points weigh the same.
    Source: Wu, Zhu, Tan, Kartha and Lu (2023), whose k and c are the defaults here.

    Attributes:
        every: steps between two draws.
        power: k.
        floor: c, in units of the mean of abs(r)^k.
        pool: size of the pool, in numbers of collocation points.
    """

    every: int = 1000
    power: float = 1.0
    floor: float = 1.0
    pool: int = 8
    kind: str = field(default="rad", init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"RAD every = {self.every!r}: give a whole number of steps, at least 1")
        if not self.power >= 0.0:
            raise ValueError(f"RAD power = {self.power}: it must not be negative")
        if not self.floor > 0.0:
            raise ValueError(f"RAD floor = {self.floor}: give a positive number, so that no place is left without points")
        if not isinstance(self.pool, int) or self.pool < 2:
            raise ValueError(f"RAD pool = {self.pool!r}: give a whole number of at least 2, or there is nothing to choose from")

    def draw(self, residual: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        """Which ``n`` of the pool's points to take, by their ``residual`` ``(n_pool,)``; in random order."""
        size = np.abs(residual) ** self.power
        mean = size.mean()
        density = (size / mean if mean > 0 else np.zeros_like(size)) + self.floor
        return rng.choice(len(residual), n, replace=False, p=density / density.sum())

    def describe(self) -> str:
        """A few words, for a figure's stamp."""
        return f"RAD every {self.every:,}"


Weighting = RBA | SelfAdaptive | RAD

#: By the names of command lines and lists.
NAMED: dict[str, Weighting | None] = {
    "vanilla": None,
    "rba": RBA(),
    "ramp": RBA(assignment="mean"),
    "permuted": RBA(assignment="permuted"),
    "self-adaptive": SelfAdaptive(),
    "rad": RAD(),
}


def followed(weighting: Weighting | None) -> RBA | SelfAdaptive:
    """The rule that a run's points' weights follow: without one in the loss RBA's, so that all kinds can be compared."""
    return RBA() if weighting is None or isinstance(weighting, RAD) else weighting


def in_loss(weighting: Weighting | None) -> RBA | SelfAdaptive | None:
    """The rule whose weights are in the loss; None without one, and for RAD, which moves points."""
    return weighting if followed(weighting) is weighting else None  # type: ignore[return-value]  # a rule that is followed


def from_dict(values: dict[str, Any] | None) -> Weighting | None:
    """The inverse of ``dataclasses.asdict`` of a weighting; None for None."""
    if values is None:
        return None
    values = dict(values)
    kind = values.pop("kind", "rba")
    return {"rba": RBA, "self-adaptive": SelfAdaptive, "rad": RAD}[kind](**values)


def made(name: str, settings: dict[str, Any]) -> Weighting | None:
    """The weighting of a name, with other settings where they are given.

    Raises:
        ValueError: an unknown name.
        TypeError: an unknown setting.
    """
    if name not in NAMED:
        raise ValueError(f"the weighting {name!r} is unknown, use one of {', '.join(NAMED)}")
    rule = NAMED[name]
    return rule if rule is None else dataclasses.replace(rule, **settings)


def permutation(n: int, seed: int) -> Tensor:
    """The fixed order in which points get each other's weights; ``(n,)``."""
    return torch.from_numpy(np.random.default_rng([seed, 30]).permutation(n))
