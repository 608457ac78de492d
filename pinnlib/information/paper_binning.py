r"""The paper's bins, to the bit.

The activations T of a layer, ``(n_samples, n_neurons)``, are cut into bins.  All neurons share one bin
width, and each has bins over its own range:

.. math:: w = \operatorname{mean}_j \frac{\max_i T_{ij} - \min_i T_{ij}}{\mathrm{bins}} ,

and neuron j gets the m + 1 edges ``np.linspace(min, max, m + 1)`` with m = ``int((max - min) / w)``.
The code of an activation is the number of edges that it reaches, as ``np.digitize`` counts them, less 1.

* All edges are float64 numbers, also those of float32 activations: w is the correctly rounded sum of the
  ranges over ``n_neurons * bins``, and edge i is ``min + i * ((max - min) / m)``, the last one max itself.
* The sample at max reaches the last edge, so it has a code of its own: m bins make m + 1 codes.
* A neuron whose range is 0, or less than w, has one code, and so no part in the entropy.
* Where w is 0, all neurons are constant (or their ranges are below what float64 can divide): one code.
* ``int`` cuts, as in the definition: where the neurons have equal ranges, m may come out as bins - 1.

Source: the paper, section 2.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .row_counts import rows, storage

__all__ = ["codes", "grid", "limits", "tensor"]


def tensor(activations: Tensor | np.ndarray) -> Tensor:
    """The activations as a tensor ``(n_samples, n_neurons)``, or a sentence that says what is wrong with them.

    Raises:
        ValueError: another shape, or fewer than 2 samples.
    """
    if not isinstance(activations, Tensor):
        array = np.asarray(activations)
        # torch has neither negative strides nor read-only memory
        activations = torch.from_numpy(array if array.flags.writeable and array.flags.c_contiguous else array.copy())
    if activations.ndim != 2 or activations.shape[1] < 1:
        raise ValueError(f"activations have shape {tuple(activations.shape)}: give (n_samples, n_neurons) with at least 1 neuron")
    if len(activations) < 2:
        raise ValueError(f"activations have {len(activations)} sample(s): an entropy needs at least 2, give more points")
    return activations.detach()


def limits(activations: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of each neuron, ``(n_neurons,)`` each, float64.

    Raises:
        ValueError: an activation that is not finite; the message names its place.
    """
    parts = [(part.amin(0), part.amax(0)) for part in activations.split(rows(activations))]
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


def grid(low: np.ndarray, high: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Number m of bins of each neuron and their width, ``(n_neurons,)`` each; None where the mean width is 0.

    Raises:
        ValueError: ranges too large for their mean in float64.
    """
    neurons = len(low)
    with np.errstate(over="ignore"):
        span = high - low
    if span.max() > np.finfo(float).max / neurons:
        raise ValueError(f"activations span {span.max():g}, too much for a mean range in float64: scale them down")
    width = math.fsum(span) / (neurons * bins)
    if width == 0.0:
        return None
    last = np.floor(span / width)
    return last, np.divide(span, last, out=np.ones(neurons), where=last > 0)


def codes(activations: Tensor, low: np.ndarray, high: np.ndarray, bins: int) -> Tensor | None:
    """Codes of all activations, counted from 0: ``np.digitize(column, edges) - 1``.

    A guess in floating point, ``x / step - low / step``, is good to ``slack``.  Rounded down from either side
    of the slack it gives the least and the greatest code possible.  They differ for the few
    activations close to an edge, and there the edges decide.

    Args:
        activations: ``(n_samples, n_neurons)``.
        low: minimum of each neuron, ``(n_neurons,)``.
        high: maximum of each neuron, ``(n_neurons,)``.
        bins: bins that a neuron of mean range gets.

    Returns:
        The smallest signed integers that hold the codes, ``(n_samples, n_neurons)`` and columns of zeros
        up to whole words of 8 bytes; None where the bin width is 0.
    """
    n, neurons = activations.shape
    found = grid(low, high, bins)
    if found is None:
        return None
    last, step = found
    span = high - low

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
    shift, factor, margin = (torch.as_tensor(v, device=device).to(work) for v in (start, scale, above))
    edges = tuple(torch.as_tensor(v, device=device) for v in (low, step, last, high))

    out = storage(n, neurons, int(last.max()), device)
    chunk = min(n, rows(activations))
    guess, most = torch.empty(chunk, neurons, dtype=work, device=device), torch.zeros_like(out[:chunk])
    for part, code in zip(activations.split(chunk), out.split(chunk), strict=True):
        g, top = guess[: len(part)], most[: len(part)]
        torch.addcmul(shift, part.to(work), factor, out=g)
        code[:, :neurons].copy_(g)
        top[:, :neurons].copy_(g.add_(margin))
        decide(part, code, top, edges)
    return out


def decide(part: Tensor, code: Tensor, top: Tensor, edges: tuple[Tensor, ...]) -> None:
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
