"""Activation functions with the derivatives that Taylor mode needs.

``derivatives(z, order)`` returns ``[f, f', f'', f''']`` up to ``order``.  ``bounds`` are the values
that the activation tends to; saturation is measured against them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Activation", "Tanh", "Sine", "Softplus", "get"]


class Activation(Protocol):
    """What a layer needs of an activation."""

    name: str
    bounds: tuple[float, float]

    def derivatives(self, z: Tensor, order: int, value: Tensor | None = None) -> list[Tensor]:
        """``[f(z), f'(z), ...]`` up to ``order <= 3``, each of the shape of ``z``; ``value`` is f(z) if known."""
        ...


@dataclass(frozen=True)
class Tanh:
    """tanh(z)."""

    name = "tanh"
    bounds = (-1.0, 1.0)

    def derivatives(self, z: Tensor, order: int, value: Tensor | None = None) -> list[Tensor]:
        """tanh z, 1 - t^2, -2 t f', f' (4 - 6 f')."""
        t = torch.tanh(z) if value is None else value
        out = [t]
        if order >= 1:
            out.append(torch.addcmul(torch.ones((), dtype=t.dtype, device=t.device), t, t, value=-1.0))
        if order >= 2:
            out.append((t * out[1]).mul_(-2.0))
        if order >= 3:  # f''' = f' (4 t^2 - 2 f') = f' (4 - 6 f')
            out.append((out[1] * -6.0).add_(4.0).mul_(out[1]))
        return out


@dataclass(frozen=True)
class Sine:
    """sin(z)."""

    name = "sine"
    bounds = (-1.0, 1.0)

    def derivatives(self, z: Tensor, order: int, value: Tensor | None = None) -> list[Tensor]:
        """Sin z, cos z, -sin z, -cos z."""
        s = torch.sin(z) if value is None else value
        out = [s]
        if order >= 1:
            out.append(torch.cos(z))
        if order >= 2:
            out.append(-s)
        if order >= 3:
            out.append(-out[1])
        return out


@dataclass(frozen=True)
class Softplus:
    """log(1 + exp(z))."""

    name = "softplus"
    bounds = (0.0, inf)

    def derivatives(self, z: Tensor, order: int, value: Tensor | None = None) -> list[Tensor]:
        """log(1 + e^z), the logistic function s, s (1 - s), s (1 - s) (1 - 2 s)."""
        out = [torch.nn.functional.softplus(z, threshold=40.0) if value is None else value]
        if order >= 1:
            out.append(torch.sigmoid(z))
        if order >= 2:
            out.append(out[1] * torch.sigmoid(-z))
        if order >= 3:
            out.append(out[2] * (1.0 - 2.0 * out[1]))
        return out


_KNOWN: dict[str, Activation] = {a.name: a for a in (Tanh(), Sine(), Softplus())}


def get(name: str) -> Activation:
    """The activation of that name: ``"tanh"``, ``"sine"`` or ``"softplus"``."""
    if name not in _KNOWN:
        raise ValueError(f"activation {name!r} is unknown: choose one of {tuple(_KNOWN)}")
    return _KNOWN[name]
