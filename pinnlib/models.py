"""The network of a PINN: a multilayer perceptron whose layers stay visible."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from . import activations
from .embeddings import Periodic

__all__ = ["BIAS_INITS", "MLP", "count", "shapes", "split"]

BIAS_INITS = ("uniform", "zero")


class MLP(nn.Module):
    """Fully connected network with Xavier-normal weights.

    Args:
        inputs: number of coordinates.
        outputs: number of fields.
        width: units of a hidden layer.
        depth: number of hidden layers; so there are ``depth + 1`` weight matrices.
        activation: ``"tanh"``, ``"sine"`` or ``"softplus"``.
        bias_init: ``"uniform"`` in +-1/sqrt(fan_in), as torch has it, or ``"zero"``; weights are the same with both.
        seed: of the weights and biases, drawn on the CPU, so that every device starts from the same network.
        embedding: what it is given instead of the coordinates; ``inputs`` is then the number of its features.

    Attributes:
        sizes: coordinates, widths of the hidden layers, fields.
        bias_init: how the biases were drawn.
        weights: ``depth + 1`` parameters ``(n_out, n_in)``.
        biases: ``depth + 1`` parameters ``(n_out,)``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int,
        depth: int,
        activation: str = "tanh",
        bias_init: str = "uniform",
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        embedding: Periodic | None = None,
    ) -> None:
        super().__init__()
        self.embedding, self.bias_init = embedding, bias_init
        self.activation = activations.get(activation)
        self.sizes = sizes = [inputs, *[width] * depth, outputs]
        generator = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            scale = (2.0 / (n_in + n_out)) ** 0.5
            weight = scale * torch.randn(n_out, n_in, generator=generator, dtype=torch.float64)
            self.weights.append(nn.Parameter(weight.to(dtype)))
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            bias = torch.zeros(n_out, dtype=torch.float64)
            if bias_init == "uniform":
                bias = (2.0 * torch.rand(n_out, generator=generator, dtype=torch.float64) - 1.0) / n_in**0.5
            self.biases.append(nn.Parameter(bias.to(dtype)))

    def forward(self, points: Tensor) -> Tensor:
        """Fields ``(n_points, n_fields)`` at ``points`` ``(n_points, n_coordinates)``."""
        return self.activity(points)[-1]

    def flatten(self) -> nn.Parameter:
        """Move all parameters into one, of which they become views: weights first, then biases."""
        flat = nn.Parameter(torch.cat([p.detach().flatten() for p in self.parameters()]))
        for p, part in zip(self.parameters(), split(flat.detach(), self.sizes), strict=True):
            p.data = part
        return flat

    def activity(self, points: Tensor) -> list[Tensor]:
        """What every layer puts out: ``depth`` activations ``(n_points, width)``, then the fields."""
        out: list[Tensor] = []
        h = points if self.embedding is None else self.embedding.partial(points)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = self.activation.value(nn.functional.linear(h, weight, bias))
            out.append(h)
        out.append(nn.functional.linear(h, self.weights[-1], self.biases[-1]))
        return out


def shapes(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Shapes of all weights and then all biases of a network with ``sizes``: coordinates, hidden widths, fields."""
    pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
    return [*((n_out, n_in) for n_in, n_out in pairs), *((n_out,) for _, n_out in pairs)]


def count(sizes: Sequence[int]) -> int:
    """Number of parameters of such a network."""
    return sum(map(prod, shapes(sizes)))


def split(flat: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """Views of ``flat`` ``(..., n_params)``: all weights ``(..., n_out, n_in)``, then all biases ``(..., n_out)``."""
    own = shapes(sizes)
    parts = flat.split([prod(shape) for shape in own], dim=-1)
    return [part.unflatten(-1, shape) for part, shape in zip(parts, own, strict=True)]
