r"""A second estimator, without bins: the information that is left when noise is added to the activations.

With Z standard normal in d dimensions and X one of the N samples at random, :math:`S = T + \sigma Z` is a mixture of N Gaussians,
and its information about X is finite (Goldfeld et al. 2019):

.. math:: I(X; T + \sigma Z) = h(S) - h(\sigma Z)
   = -\operatorname{E} \Big[ \tfrac{|Z|^2}{2} + \ln \tfrac{1}{N} \sum_j e^{-|T_i + \sigma Z - T_j|^2 / 2 \sigma^2} \Big] .

The mean is taken over random draws.  Entropy of the mixture and of the noise are drawn with the same Z, so what they
have in common drops out: samples in one place give 0 and samples far apart give log2 N without any scatter.

It is unbiased for these N samples.  It is too low for the distribution that they come from, and cannot exceed log2 N either: a
small :math:`\sigma` resolves each sample, as small bins do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor

from . import paper_binning, row_counts
from .mutual import MARGIN

__all__ = ["Noisy", "noisy_information"]


@dataclass(frozen=True)
class Noisy:
    """An estimate by random draws; ``float(estimate)`` is its ``bits``.

    Attributes:
        bits: I(X; T + sigma Z).
        error: its standard error, in bits.
        ceiling: log2 N in bits.
    """

    bits: float
    error: float
    ceiling: float

    @property
    def saturated(self) -> bool:
        """Whether it is within 0.5 bit of log2 N."""
        return self.bits > self.ceiling - MARGIN

    def __float__(self) -> float:
        return self.bits

    def __str__(self) -> str:
        note = ", saturated" if self.saturated else ""
        return f"{self.bits:.2f} +- {self.error:.2f} bits (log2 N = {self.ceiling:.2f}{note})"


@torch.no_grad()
def noisy_information(activations: Tensor | np.ndarray, sigma: float, *, draws: int = 1000, seed: int = 0) -> Noisy:
    """I(X; T + sigma Z) of the given samples, in bits, with its standard error.

    The work is ``draws * n_samples * n_neurons`` multiplications in float64; memory is bounded by chunks.

    Args:
        activations: T, ``(n_samples, n_neurons)``.
        sigma: standard deviation of the noise, in units of the activations.
        draws: of sample and noise; the samples take turns in random order, so the standard error is on the safe side.
        seed: of the draws, made on the CPU.

    Raises:
        ValueError: activations as in :func:`binned_entropy`; sigma that is not above 0; less than 2 draws.
    """
    if isinstance(sigma, bool) or not isinstance(sigma, Real) or not 0 < sigma < math.inf:
        raise ValueError(f"sigma is {sigma!r}: give a finite number above 0, in units of the activation")
    if isinstance(draws, bool) or not isinstance(draws, Integral) or draws < 2:
        raise ValueError(f"draws is {draws!r}: give a whole number (int) of at least 2")
    x = paper_binning.tensor(activations)
    low, high = paper_binning.limits(x)
    centre = torch.as_tensor(low / 2.0 + high / 2.0, device=x.device)
    t = (x.double() - centre) / sigma
    n, neurons = t.shape
    generator = torch.Generator().manual_seed(seed)
    turns = torch.cat([torch.randperm(n, generator=generator, device="cpu") for _ in range(-(-int(draws) // n))])[: int(draws)]
    norms = t.square().sum(1)
    nats = []
    for block in turns.to(x.device).split(256):
        noise = torch.randn(len(block), neurons, generator=generator, dtype=torch.float64, device="cpu").to(x.device)
        small = max(1, row_counts._CHUNK // n)
        for own, z in zip(block.split(small), noise.split(small), strict=True):
            s = t[own] + z
            squares = (s.square().sum(1)[:, None] + norms - 2.0 * (s @ t.T)).clamp_(min=0.0)
            exact = z.square().sum(1)  # of the draw's own sample; the others come from a product and its roundings
            squares.scatter_(1, own[:, None], exact[:, None])
            nats.append(math.log(n) - exact / 2.0 - torch.logsumexp(squares / -2.0, dim=1))
    bits = torch.cat(nats).cpu().numpy() / math.log(2.0)
    return Noisy(float(bits.mean()), float(bits.std(ddof=1) / math.sqrt(len(bits))), math.log2(n))
