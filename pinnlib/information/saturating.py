"""Saturation: how many activations are at an end of their range, in percent."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from . import paper_binning
from .binnings import TOP, Paper, bounds_of, within
from .row_counts import rows

__all__ = ["saturation"]

WAYS = ("range", "authors", "bounds")


@torch.no_grad()
def saturation(
    activations: Tensor | np.ndarray,
    *,
    by: str = "range",
    bins: int = 30,
    threshold: float = 0.95,
    bounds: tuple[float, float] | str = "tanh",
) -> float:
    """Percent of the activations at an end of their range, mean over neurons.

    ``by="range"`` is the paper's: percent of samples whose activation falls in a neuron's lowest or highest bin, with the
    bins of :mod:`pinnlib.information.paper_binning`.  The highest of m bins is ``[edge m - 1, max]``, max included, so it
    holds the codes m - 1 and m.  A neuron of at most 2 bins has no others, and counts with 100%.  This way looks at each
    neuron's own range: a neuron that stays in the linear part of tanh is counted like one at its bounds.

    ``by="authors"`` counts as their code does: the maxima are raised by :data:`~pinnlib.information.binnings.TOP`, and the lowest
    and the highest bin are counted one after the other.  So a neuron of one bin counts with 200%, and the mean can exceed 100.

    ``by="bounds"`` looks at the bounds of the activation function: percent of the activations that are further from the middle
    between the bounds than ``threshold`` times half their distance.  For tanh and sine that is abs(T) > threshold.  Where there
    is only one bound, as 0 for softplus, it is nearer to that one than 1 - threshold: T < 0.05 there.

    Args:
        activations: ``(n_samples, n_neurons)``, finite.
        by: ``"range"``, ``"authors"`` or ``"bounds"``.
        bins: bins that a neuron of mean range gets, for the first two.
        threshold: in (0, 1), for ``"bounds"``.
        bounds: ``(low, high)``, or the name of an activation, for ``"bounds"``.

    Returns:
        Percent, in [0, 100]; in [0, 200] as the authors count.

    Raises:
        ValueError: activations as in :func:`binned_entropy`, or outside the bounds; an unknown way; no bound at all.
    """
    if by not in WAYS:
        raise ValueError(f"by is {by!r}: choose one of {WAYS}")
    x = paper_binning.tensor(activations)
    if by == "range":
        return 100.0 * _at_range(x, Paper(bins)) / x.numel()
    if by == "authors":
        return 100.0 * _as_the_authors(x, bins) / x.numel()
    if isinstance(threshold, bool) or not 0 < threshold < 1:
        raise ValueError(f"threshold is {threshold!r}: give a number between 0 and 1")
    return 100.0 * _at_bounds(x, bounds_of(bounds), float(threshold)) / x.numel()


def _at_range(x: Tensor, rule: Paper) -> int:
    """How many activations are in the lowest or the highest bin."""
    codes = rule.codes(x)
    highest = (codes.max(0).values - 1).clamp_(min=0)  # the sample at max has the code m
    return sum(int(((part <= 0) | (part >= highest)).sum()) for part in codes.split(rows(x)))


def _as_the_authors(x: Tensor, bins: int) -> int:
    """How many are in the lowest bin, and how many in the highest; where a neuron has one edge alone, nothing is above it."""
    low, high = paper_binning.limits(x)
    found = paper_binning.grid(low, high + TOP, bins)
    if found is None:  # constants so large that the raised maximum is the maximum
        return x.numel()
    last = torch.as_tensor(found[0], device=x.device)
    codes = Paper(bins, TOP).codes(x)
    return sum(int((part == 0).sum() + (part == last - 1).sum()) for part in codes.split(rows(x)))


def _at_bounds(x: Tensor, bounds: tuple[float, float], threshold: float) -> int:
    """How many activations are near a bound."""
    low, high = bounds
    if math.isinf(low) and math.isinf(high):
        raise ValueError(f"bounds are {bounds}: an activation without bounds does not saturate, give (low, high)")
    within(x, bounds)
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    parts = (part.double() for part in x.split(rows(x)))
    if math.isfinite(half):
        return sum(int(((p - middle).abs() > threshold * half).sum()) for p in parts)
    near = 1.0 - threshold
    return sum(int((p < low + near if math.isfinite(low) else p > high - near).sum()) for p in parts)
