"""Activation functions with the derivatives that Taylor mode needs.

``derivatives(z, value, order)`` returns ``[f, f', f'', ...]`` up to ``order``, at most 5.  ``bounds`` are
the values that the activation tends to; saturation is measured against them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Activation", "Sine", "Softplus", "Tanh", "get"]


def _anywhere() -> None:
    """Tells torch to put a result into memory of its own."""


def product(c: float, a: Tensor, b: Tensor, out: Tensor | None = None, *, add: float = 0.0) -> Tensor:
    """``add + c a b`` in one pass over memory, written to ``out`` if given."""
    return torch.addcmul(_constant(add, a.dtype, a.device), a, b, value=c, out=out)


@cache
def _constant(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Made once: a number copied to a GPU in every step is a wait, and cannot be recorded."""
    return torch.full((), value, dtype=dtype, device=device)


class Activation(Protocol):
    """What a layer needs of an activation."""

    name: str
    bounds: tuple[float, float]

    def value(self, z: Tensor, out: Tensor | None = None) -> Tensor:
        """f(z), written to ``out`` if given."""
        ...

    def derivatives(self, z: Tensor, value: Tensor, order: int, new: Callable[[], Tensor | None] = _anywhere) -> list[Tensor]:
        """``[f(z), f'(z), ...]`` up to ``order <= 5``, each of the shape of ``z``.

        Args:
            z: where.
            value: f(z).
            order: of the highest derivative.
            new: gives the memory for the next result; None for memory of its own.
        """
        ...


@dataclass(frozen=True)
class Tanh:
    """tanh(z)."""

    name = "tanh"
    bounds = (-1.0, 1.0)

    def value(self, z: Tensor, out: Tensor | None = None) -> Tensor:
        """tanh z."""
        return torch.tanh(z, out=out)

    def derivatives(self, z: Tensor, value: Tensor, order: int, new: Callable[[], Tensor | None] = _anywhere) -> list[Tensor]:
        """tanh z = t, 1 - t^2, -2 t f', f' (4 - 6 f'), f'' (4 - 12 f'), f''' (4 - 12 f') - 12 f''^2."""
        out = [value]
        if order >= 1:
            out.append(product(-1.0, value, value, new(), add=1.0))
        if order >= 2:
            out.append(product(-2.0, value, out[1], new()))
        if order >= 3:  # f''' = f' (4 t^2 - 2 f') = f' (4 - 6 f')
            out.append(torch.mul(out[1], 4.0, out=new()).addcmul_(out[1], out[1], value=-6.0))
        if order >= 4:
            out.append(torch.mul(out[2], 4.0, out=new()).addcmul_(out[1], out[2], value=-12.0))
        if order >= 5:
            fifth = torch.mul(out[3], 4.0, out=new()).addcmul_(out[1], out[3], value=-12.0)
            out.append(fifth.addcmul_(out[2], out[2], value=-12.0))
        return out


@dataclass(frozen=True)
class Sine:
    """sin(z)."""

    name = "sine"
    bounds = (-1.0, 1.0)

    def value(self, z: Tensor, out: Tensor | None = None) -> Tensor:
        """Sin z."""
        return torch.sin(z, out=out)

    def derivatives(self, z: Tensor, value: Tensor, order: int, new: Callable[[], Tensor | None] = _anywhere) -> list[Tensor]:
        """Sin z, cos z, -sin z, -cos z, sin z, cos z."""
        out = [value]
        if order >= 1:
            out.append(torch.cos(z, out=new()))
        if order >= 2:
            out.append(torch.neg(value, out=new()))
        if order >= 3:
            out.append(torch.neg(out[1], out=new()))
        if order >= 4:
            out.append(value)
        if order >= 5:
            out.append(out[1])
        return out


@dataclass(frozen=True)
class Softplus:
    """log(1 + exp(z))."""

    name = "softplus"
    bounds = (0.0, inf)

    def value(self, z: Tensor, out: Tensor | None = None) -> Tensor:
        """log(1 + e^z)."""
        value = torch.nn.functional.softplus(z, threshold=40.0)
        return value if out is None else out.copy_(value)

    def derivatives(self, z: Tensor, value: Tensor, order: int, new: Callable[[], Tensor | None] = _anywhere) -> list[Tensor]:
        """log(1 + e^z), the logistic function s, p = s (1 - s), p (1 - 2 s), p (1 - 6 p), p (1 - 2 s) (1 - 12 p)."""
        out = [value]
        if order >= 1:
            out.append(torch.sigmoid(z, out=new()))
        if order >= 2:
            out.append(torch.mul(out[1], torch.sigmoid(-z), out=new()))
        if order >= 3:
            out.append(torch.mul(out[1], -2.0, out=new()).add_(1.0).mul_(out[2]))
        if order >= 4:
            out.append(torch.mul(out[2], -6.0, out=new()).add_(1.0).mul_(out[2]))
        if order >= 5:
            out.append(torch.mul(out[2], -12.0, out=new()).add_(1.0).mul_(out[3]))
        return out


_KNOWN: dict[str, Activation] = {a.name: a for a in (Tanh(), Sine(), Softplus())}


def get(name: str) -> Activation:
    """The activation of that name: ``"tanh"``, ``"sine"`` or ``"softplus"``.

    Raises:
        ValueError: an unknown name.
    """
    if name not in _KNOWN:
        raise ValueError(f"activation {name!r} is unknown: choose one of {tuple(_KNOWN)}")
    return _KNOWN[name]
