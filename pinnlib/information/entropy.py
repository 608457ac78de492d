r"""Entropy, in bits, from how often each outcome occurs.

With :math:`n_k` of the N samples at the k-th distinct outcome,

.. math:: H = -\sum_k p_k \log_2 p_k = \log_2 N - \sum_k p_k \log_2 n_k , \qquad p_k = \frac{n_k}{N} .

It cannot exceed :math:`\log_2 N`, which it reaches where no two samples share an outcome.  As an estimate of the
entropy of the distribution that the samples come from, it is too low on average by about
:math:`(K - 1) / (2 N \ln 2)` bits, with K the number of outcomes that are possible (Miller 1955).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, repeat

import numpy as np
import torch
from torch import Tensor

from .binnings import Paper, Rule, known
from .row_counts import counts, pack, tally

__all__ = ["binned_entropy", "dimension_wise_entropy", "discrete_entropy", "miller_madow", "neuron_entropy"]


@torch.no_grad()
def binned_entropy(activations: Tensor | np.ndarray, *, bins: int = 30, rule: Rule | None = None) -> float:
    """Joint entropy H(T) of binned activations, in bits.

    Equal tuples are found by hashing and then compared, so the result is exact: it depends neither on
    the hash nor on the order of samples and neurons.  The work is done on the tensor's own device.

    Args:
        activations: ``(n_samples, n_neurons)``, finite.
        bins: bins that a neuron of mean range gets by the paper's rule.
        rule: another rule, in place of ``Paper(bins)``.

    Returns:
        H(T) in bits, in [0, log2(n_samples)].

    Raises:
        ValueError: activations that are not 2-d, have fewer than 2 samples, no neurons, nan, inf or
            ranges whose sum overflows; bins that are not a whole number of at least 1; an unknown rule, or bins beside a rule.
    """
    if rule is not None and bins != 30:
        raise ValueError(f"bins is {bins!r} beside the rule {rule!r}: give the number of bins to the rule")
    return discrete_entropy(counts(known(rule, Paper(bins)).codes(activations)))


def discrete_entropy(occurrences: Tensor | np.ndarray | Sequence[int]) -> float:
    """Entropy of an outcome, in bits, from how often each occurred.

    Args:
        occurrences: counts ``(n_outcomes,)``; zeros have no part.

    Returns:
        H in bits, in [0, log2 of the number of samples]; an exactly rounded sum, so the order of the outcomes does not matter.

    Raises:
        ValueError: counts that are not whole, negative, or all zero.
    """
    seen = _seen(occurrences)
    if int(seen.max()) < 2**22:
        multiplicity = torch.bincount(seen)  # how many outcomes occur k times, for each k
        sizes = multiplicity.nonzero().flatten()
        times = multiplicity[sizes]
    else:
        sizes, times = torch.unique(seen, return_counts=True)
    n = int(seen.sum())
    pairs = zip(sizes.tolist(), times.tolist(), strict=True)
    shared = math.fsum(chain.from_iterable(repeat(k / n * math.log2(k), often) for k, often in pairs if k > 1))
    return math.log2(n) - shared


def miller_madow(occurrences: Tensor | np.ndarray | Sequence[int]) -> float:
    r"""Entropy with the correction of Miller and Madow, :math:`H + (K - 1) / (2 N \ln 2)` bits, K outcomes seen among N samples.

    The correction is the first term of an expansion in K / N.  It is valid where every outcome was seen several times.  It cannot
    help where nearly every sample has an outcome of its own, as with many neurons: there H is log2 N whatever the
    distribution, and the correction would add 0.72 bit to that.  So it is refused there.

    Args:
        occurrences: counts ``(n_outcomes,)``.

    Raises:
        ValueError: more than half of the samples have an outcome of their own; counts as in :func:`discrete_entropy`.
    """
    seen = _seen(occurrences)
    n, alone = int(seen.sum()), int((seen == 1).sum())
    if n > 1 and alone > n / 2:
        raise ValueError(
            f"{alone} of {n} samples have an outcome of their own: no correction sees beyond log2 N there, "
            "take fewer bins, fewer neurons or more samples"
        )
    return discrete_entropy(seen) + (len(seen) - 1) / (2.0 * n * math.log(2.0))


@torch.no_grad()
def neuron_entropy(activations: Tensor | np.ndarray, *, rule: Rule | None = None) -> np.ndarray:
    """Entropy of each neuron's own codes, in bits, ``(n_neurons,)``; arguments and errors as :func:`binned_entropy`."""
    return column_entropy(known(rule).codes(activations))


def column_entropy(codes: Tensor) -> np.ndarray:
    """Entropy of each column of codes ``(n_samples, n_neurons)``, in bits, ``(n_neurons,)``."""
    n = len(codes)
    low = codes.min(0).values.long()
    kinds = int((codes.max(0).values.long() - low).max()) + 1
    if kinds > max(4 * n, 1024):  # more kinds than a table should hold
        return np.array([discrete_entropy(tally(pack(column))) for column in codes.t()])
    together, out = max(1, 2**22 // max(n, kinds)), []
    for part, least in zip(codes.split(together, dim=1), low.split(together), strict=True):
        table = part - least + kinds * torch.arange(part.shape[1], device=part.device)
        seen = torch.bincount(table.flatten(), minlength=kinds * part.shape[1]).view(-1, kinds).double()
        out.append(math.log2(n) - (seen / n * seen.clamp(min=1.0).log2()).sum(1))
    return torch.cat(out).clamp_(min=0.0).cpu().numpy()


def dimension_wise_entropy(activations: Tensor | np.ndarray, *, rule: Rule | None = None) -> float:
    """Mean over neurons of each neuron's own binned entropy, in bits; arguments and errors as :func:`binned_entropy`.

    It has no ceiling of log2 N to run into, since a neuron has few codes; but it does not see what neurons share.
    """
    return math.fsum(neuron_entropy(activations, rule=rule)) / np.shape(activations)[1]


def _seen(occurrences: Tensor | np.ndarray | Sequence[int]) -> Tensor:
    """Counts above 0."""
    given = occurrences if isinstance(occurrences, Tensor) else torch.from_numpy(np.array(occurrences))
    if given.dtype.is_floating_point or given.dtype.is_complex or given.ndim != 1 or not len(given) or int(given.min()) < 0:
        raise ValueError(f"counts are {occurrences!r}: give whole numbers (int), how often each outcome occurred, in one row")
    seen = given[given > 0].long()
    if not len(seen):
        raise ValueError("all counts are 0: an entropy needs at least 1 sample")
    return seen
