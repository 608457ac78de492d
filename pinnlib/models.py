"""The network of a PINN: a multilayer perceptron whose layers stay visible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .taylor import propagation
from .taylor.activations import get
from .taylor.embeddings import Embedding
from .taylor.parameters import count, shapes, split

__all__ = ["BIAS_INITS", "MLP", "activations", "as_tensor", "count", "predict", "shapes", "split"]

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
        unknowns: how many unknown coefficients of an equation are trained with it.

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
        embedding: Embedding | None = None,
        unknowns: int = 0,
    ) -> None:
        super().__init__()
        self.embedding, self.bias_init = embedding, bias_init
        self.activation = get(activation)
        self.sizes = sizes = [inputs, *[width] * depth, outputs]
        generator = torch.Generator().manual_seed(seed)
        drawn: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}  # whatever torch's default device is
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            scale = (2.0 / (n_in + n_out)) ** 0.5
            weight = scale * torch.randn(n_out, n_in, generator=generator, **drawn)
            self.weights.append(nn.Parameter(weight.to(dtype)))
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            bias = torch.zeros(n_out, **drawn)
            if bias_init == "uniform":
                bias = (2.0 * torch.rand(n_out, generator=generator, **drawn) - 1.0) / n_in**0.5
            self.biases.append(nn.Parameter(bias.to(dtype)))
        # a list, so that they come behind the layers among all parameters
        self._unknowns = nn.ParameterList([nn.Parameter(torch.zeros(unknowns, dtype=dtype, device="cpu"))] if unknowns else [])

    @property
    def unknowns(self) -> nn.Parameter | None:
        """Thetas of the unknown coefficients of an equation ``(n_unknowns,)``, see :class:`pinnlib.Unknown`; None without any."""
        return self._unknowns[0] if len(self._unknowns) else None

    def forward(self, points: Tensor) -> Tensor:
        """Fields ``(n_points, n_fields)`` at ``points`` ``(n_points, n_coordinates)``."""
        return self.activity(points)[-1]

    def flatten(self) -> nn.Parameter:
        """Move all parameters into one, of which they become views: weights first, then biases, then unknowns."""
        flat = nn.Parameter(torch.cat([p.detach().flatten() for p in self.parameters()]))
        self.look_at(flat.detach())
        return flat

    def look_at(self, flat: Tensor) -> None:
        """Make all parameters views of ``flat`` ``(n_params,)``."""
        parts = split(flat, self.sizes)
        if self.unknowns is not None:
            parts.append(flat[count(self.sizes) :])
        for p, part in zip(self.parameters(), parts, strict=True):
            p.data = part

    def activity(self, points: Tensor) -> list[Tensor]:
        """What every layer puts out: ``depth`` activations ``(n_points, width)``, then the fields."""
        out: list[Tensor] = []
        h = points if self.embedding is None else self.embedding.partial(points)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = self.activation.value(nn.functional.linear(h, weight, bias))
            out.append(h)
        out.append(nn.functional.linear(h, self.weights[-1], self.biases[-1]))
        return out


def predict(model: MLP, points: np.ndarray, *, chunk: int = 8192, path: str = "eager") -> np.ndarray:
    """Fields ``(n_points, n_fields)``, float64, at ``points`` ``(n_points, n_coordinates)``; memory is bounded by ``chunk``.

    ``path`` is torch's operations or machine code, see :mod:`pinnlib.taylor.backends`.
    """
    like = model.weights[0]
    value = propagation.Plan(like.shape[1], (), {}, model.embedding)

    def fields(part: Tensor) -> Tensor:
        if path != "native":
            return model(part)
        return propagation.propagate(part, model.weights, model.biases, model.activation, value, path=path)[0]

    with torch.no_grad():
        parts = [fields(part).double().cpu() for part in as_tensor(points, like).split(chunk)]
    return torch.cat(parts).numpy()


@torch.no_grad()
def activations(model: MLP, points: Tensor | np.ndarray) -> Iterator[Tensor]:
    """The hidden layers' activations ``(n_points, width)``, one after the other, so that only two are in memory at a time."""
    like = model.weights[0]
    h = torch.as_tensor(np.asarray(points) if not isinstance(points, Tensor) else points, dtype=like.dtype, device=like.device)
    h = h if model.embedding is None else model.embedding.partial(h)
    for weight, bias in zip(model.weights[:-1], model.biases[:-1], strict=True):
        h = model.activation.value(nn.functional.linear(h, weight, bias)).detach()
        yield h


def as_tensor(points: np.ndarray, like: Tensor) -> Tensor:
    """Points as a tensor of the type and on the device of ``like``."""
    return torch.as_tensor(np.asarray(points), dtype=like.dtype, device=like.device)
