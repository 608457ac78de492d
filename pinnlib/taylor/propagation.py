r"""A network and its exact partial derivatives in one forward pass (Taylor mode).

Every layer carries a few *streams* instead of one value.  For hidden units :math:`z` these are the
value, the first partials :math:`\partial_i z`, and linear operators such as
:math:`L z = \sum_{ij} c_{ij}\,\partial_i\partial_j z + \sum_i b_i\,\partial_i z`.
A linear layer acts on all streams alike.  An activation :math:`f` maps them by the chain rule,

.. math::

   h = f(z), \qquad \partial_i h = f'(z)\,\partial_i z, \qquad
   L h = f'(z)\,L z + f''(z) \sum_{ij} c_{ij}\,\partial_i z\,\partial_j z .

So an operator such as the Laplacian costs one stream, however many partials it sums (the "forward
Laplacian").  Operators of third and fourth order follow the same way, with one product of lower partials
for every way to cut a multi-index into blocks (Faà di Bruno's formula); they make the plan carry the
lower partials that these products need.  The result is differentiable once more by an ordinary
backward pass, which is what training needs; no graph of a graph is ever built.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from . import activations, backends, parameters
from .partials import Fields, Operator, Plan, plan

__all__ = ["Fields", "Operator", "Plan", "evaluate", "plan", "propagate"]


class Layers(Protocol):
    """Tensors, one a layer: a list, or torch's own kind of list of parameters."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Tensor]: ...


class Network(Protocol):
    """What :func:`evaluate` needs of a network, such as :class:`pinnlib.models.MLP`."""

    @property
    def weights(self) -> Layers:
        """One ``(n_out, n_in)`` a layer."""
        ...

    @property
    def biases(self) -> Layers:
        """One ``(n_out,)`` a layer."""
        ...

    @property
    def activation(self) -> activations.Activation:
        """Of the hidden layers."""
        ...


def propagate(
    points: Tensor,
    weights: Layers,
    biases: Layers,
    activation: activations.Activation,
    plan: Plan,
    *,
    path: str = "eager",
) -> Tensor:
    """Carry all streams of ``plan`` through a multilayer perceptron.

    Args:
        points: ``(*batch, n_points, n_coordinates)``.
        weights: one ``(*lead, n_out, n_in)`` a layer, where ``lead`` is the beginning of ``batch``, or
            nothing.  Batches share a weight along the axes that it lacks, and have a copy each along
            those that it has, so that one backward pass gives the gradient of every batch apart.
        biases: one ``(*lead, n_out)`` a layer.
        path: torch's operations or machine code; see :mod:`pinnlib.taylor.backends`.
        activation: of the hidden layers.
        plan: which streams are carried.

    Returns:
        ``(*batch, n_streams, n_points, n_fields)``.
    """
    return _Propagate.apply(points, activation, plan, path, len(weights), *weights, *biases)


class _Propagate(torch.autograd.Function):
    """A pass that autograd can go back through, once for each call."""

    @staticmethod
    def forward(ctx, points, activation, plan, path, n_layers, *parameters):
        *batch, n_points, _ = points.shape
        weights, biases = parameters[:n_layers], parameters[n_layers:]
        sizes = [weights[0].shape[-1], *(w.shape[-2] for w in weights)]
        one = backends.make(path, batch, n_points, sizes, activation, plan, points, lead=weights[0].ndim - 2)
        out = one.forward(points, weights, biases)
        ctx.one, ctx.n_layers = one, n_layers
        ctx.save_for_backward(*parameters)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        if ctx.needs_input_grad[0]:
            raise ValueError("points that require gradients: ask the plan for partial derivatives by the coordinates instead")
        weights, like = ctx.saved_tensors[: ctx.n_layers], ctx.saved_tensors[0]
        total = like.new_zeros(*like.shape[:-2], parameters.count(ctx.one.sizes))
        ctx.one.backward(g, weights, total)
        return None, None, None, None, None, *parameters.split(total, ctx.one.sizes)


def evaluate(model: Network, points: Tensor, plan: Plan, *, path: str = "eager") -> Fields:
    """The fields and partials of ``plan`` for a network at ``points`` ``(n_points, n_coordinates)``."""
    streams = propagate(points, model.weights, model.biases, model.activation, plan, path=path)
    return Fields(streams, plan)
