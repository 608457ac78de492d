"""The network of a PINN: a multilayer perceptron whose layers stay visible."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import activations

__all__ = ["MLP"]


class MLP(nn.Module):
    """Fully connected network with Xavier-normal weights and zero biases.

    Args:
        inputs: number of coordinates.
        outputs: number of fields.
        width: units of a hidden layer.
        depth: number of hidden layers; so there are ``depth + 1`` weight matrices.
        activation: ``"tanh"``, ``"sine"`` or ``"softplus"``.
        seed: of the weights, drawn on the CPU, so that every device starts from the same network.

    Attributes:
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
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.activation = activations.get(activation)
        sizes = [inputs, *[width] * depth, outputs]
        generator = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            scale = (2.0 / (n_in + n_out)) ** 0.5
            weight = scale * torch.randn(n_out, n_in, generator=generator, dtype=torch.float64)
            self.weights.append(nn.Parameter(weight.to(dtype)))
            self.biases.append(nn.Parameter(torch.zeros(n_out, dtype=dtype)))

    def forward(self, points: Tensor) -> Tensor:
        """Fields ``(n_points, n_fields)`` at ``points`` ``(n_points, n_coordinates)``."""
        return self.activity(points)[-1]

    def flatten(self) -> nn.Parameter:
        """Move all parameters into one, of which they become views: weights first, then biases."""
        own = list(self.parameters())
        flat = nn.Parameter(torch.cat([p.detach().flatten() for p in own]))
        for p, part in zip(own, flat.detach().split([p.numel() for p in own]), strict=True):
            p.data = part.view_as(p)
        return flat

    def activity(self, points: Tensor) -> list[Tensor]:
        """What every layer puts out: ``depth`` activations ``(n_points, width)``, then the fields."""
        out: list[Tensor] = []
        h = points
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = self.activation.value(nn.functional.linear(h, weight, bias))
            out.append(h)
        out.append(nn.functional.linear(h, self.weights[-1], self.biases[-1]))
        return out
