r"""Exact information in a network whose activations are quantized.

Lorenzen et al. (2022) let the network itself compute with the codes: each layer's activations are rounded to :math:`2^k` levels
*before* the next layer sees them.  Then T really is discrete, and with X uniform on the given points I(X; T) = H(T) is a
fact about that network and not an estimate.  The codes of a layer are a function of those of the layer before, so the data
processing inequality holds exactly: H(T) never rises from a layer to the next.

The price: it is another network, which computes with rounded activations.  And log2 N stays the most that N points can show.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import torch
from torch import Tensor, nn

from ..models import MLP
from . import paper_binning
from .binnings import bounds_of, within
from .row_counts import distinct, pack

__all__ = ["quantize", "quantized_activity"]


@torch.no_grad()
def quantize(
    activations: Tensor | np.ndarray, bits: int = 8, *, bounds: tuple[float, float] | str | None = None
) -> tuple[Tensor, Tensor]:
    """Round activations to ``2**bits`` equal levels.

    Args:
        activations: ``(n_samples, n_neurons)``, finite.
        bits: a sample and neuron, 1 to 16.
        bounds: ends of the range, or the name of an activation; the layer's own minimum and maximum unless told.

    Returns:
        The codes, int32, ``(n_samples, n_neurons)``, from 0 to ``2**bits - 1``, all 0 in a constant layer; and the middles
        of their levels, of the activations' own type, ``(n_samples, n_neurons)``.

    Raises:
        ValueError: bits out of range; activations as in :func:`binned_entropy`, or outside the bounds; infinite bounds.
    """
    if isinstance(bits, bool) or not isinstance(bits, Integral) or not 1 <= bits <= 16:
        raise ValueError(f"bits is {bits!r}: give a whole number (int) from 1 to 16")
    x = paper_binning.tensor(activations)
    if bounds is None:
        low, high = (float(v) for v in (paper_binning.limits(x)[0].min(), paper_binning.limits(x)[1].max()))
    else:
        low, high = bounds_of(bounds)
        if not np.isfinite([low, high]).all():
            raise ValueError(
                f"bounds {bounds!r} are ({low:g}, {high:g}): give two finite ones, or None for the range of the layer"
            )
        within(x, (low, high))
    levels = 2 ** int(bits)
    step = (high - low) / levels
    codes = ((x.double() - low) / (step or 1.0)).floor_().clamp_(0, levels - 1).int()
    return codes, (low + (codes.double() + 0.5) * step).to(x.dtype if x.dtype.is_floating_point else torch.float64)


@torch.no_grad()
def quantized_activity(
    model: MLP, points: Tensor | np.ndarray, bits: int = 8, *, bounds: tuple[float, float] | str | None = None
) -> list[Tensor]:
    """Codes of every layer of a network that computes with quantized activations.

    A layer is computed once for each distinct row of the layer before, so equal codes have equal consequences to the last bit.

    Args:
        model: the network; its weights are used as they are.
        points: ``(n_points, n_coordinates)``.
        bits: of each activation.
        bounds: of the hidden layers' levels, as in :func:`quantize`; those of the fields are always their own range.

    Returns:
        ``depth`` hidden layers ``(n_points, width)`` and the fields ``(n_points, n_fields)``, int32.  Estimators take them with
        the rule :class:`Discrete`.

    Raises:
        ValueError: as :func:`quantize`.
    """
    like = model.weights[0]
    h = paper_binning.tensor(points).to(device=like.device, dtype=like.dtype)
    h = h if model.embedding is None else model.embedding.partial(h)
    inverse = torch.arange(len(h), device=h.device)
    out: list[Tensor] = []
    for k, (weight, bias) in enumerate(zip(model.weights, model.biases, strict=True)):
        last = k == len(model.weights) - 1
        z = nn.functional.linear(h, weight, bias)
        z = z if last else model.activation.value(z)
        codes, h = (
            quantize(z, bits, bounds=None if last else bounds) if len(z) > 1 else (torch.zeros_like(z, dtype=torch.int32), z)
        )
        first, group = distinct(pack(codes))
        codes, h, inverse = codes[first], h[first], group[inverse]
        out.append(codes[inverse])
    return out
