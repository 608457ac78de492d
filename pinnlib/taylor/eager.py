"""One pass forward and one backward through a multilayer perceptron, all streams, in memory of its own.

Allocating anew for every layer costs a quarter of a step: the operating system clears each page before
it hands it out.  So a pass allocates once and is used for chunk after chunk and step after step.

This is the pass in torch's operations, on any device; :mod:`pinnlib.taylor.native` has the same in machine code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from . import layers, parameters
from .activations import Activation
from .layers import Scratch
from .partials import Plan

__all__ = ["Pass", "Shared"]


class Shared:
    """What passes that are never at work at once can have in common."""

    def __init__(self) -> None:
        self.scratch = Scratch()
        self._gradients: dict[torch.Size, tuple[Tensor, Tensor]] = {}

    def gradients(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Two buffers shaped as ``like``, for the gradients in front of and behind an activation."""
        if like.shape not in self._gradients:
            self._gradients[like.shape] = torch.empty_like(like), torch.empty_like(like)
        return self._gradients[like.shape]


class Pass:
    """Forward and backward for points of one shape.

    Args:
        batch: leading axes of the points; the weights' own leading axes are the beginning of it.
        n_points: points in each batch.
        sizes: coordinates, widths of the hidden layers, fields.
        activation: of the hidden layers.
        plan: which streams are carried.
        like: gives dtype and device.
        lead: number of the weights' own leading axes.
        shared: memory in common with other passes.
        compiled: see :mod:`pinnlib.taylor.layers`.

    Raises:
        ValueError: sizes that begin with another number of inputs than the plan's.
    """

    def __init__(
        self,
        batch: Sequence[int],
        n_points: int,
        sizes: Sequence[int],
        activation: Activation,
        plan: Plan,
        like: Tensor,
        *,
        lead: int = 0,
        shared: Shared | None = None,
        compiled: bool = False,
    ) -> None:
        self.sizes, self.lead = list(sizes), lead
        self._points_shape = plan.points_shape(batch, n_points, sizes)
        self.activation, self.plan, self.compiled = activation, plan, compiled
        self.shared = shared or Shared()
        shape = (*batch, plan.n_streams, n_points)
        self.h = [torch.empty(*shape, n, dtype=like.dtype, device=like.device) for n in sizes[:-1]]
        self.z = [torch.empty_like(h) for h in self.h[1:]]
        self.out = torch.empty(*shape, sizes[-1], dtype=like.dtype, device=like.device)
        first = self.h[0].zero_()
        for k, op in enumerate(() if plan.embedding else plan.operators, start=1):
            for index, c in op.terms:
                if len(index) == 1:
                    first[..., k, :, index[0]] = c

    def forward(self, points: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
        """The output's streams ``(*batch, n_streams, n_points, n_fields)``, valid until the next call.

        Raises:
            ValueError: points of another shape than this pass is for, which torch might stretch to fit.
        """
        if points.shape != self._points_shape:
            raise ValueError(f"points of shape {tuple(points.shape)}: this pass needs shape {self._points_shape}")
        lead = self.out.shape[: self.lead]
        if self.plan.embedding:
            self.h[0].copy_(self.plan.embedding.streams(points, self.plan))
        else:
            self.h[0].select(-3, 0).copy_(points)
        for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            z = self.z[k] if k < len(self.z) else self.out
            torch.matmul(_rows(self.h[k], lead), weight.transpose(-1, -2), out=_rows(z, lead))
            value = z.select(-3, 0)
            value.add_(bias.view(*lead, *[1] * (value.ndim - 1 - len(lead)), -1))
            if z is not self.out:
                layers.forward(z, self.h[k + 1], self.activation, self.plan, self.shared.scratch, compiled=self.compiled)
        return self.out

    def backward(self, g: Tensor, weights: Sequence[Tensor], total: Tensor, apart: Tensor | None = None) -> None:
        """Add to the gradients of all parameters those that ``g`` brings, the gradient of the output's streams.

        The sums over points are taken batch by batch whether they are wanted apart or not, so that to
        measure does not change what is measured, not even by rounding.

        Args:
            g: ``(*batch, n_streams, n_points, n_fields)``.
            weights: as in the forward pass.
            total: gradients ``(*lead, n_params)`` of all weights, then of all biases; changed in place.
            apart: the same for each batch, ``(*batch, n_params)``; changed in place.
        """
        batch, n = self.out.shape[:-3], len(weights)
        own, shared_axes = batch[: self.lead], tuple(range(self.lead, len(batch)))
        totals = parameters.split(total, self.sizes)
        each_apart = None if apart is None else parameters.split(apart, self.sizes)

        def add(k: int, each: Tensor) -> None:
            totals[k].add_(each.sum(shared_axes) if shared_axes else each)
            if each_apart is not None:
                each_apart[k].add_(each)

        for k in range(n - 1, -1, -1):
            if k < len(self.z):
                into = self.shared.gradients(self.z[k])[1]
                layers.backward(
                    g, self.z[k], self.h[k + 1], into, self.activation, self.plan, self.shared.scratch, compiled=self.compiled
                )
                g = into
            # few columns at the left are slow in a matrix product, and the first layer has as many as coordinates
            product = _rows(self.h[k], batch).transpose(-1, -2) @ _rows(g, batch)
            add(k, product.transpose(-1, -2))
            add(n + k, g.select(-3, 0).sum(-2))
            if k:
                into = self.shared.gradients(self.h[k])[0]
                torch.matmul(_rows(g, own), weights[k], out=_rows(into, own))
                g = into


def _rows(streams: Tensor, lead: Sequence[int]) -> Tensor:
    """The streams as matrices of one row a stream and point, one matrix for each index of the leading axes."""
    return streams.reshape(*lead, -1, streams.shape[-1])
