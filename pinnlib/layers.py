r"""An activation on all streams of a layer: forward, and a backward pass written by hand.

With the streams :math:`z_0, z_1, \ldots` of a layer before its activation (see
:mod:`pinnlib.derivatives`), the streams behind it are

.. math::

   h_0 = f(z_0), \qquad h_k = f'(z_0)\,z_k + \sum_{m \ge 2} f^{(m)}(z_0)\,P_{k,m}(z_1, z_2, \ldots),

where :math:`P_{k,m}` is a sum of products of m streams.  The gradients :math:`g_k` of :math:`h_k` give

.. math::

   \bar z_0 = f' g_0 + f'' \sum_k g_k z_k + \sum_{m \ge 2} f^{(m+1)} \sum_k g_k P_{k,m}, \qquad
   \bar z_a = f' g_a + \sum_{m \ge 2} f^{(m)} \sum_k g_k \frac{\partial P_{k,m}}{\partial z_a} .

Autograd would keep every factor of these sums.  Here a layer keeps what it was given and what it put
out, and nothing else.  The same lines run eagerly, in memory that is used again and again, and
compiled to one loop by ``torch.compile``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import FunctionType

import torch
from torch import Tensor

from .activations import Activation, _anywhere, product
from .plans import Plan, Products

__all__ = ["Scratch", "backward", "forward"]

New = Callable[[], Tensor | None]


class Scratch:
    """Memory for what a layer's formulas need in between, handed out again in the same order by each pass."""

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []
        self._like: Tensor | None = None
        self._next = 0

    def begin(self, like: Tensor) -> None:
        """Start a pass whose intermediate results are shaped as ``like``."""
        if self._like is None or self._like.shape != like.shape:
            self._buffers = []
        self._like, self._next = like, 0

    def __call__(self) -> Tensor:
        """The next buffer."""
        if self._next == len(self._buffers):
            self._buffers.append(torch.empty(self._like.shape, dtype=self._like.dtype, device=self._like.device))
        self._next += 1
        return self._buffers[self._next - 1]


def forward(z: Tensor, out: Tensor, activation: Activation, plan: Plan, scratch: Scratch, *, compiled: bool = False) -> None:
    """All streams of f(z) into ``out``; both ``(*batch, n_streams, n_points, width)``."""
    if compiled:
        _fused(_forward, activation, plan, z.shape, z.dtype, z.device, torch.get_num_threads())(*out.unbind(-3), z)
        return
    scratch.begin(z.select(-3, 0))
    _forward(z, out.unbind(-3), activation, plan, scratch)


def backward(
    g: Tensor, z: Tensor, h: Tensor, out: Tensor, activation: Activation, plan: Plan, scratch: Scratch, *, compiled: bool = False
) -> None:
    """The gradients of ``z`` into ``out``, from those of ``h = f(z)``; all ``(*batch, n_streams, n_points, width)``."""
    if compiled:
        _fused(_backward, activation, plan, z.shape, z.dtype, z.device, torch.get_num_threads())(
            *out.unbind(-3), g, z, h.select(-3, 0)
        )
        return
    scratch.begin(z.select(-3, 0))
    _backward(g, z, h.select(-3, 0), out.unbind(-3), activation, plan, scratch)


def _forward(z: Tensor, slots: Sequence[Tensor | None], activation: Activation, plan: Plan, new: New) -> list[Tensor]:
    streams = z.unbind(-3)
    f = activation.derivatives(streams[0], activation.value(streams[0], out=slots[0]), max(plan.order, 1), new)
    h = [f[0]]
    for k in range(1, plan.n_streams):
        h.append(torch.mul(streams[k], f[1], out=slots[k]))
        for m, products in plan.products[k].items():
            h[k].addcmul_(f[m], _sum(products, streams, new))
    return h


def _backward(
    g: Tensor, z: Tensor, value: Tensor, slots: Sequence[Tensor | None], activation: Activation, plan: Plan, new: New
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


@cache
def _fused(function: FunctionType, activation: Activation, plan: Plan, *key: object) -> Callable[..., None]:
    """One compiled function for each shape; torch counts recompilations by code object and gives up after a few."""
    _ = plan.order, plan.products, plan.slopes  # worked out before the compiler looks: it cannot follow their lock
    n = plan.n_streams
    nowhere = [None] * n

    def fused(*tensors: Tensor) -> None:
        # one tensor for each stream of the result: slices of one would be written twice
        for out, stream in zip(tensors[:n], function(*tensors[n:], nowhere, activation, plan, _anywhere), strict=True):
            out.copy_(stream)

    code = fused.__code__.replace(co_name=f"fused_{next(_numbers)}")
    own = FunctionType(code, fused.__globals__, closure=fused.__closure__)
    # the key and the buffers of a pass fix all that torch would check at each call, which takes as long as a small layer
    unguarded = {"guard_filter_fn": lambda guards: [False] * len(guards)} if _GUARDS_CAN_BE_LEFT_OUT else None
    return torch.compile(own, dynamic=False, fullgraph=True, options=unguarded)


_GUARDS_CAN_BE_LEFT_OUT = hasattr(torch.compiler, "skip_guard_on_all_nn_modules_unsafe")  # torch 2.8 and later
_numbers = iter(range(10**9))
