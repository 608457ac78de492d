"""All parameters of a multilayer perceptron as one flat tensor: weights first, then biases."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor

__all__ = ["count", "shapes", "split"]


def shapes(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Shapes of all weights and then all biases of a network with ``sizes``: coordinates, hidden widths, fields."""
    pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
    return [*((n_out, n_in) for n_in, n_out in pairs), *((n_out,) for _, n_out in pairs)]


def count(sizes: Sequence[int]) -> int:
    """Number of parameters of such a network."""
    return sum(map(prod, shapes(sizes)))


def split(flat: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """Views of ``flat`` ``(..., n_params)``: all weights ``(..., n_out, n_in)``, then all biases ``(..., n_out)``.

    What comes behind them in ``flat``, the unknown coefficients of an equation, is left out.
    """
    own, flat = shapes(sizes), flat[..., : count(sizes)]
    parts = flat.split([prod(shape) for shape in own], dim=-1)
    return [part.unflatten(-1, shape) for part, shape in zip(parts, own, strict=True)]
