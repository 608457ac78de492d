r"""An activation on all streams of a layer: forward, and a backward pass written by hand.

With the streams :math:`z_0, z_1, \ldots` of a layer before its activation (see
:mod:`pinnlib.taylor.propagation`), the streams behind it are

.. math::

   h_0 = f(z_0), \qquad h_k = f'(z_0)\,z_k + \sum_{m \ge 2} f^{(m)}(z_0)\,P_{k,m}(z_1, z_2, \ldots),

where :math:`P_{k,m}` is a sum of products of m streams.  The gradients :math:`g_k` of :math:`h_k` give

.. math::

   \bar z_0 = f' g_0 + f'' \sum_k g_k z_k + \sum_{m \ge 2} f^{(m+1)} \sum_k g_k P_{k,m}, \qquad
   \bar z_a = f' g_a + \sum_{m \ge 2} f^{(m)} \sum_k g_k \frac{\partial P_{k,m}}{\partial z_a} .

Autograd would keep every factor of these sums.  Here a layer keeps what it was given and what it put
out, and nothing else.  Here the lines run as torch's operations, in memory that is used again and again;
:mod:`pinnlib.taylor.fused` has them as one kernel for a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from . import fused
from .activations import Activation, product
from .partials import Plan, Products

__all__ = ["Scratch", "backward", "forward"]

New = Callable[[], Tensor]


class Scratch:
    """Memory for what a layer's formulas need in between, handed out again in the same order by each pass."""

    def __init__(self) -> None:
        # of each shape; none is let go, since a recorded step goes on writing into them
        self._all: dict[torch.Size, list[Tensor]] = {}
        self._buffers: list[Tensor] = []
        self._like: Tensor | None = None
        self._next = 0

    def begin(self, like: Tensor) -> None:
        """Start a pass whose intermediate results are shaped as ``like``."""
        self._buffers = self._all.setdefault(like.shape, [])
        self._like, self._next = like, 0

    def __call__(self) -> Tensor:
        """The next buffer."""
        if self._next == len(self._buffers):
            assert self._like is not None  # a pass has begun
            self._buffers.append(torch.empty(self._like.shape, dtype=self._like.dtype, device=self._like.device))
        self._next += 1
        return self._buffers[self._next - 1]


def forward(z: Tensor, out: Tensor, activation: Activation, plan: Plan, scratch: Scratch, *, compiled: bool = False) -> None:
    """All streams of f(z) into ``out``; both ``(*batch, n_streams, n_points, width)``."""
    if compiled:
        fused.forward(z, out, activation, plan)
        return
    scratch.begin(z.select(-3, 0))
    _forward(z, out.unbind(-3), activation, plan, scratch)


def backward(
    g: Tensor, z: Tensor, h: Tensor, out: Tensor, activation: Activation, plan: Plan, scratch: Scratch, *, compiled: bool = False
) -> None:
    """The gradients of ``z`` into ``out``, from those of ``h = f(z)``; all ``(*batch, n_streams, n_points, width)``."""
    if compiled:
        fused.backward(g, z, h, out, activation, plan)
        return
    scratch.begin(z.select(-3, 0))
    _backward(g, z, h.select(-3, 0), out.unbind(-3), activation, plan, scratch)


def _forward(z: Tensor, slots: Sequence[Tensor], activation: Activation, plan: Plan, new: New) -> list[Tensor]:
    streams = z.unbind(-3)
    f = activation.derivatives(streams[0], activation.value(streams[0], out=slots[0]), max(plan.order, 1), new)
    h = [f[0]]
    for k in range(1, plan.n_streams):
        h.append(torch.mul(streams[k], f[1], out=slots[k]))
        for m, products in plan.products[k].items():
            h[k].addcmul_(f[m], _sum(products, streams, new))
    return h


def _backward(
    g: Tensor, z: Tensor, value: Tensor, slots: Sequence[Tensor], activation: Activation, plan: Plan, new: New
) -> list[Tensor]:
    streams, grads = z.unbind(-3), g.unbind(-3)
    f = activation.derivatives(streams[0], value, plan.order + 1, new)
    dz = [torch.mul(gk, f[1], out=slot) for gk, slot in zip(grads, slots, strict=True)]
    sums: dict[int, Tensor] = {}  # what f^(m + 1) multiplies in the gradient of the value
    for k in range(1, plan.n_streams):
        sums[1] = sums[1].addcmul_(grads[k], streams[k]) if 1 in sums else torch.mul(grads[k], streams[k], out=new())
        for m, products in plan.products[k].items():
            total = _sum(products, streams, new)
            sums[m] = sums[m].addcmul_(grads[k], total) if m in sums else total.mul_(grads[k])
            gf = torch.mul(grads[k], f[m], out=new())
            for a, slope in plan.slopes[k][m].items():
                for c, (*others, last) in slope:
                    dz[a].addcmul_(_product(gf, others, streams, new), streams[last], value=c)
    for m, total in sums.items():
        dz[0].addcmul_(f[m + 1], total)
    return dz


def _sum(products: Products, streams: Sequence[Tensor], new: New) -> Tensor:
    """Sum of coefficients times products of streams."""
    (c, (first, *others, last)), *more = products
    total = product(c, _product(streams[first], others, streams, new), streams[last], new())
    for c, (first, *others, last) in more:
        total.addcmul_(_product(streams[first], others, streams, new), streams[last], value=c)
    return total


def _product(start: Tensor, factors: Sequence[int], streams: Sequence[Tensor], new: New) -> Tensor:
    for k in factors:
        start = torch.mul(start, streams[k], out=new())
    return start
