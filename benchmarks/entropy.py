"""The entropy of binned activations: the library's way and the customary one, on activations of a tanh network."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from pinnlib.information import binned_entropy

__all__ = ["customary", "fast", "sample"]


def sample(n: int = 25600, neurons: int = 128, seed: int = 0) -> Tensor:
    """Activations of the third hidden layer at a Latin hypercube sample of [-1, 1]^2, ``(n, neurons)``, float32.

    The weights are Xavier-normal times 2, the biases 0.
    """
    generator = torch.Generator().manual_seed(seed)
    strata = torch.stack([torch.randperm(n, generator=generator) for _ in range(2)], dim=1)
    x = 2.0 * (strata + torch.rand(n, 2, generator=generator)) / n - 1.0
    for n_in in (2, neurons, neurons):
        weight = 2.0 * math.sqrt(2.0 / (n_in + neurons)) * torch.randn(n_in, neurons, generator=generator)
        x = torch.tanh(x @ weight)
    return x


def fast(activations: Tensor) -> float:
    """H(T) in bits by :func:`pinnlib.information.binned_entropy`."""
    return binned_entropy(activations)


def customary(activations: Tensor, bins: int = 30) -> float:
    """H(T) in bits: ``np.digitize`` in a loop over neurons, then ``np.unique`` over rows."""
    columns = np.asarray(activations)
    low, high = columns.min(0).astype(float), columns.max(0).astype(float)
    width = math.fsum(high - low) / (len(low) * bins)
    codes = np.empty(columns.shape, dtype=int)
    for j, (a, b) in enumerate(zip(low, high, strict=True)):
        codes[:, j] = np.digitize(columns[:, j], np.linspace(a, b, int((b - a) / width) + 1))
    counts = np.unique(codes, axis=0, return_counts=True)[1].tolist()
    n = len(columns)
    return math.log2(n) - math.fsum(k / n * math.log2(k) for k in counts)
