"""Coefficients of an equation that are not known, and are trained with the network."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Unknown", "is_number", "values"]


def is_number(value: object) -> bool:
    """Whether it is a finite real number, of Python's or numpy's, and no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Unknown:
    r"""A number that is to be found; the optimizer moves a :math:`\theta` that starts at 0.

    Its value is :math:`k_0 + s\,\theta`; where it must stay positive, :math:`k_0\,e^{s\,\theta}`, so that a step changes it by a
    share of itself.  An Adam step moves :math:`\theta` by about the learning rate: give a ``scale`` of the size of the answer
    where that is far from one.

    Attributes:
        start: k_0, where the search begins.
        positive: whether it stays positive.
        scale: s.
    """

    start: float
    positive: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not is_number(self.start):
            raise ValueError(f"an unknown starts at {self.start!r}: give a finite number to begin the search from")
        if self.positive and self.start <= 0:
            raise ValueError(f"a positive unknown starts at {self.start}: give a number above 0 to begin the search from")
        if not (is_number(self.scale) and self.scale > 0):
            raise ValueError(f"an unknown has scale = {self.scale!r}: give a positive number, about the size of the answer")
        object.__setattr__(self, "start", float(self.start))
        object.__setattr__(self, "scale", float(self.scale))

    def value(self, theta: Tensor) -> Tensor:
        """The coefficient, of the shape of ``theta``."""
        return self.start * torch.exp(self.scale * theta) if self.positive else self.start + self.scale * theta


def values(unknowns: Mapping[str, Unknown], theta: Tensor) -> dict[str, Tensor]:
    """The coefficients by name, ``(...)`` each, from all thetas ``(..., n_unknowns)``."""
    return {name: one.value(theta[..., k]) for k, (name, one) in enumerate(unknowns.items())}
