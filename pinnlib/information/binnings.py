"""Rules that turn activations into whole numbers, neuron by neuron.

* :class:`Paper`: one width for the whole layer, edges over each neuron's own range.
* :class:`FixedWidth`: one width that you choose, edges at its multiples, the same in every layer and at every step.
* :class:`Quantile`: as many samples in each bin of a neuron as ties allow ("adaptive").
* :class:`FixedRange`: equal bins over the bounds of the activation function, such as (-1, 1) for tanh.
* :class:`Discrete`: no bins: each whole number is a kind of its own.

All compare in float64.  The paper's and the quantile rule look at the activations to place their edges, so a neuron that
shrinks keeps its bins.  The two fixed rules see it shrink.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..taylor import activations as functions
from . import paper_binning
from .row_counts import rows, storage

__all__ = ["TOP", "Discrete", "FixedRange", "FixedWidth", "Paper", "Quantile", "Rule", "bounds_of", "known"]


#: What the authors' code adds to a neuron's maximum before it places the edges.
TOP = 1e-6


class Rule(Protocol):
    """What an estimator needs of a rule."""

    def codes(self, activations: Tensor | np.ndarray) -> Tensor:
        """Whole numbers from 0 on, ``(n_samples, n_neurons)``, for activations of that shape."""
        ...


@dataclass(frozen=True)
class Paper:
    """The paper's rule, :mod:`pinnlib.information.paper_binning`.

    Attributes:
        bins: bins that a neuron of mean range gets.
        top: what is added to each neuron's maximum.  With 0 the sample at the maximum reaches the last edge and has a code of
            its own; the authors' code adds :data:`pinnlib.information.binnings.TOP`, so that it falls into the last bin.
    """

    bins: int = 30
    top: float = 0.0

    def __post_init__(self) -> None:
        _whole(self.bins, 1)
        if isinstance(self.top, bool) or not isinstance(self.top, Real) or not 0 <= self.top < math.inf:
            raise ValueError(f"top is {self.top!r}: give a number of at least 0, in units of the activation")

    def codes(self, activations: Tensor | np.ndarray) -> Tensor:
        """``np.digitize(column, edges) - 1`` for each neuron, ``(n_samples, n_neurons)``."""
        x = paper_binning.tensor(activations)
        low, high = paper_binning.limits(x)
        out = paper_binning.codes(x, low, high + float(self.top), int(self.bins))
        if out is None:
            return torch.zeros(x.shape, dtype=torch.int8, device=x.device)
        return out[:, : x.shape[1]]


@dataclass(frozen=True)
class FixedWidth:
    """Bins of one absolute width, with edges at its multiples: the code is ``floor(x / width)``, less that of the minimum.

    Attributes:
        width: of a bin, in units of the activation.
    """

    width: float = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.width, bool) or not isinstance(self.width, Real) or not 0 < self.width < math.inf:
            raise ValueError(f"width is {self.width!r}: give a finite number above 0, in units of the activation")

    def codes(self, activations: Tensor | np.ndarray) -> Tensor:
        """``floor(x / width)`` from each neuron's least on, ``(n_samples, n_neurons)``.

        Raises:
            ValueError: a width too fine for float64.
        """
        x = paper_binning.tensor(activations)
        low, high = paper_binning.limits(x)
        with np.errstate(over="ignore"):
            first, last = np.floor(low / self.width), np.floor(high / self.width)
        if max(np.abs(first).max(), np.abs(last).max()) >= 2.0**53:
            largest = max(np.abs(low).max(), np.abs(high).max())
            raise ValueError(f"width {self.width:g} is too fine for activations up to {largest:g} in float64: give a larger one")
        n, neurons = x.shape
        out = storage(n, neurons, int((last - first).max()), x.device)
        width, least = (torch.as_tensor(given, dtype=torch.float64, device=x.device) for given in ([float(self.width)], first))
        for part, code in zip(x.split(rows(x)), out.split(rows(x)), strict=True):
            code[:, :neurons].copy_(part.double().div(width).floor_().sub_(least))
        return out[:, :neurons]


@dataclass(frozen=True)
class Quantile:
    """As many samples in each bin, neuron by neuron.

    With the values of a neuron sorted, ``s[0] <= ... <= s[n - 1]``, the edges are ``s[k * n // bins]`` for k = 1 ... bins - 1,
    and a value belongs to the bin of the last edge that it reaches.  Without ties the sizes of the bins differ by at most
    1.  Equal values always share a bin, so ties make some bins larger, and others empty.  An increasing function of a neuron
    changes nothing.

    Attributes:
        bins: of each neuron.
    """

    bins: int = 30

    def __post_init__(self) -> None:
        _whole(self.bins, 2)

    def codes(self, activations: Tensor | np.ndarray) -> Tensor:
        """Number of edges that a value reaches, ``(n_samples, n_neurons)``."""
        x = paper_binning.tensor(activations)
        paper_binning.limits(x)
        n, neurons = x.shape
        out = storage(n, neurons, int(self.bins) - 1, x.device)
        at = torch.arange(1, int(self.bins), device=x.device) * n // int(self.bins)
        together = max(1, rows(x) * neurons // n)
        for start in range(0, neurons, together):
            columns = x[:, start : start + together].t().contiguous()
            edges = _sorted(columns)[:, at]
            out[:, start : start + len(columns)] = torch.searchsorted(edges, columns, right=True, out_int32=True).t()
        return out[:, :neurons]


@dataclass(frozen=True)
class FixedRange:
    """Equal bins over the bounds of the activation function, the same for all neurons, layers and steps.

    The edges are ``np.linspace(low, high, bins + 1)``, and the upper bound belongs to the last bin.

    Attributes:
        bins: over the whole range.
        bounds: ``(low, high)``, or the name of an activation that has both.
    """

    bins: int = 30
    bounds: tuple[float, float] | str = "tanh"

    def __post_init__(self) -> None:
        _whole(self.bins, 2)
        low, high = bounds_of(self.bounds)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(
                f"bounds {self.bounds!r} are ({low:g}, {high:g}), and this rule needs two finite ones: give the (low, high) that "
                "you want, or choose FixedWidth, or a rule that looks at the activations: Paper, Quantile"
            )

    def codes(self, activations: Tensor | np.ndarray) -> Tensor:
        """Number of inner edges that a value reaches, ``(n_samples, n_neurons)``."""
        x = paper_binning.tensor(activations)
        bounds = bounds_of(self.bounds)
        within(x, bounds)
        edges = torch.as_tensor(np.linspace(*bounds, int(self.bins) + 1)[1:-1], device=x.device)
        n, neurons = x.shape
        out = storage(n, neurons, int(self.bins) - 1, x.device)
        for part, code in zip(x.split(rows(x)), out.split(rows(x)), strict=True):
            code[:, :neurons] = torch.bucketize(part.double(), edges, right=True, out_int32=True)
        return out[:, :neurons]


@dataclass(frozen=True)
class Discrete:
    """For whole numbers, such as quantized activations or labels: equal numbers are of one kind."""

    def codes(self, activations: Tensor | np.ndarray) -> Tensor:
        """The numbers themselves, ``(n_samples, n_neurons)``.

        Raises:
            ValueError: real numbers.
        """
        x = paper_binning.tensor(activations)
        if x.dtype.is_floating_point or x.dtype.is_complex:
            raise ValueError(
                f"activations are of type {x.dtype}: Discrete() takes whole numbers (int), other rules take real ones"
            )
        return x


def _sorted(columns: Tensor) -> Tensor:
    """Rows in order; numpy sorts floats many times faster than torch, which keeps the places too."""
    if columns.device.type == "cpu" and columns.dtype in (torch.float32, torch.float64):
        return torch.from_numpy(np.sort(columns.numpy(), axis=1))
    return columns.sort(dim=1).values


def known(rule: Rule | None, default: Rule | None = None) -> Rule:
    """The rule, or the default in place of None.

    Raises:
        ValueError: no rule.
    """
    rule = (default or Paper()) if rule is None else rule
    if not callable(getattr(rule, "codes", None)) or isinstance(rule, type):
        raise ValueError(
            f"rule is {rule!r}: give one of Paper(bins), FixedWidth(width), Quantile(bins), FixedRange(bins, bounds), Discrete()"
        )
    return rule


def bounds_of(bounds: tuple[float, float] | str) -> tuple[float, float]:
    """``(low, high)``, of an activation function if named.

    Raises:
        ValueError: a low bound that is not below the high one.
    """
    low, high = functions.get(bounds).bounds if isinstance(bounds, str) else bounds
    if not low < high:
        raise ValueError(f"bounds are ({low!r}, {high!r}): give a low one and a higher one")
    return float(low), float(high)


def within(x: Tensor, bounds: tuple[float, float]) -> None:
    """See that all activations are finite and inside the bounds.

    Raises:
        ValueError: an activation outside the bounds, or not finite.
    """
    low, high = (v.min() if k == 0 else v.max() for k, v in enumerate(paper_binning.limits(x)))
    if low < bounds[0] or high > bounds[1]:
        wrong = low if low < bounds[0] else high
        raise ValueError(f"activations reach {wrong:g}, outside the bounds {bounds}: give the bounds of their own function")


def _whole(bins: object, least: int) -> None:
    if isinstance(bins, bool) or not isinstance(bins, Integral) or bins < least:
        raise ValueError(f"bins is {bins!r}: give a whole number (int) of at least {least}")
