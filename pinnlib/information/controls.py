"""Controls: what an estimator says when there is nothing to find."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..models import MLP
from . import paper_binning, row_counts

__all__ = ["shuffle_labels", "shuffle_neurons", "untrained"]


def shuffle_neurons(activations: Tensor | np.ndarray, *, seed: int) -> Tensor:
    """The activations with each neuron's samples in a random order of its own.

    Every neuron keeps its values, so its own entropy and saturation stay; what neurons share is lost.

    Args:
        activations: ``(n_samples, n_neurons)``.
        seed: of the orders, drawn on the CPU.
    """
    x = paper_binning.tensor(activations)
    generator = torch.Generator().manual_seed(seed)
    out = torch.empty_like(x)
    together = max(1, row_counts.rows(x) * x.shape[1] // len(x))
    for part, new in zip(x.split(together, dim=1), out.split(together, dim=1), strict=True):
        order = torch.stack([torch.randperm(len(x), generator=generator, device="cpu") for _ in range(part.shape[1])], dim=1)
        new.copy_(part.gather(0, order.to(x.device)))
    return out


def shuffle_labels(targets: Tensor | np.ndarray, *, seed: int) -> Tensor | np.ndarray:
    """The targets ``(n_samples, ...)`` in a random order: H(Y) stays, what they have to do with the samples is lost."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed), device="cpu")
    return targets[order.to(targets.device)] if isinstance(targets, Tensor) else np.asarray(targets)[order.numpy()]


def untrained(model: MLP, *, seed: int) -> MLP:
    """A network of the same shape as ``model`` with new random parameters, drawn as those were, on the same device."""
    inputs, *hidden, outputs = model.sizes
    like = model.weights[0]
    new = MLP(
        inputs,
        outputs,
        width=hidden[0],
        depth=len(hidden),
        activation=model.activation.name,
        bias_init=model.bias_init,
        seed=seed,
        dtype=like.dtype,
        embedding=model.embedding,
    )
    return new.to(like.device)
