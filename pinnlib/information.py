r"""Information: the entropy of binned activations.

The activations T of a layer, ``(n_samples, n_neurons)``, are cut into bins.  All neurons share one bin
width, and each has bins over its own range:

.. math:: w = \operatorname{mean}_j \frac{\max_i T_{ij} - \min_i T_{ij}}{\mathrm{bins}} ,

and neuron j gets the m + 1 edges ``np.linspace(min, max, m + 1)`` with m = ``int((max - min) / w)``.
The code of an activation is the number of edges that it reaches, as ``np.digitize`` counts them, and
the code of a sample is the tuple of the codes of its neurons.  With :math:`n_k` of the N samples at the
k-th distinct tuple,

.. math:: H(T) = -\sum_k p_k \log_2 p_k = \log_2 N - \sum_k p_k \log_2 n_k , \qquad p_k = \frac{n_k}{N} .

For a deterministic network this is the mutual information I(X; T) of the samples and the activations.
It cannot exceed :math:`\log_2 N`, which it reaches where no two samples share a tuple.

The conventions, to the bit:

* All edges are float64 numbers, also those of float32 activations: w is the correctly rounded sum of the
  ranges over ``n_neurons * bins``, and edge i is ``min + i * ((max - min) / m)``, the last one max itself.
* The sample at max reaches the last edge, so it has a code of its own: m bins make m + 1 codes.
* A neuron whose range is 0, or less than w, has one code, and so no part in the entropy.
* Where w is 0, all neurons are constant (or their ranges are below what float64 can divide): H = 0.
* ``int`` cuts, as in the definition: where the neurons have equal ranges, m may come out as bins - 1.

Source: the paper, section 2.
"""

from __future__ import annotations

import math
from itertools import chain, repeat
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

__all__ = ["binned_entropy"]

# Elements worked on at a time, so that memory stays bounded.
_CHUNK = 2**20
# Hashes tried before the rows themselves are sorted.
_HASHES = 4


@torch.no_grad()
def binned_entropy(activations: Tensor | np.ndarray, *, bins: int = 30) -> float:
    """Joint entropy H(T) of binned activations, in bits; see the module for the convention.

    Equal tuples are found by hashing and then compared, so the result is exact: it depends neither on
    the hash nor on the order of samples and neurons.  The work is done on the tensor's own device.

    Args:
        activations: ``(n_samples, n_neurons)``, finite.
        bins: bins that a neuron of mean range gets.

    Returns:
        H(T) in bits, in [0, log2(n_samples)].

    Raises:
        ValueError: activations that are not 2-d, have fewer than 2 samples, no neurons, nan, inf or
            ranges whose sum overflows; bins that are not a whole number of at least 1.
    """
    if isinstance(bins, bool) or not isinstance(bins, Integral) or bins < 1:
        raise ValueError(f"bins is {bins!r}: give a whole number (int) of at least 1")
    activations = _tensor(activations)
    low, high = _range(activations)
    codes = _codes(activations, low, high, int(bins))
    if codes is None:
        return 0.0
    n = len(activations)
    multiplicity = torch.bincount(_counts(codes))  # how many tuples occur k times, for each k
    sizes = multiplicity.nonzero().flatten()
    pairs = zip(sizes.tolist(), multiplicity[sizes].tolist(), strict=True)
    # an exactly rounded sum, so the order of the tuples does not matter
    shared = math.fsum(chain.from_iterable(repeat(k / n * math.log2(k), times) for k, times in pairs if k > 1))
    return math.log2(n) - shared


def _tensor(activations: Tensor | np.ndarray) -> Tensor:
    if not isinstance(activations, Tensor):
        array = np.asarray(activations)
        # torch has neither negative strides nor read-only memory
        activations = torch.from_numpy(array if array.flags.writeable and array.flags.c_contiguous else array.copy())
    if activations.ndim != 2 or activations.shape[1] < 1:
        raise ValueError(f"activations have shape {tuple(activations.shape)}: give (n_samples, n_neurons) with at least 1 neuron")
    if len(activations) < 2:
        raise ValueError(f"activations have {len(activations)} sample(s): an entropy needs at least 2, give more points")
    return activations.detach()


def _rows(activations: Tensor) -> int:
    """Samples in a chunk."""
    return max(1, _CHUNK // activations.shape[1])


def _range(activations: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of each neuron, ``(n_neurons,)`` each, float64."""
    parts = [(part.amin(0), part.amax(0)) for part in activations.split(_rows(activations))]
    low = torch.stack([low for low, _ in parts]).amin(0).double().cpu().numpy()
    high = torch.stack([high for _, high in parts]).amax(0).double().cpu().numpy()
    bad = ~(np.isfinite(low) & np.isfinite(high))
    if bad.any():
        neuron = int(bad.argmax())
        column = activations[:, neuron]
        sample = int((~torch.isfinite(column)).nonzero()[0])
        raise ValueError(
            f"activations hold {float(column[sample])} at sample {sample}, neuron {neuron}: "
            "only finite activations have bins, leave such samples out"
        )
    return low, high


def _codes(activations: Tensor, low: np.ndarray, high: np.ndarray, bins: int) -> Tensor | None:
    """Codes of all activations, counted from 0: ``np.digitize(column, edges) - 1``.

    A guess in floating point, ``x / step - low / step``, is good to ``slack``.  Rounded down from either side
    of the slack it gives the least and the greatest code possible.  They differ for the few
    activations close to an edge, and there the edges decide.

    Args:
        activations: ``(n_samples, n_neurons)``.
        low: minimum of each neuron, ``(n_neurons,)``.
        high: maximum of each neuron, ``(n_neurons,)``.

    Returns:
        The smallest signed integers that hold the codes, ``(n_samples, n_neurons)`` and columns of zeros
        up to whole words of 8 bytes; None where the bin width is 0.
    """
    n, neurons = activations.shape
    with np.errstate(over="ignore"):
        span = high - low
    if span.max() > np.finfo(float).max / neurons:
        raise ValueError(f"activations span {span.max():g}, too much for a mean range in float64: scale them down")
    width = math.fsum(span) / (neurons * bins)
    if width == 0.0:
        return None
    last = np.floor(span / width)  # m, the index of the last edge
    step = np.divide(span, last, out=np.ones(neurons), where=last > 0)

    single = activations.dtype in (torch.float32, torch.float16, torch.bfloat16) and last.max() < 2**20
    work = torch.float32 if single else torch.float64
    info = torch.finfo(work)
    # The guess has 3 roundings of numbers up to largest / step and 2 of numbers up to m; edge i, of i * step and of the sum.
    with np.errstate(over="ignore"):
        slack = 4.0 * info.eps * (last + np.maximum(-low, high) / step)
    certain = (slack < 0.25) & (last > 0) & (step > info.tiny / info.eps**2) & (span < info.max * info.eps)
    scale = np.divide(1.0, step, out=np.zeros(neurons), where=certain)
    start = np.where(certain, -low * scale - slack, 0.0)  # a guess above -1 is cut to code 0
    above = np.where(certain, 2.0 * slack, last + 0.25)  # else any code is possible
    device = activations.device
    start, scale, above = (torch.as_tensor(v, device=device).to(work) for v in (start, scale, above))
    edges = tuple(torch.as_tensor(v, device=device) for v in (low, step, last, high))

    dtype = next(d for d in (torch.int8, torch.int16, torch.int32, torch.int64) if last.max() <= torch.iinfo(d).max)
    per_word = 8 // dtype.itemsize
    padded = -(-neurons // per_word) * per_word
    codes = torch.zeros(n, padded, dtype=dtype, device=device)
    rows = min(n, _rows(activations))
    guess, most = torch.empty(rows, neurons, dtype=work, device=device), torch.zeros_like(codes[:rows])
    for part, code in zip(activations.split(rows), codes.split(rows), strict=True):
        g, top = guess[: len(part)], most[: len(part)]
        torch.addcmul(start, part.to(work), scale, out=g)
        code[:, :neurons].copy_(g)
        top[:, :neurons].copy_(g.add_(above))
        _decide(part, code, top, edges)
    return codes


def _decide(part: Tensor, code: Tensor, top: Tensor, edges: tuple[Tensor, ...]) -> None:
    """Set ``code`` to the exact code, which lies between ``code`` and ``top``, by bisection over the edges.

    Args:
        part: activations ``(rows, n_neurons)``.
        code: least codes, ``(rows, padded)``, contiguous.
        top: greatest codes, ``(rows, padded)``, contiguous; used up.
        edges: first edge, step, index of the last edge and last edge, ``(n_neurons,)`` each, float64.
    """
    open_words = top.view(torch.int64).bitwise_xor_(code.view(torch.int64)).flatten()
    word = open_words.nonzero().flatten()
    if not len(word):
        return
    differing = open_words[word].view(code.dtype)
    place = differing.nonzero().flatten()
    per_word = 8 // code.element_size()
    index = word[place // per_word] * per_word + place % per_word
    flat = code.view(-1)
    least = flat[index]
    most = (least ^ differing[place]).long()
    least = least.long()
    neuron = index % code.shape[1]
    x = part[index // code.shape[1], neuron].double()
    first, step, last, final = (v[neuron] for v in edges)
    for _ in range(int((most - least).max()).bit_length()):
        middle = (least + most + 1) // 2
        edge = torch.where(middle == last, final, first + middle * step)
        reached = edge <= x
        least = torch.where(reached, middle, least)
        most = torch.where(reached, most, torch.maximum(middle - 1, least))
    flat[index] = least.to(code.dtype)


def _counts(codes: Tensor) -> Tensor:
    """How often each distinct row of ``codes`` ``(n_samples, padded)`` occurs, in any order."""
    words = codes.view(torch.int64)
    for seed in range(_HASHES):
        keys, order = _keys(words, _multipliers(words.shape[1], seed).to(words.device)).sort()
        repeated = (keys[1:] == keys[:-1]).nonzero().flatten()
        # equal keys follow each other, so comparing each row with the next compares all of a run
        if all(torch.equal(words[order[i]], words[order[i + 1]]) for i in repeated.split(_rows(words))):
            return torch.unique_consecutive(keys, return_counts=True)[1]
    return torch.unique(words, dim=0, return_counts=True)[1]


def _keys(words: Tensor, multipliers: Tensor) -> Tensor:
    """One 64-bit key a row of ``words`` ``(n_samples, n_words)``; equal rows have equal keys."""
    keys = torch.empty(len(words), dtype=torch.int64, device=words.device)
    first, second = multipliers
    for part, key in zip(words.split(_rows(words)), keys.split(_rows(words)), strict=True):
        mixed = part * first
        mixed ^= mixed >> 32  # a product carries upwards only: bring the high half down before the second
        torch.sum(mixed.mul_(second), dim=1, out=key)
    return keys


def _multipliers(n_words: int, seed: int) -> Tensor:
    """Odd 64-bit numbers, ``(2, n_words)``."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**63), 2**63 - 1, (2, n_words), generator=generator) | 1
