r"""A network and its exact partial derivatives in one forward pass (Taylor mode).

Every layer carries a few *streams* instead of one value.  For hidden units :math:`z` these are the
value, first partials :math:`\partial_i z`, and second-order operators
:math:`L z = \sum_{ij} c_{ij}\,\partial_i\partial_j z + \sum_i b_i\,\partial_i z`.
A linear layer acts on all streams alike.  An activation :math:`f` maps them by the chain rule,

.. math::

   h = f(z), \qquad \partial_i h = f'(z)\,\partial_i z, \qquad
   L h = f''(z) \sum_{ij} c_{ij}\,\partial_i z\,\partial_j z + f'(z)\,L z .

So an operator such as the Laplacian costs one stream, however many partials it sums (the "forward
Laplacian").  The result is differentiable once more by an ordinary backward pass, which is what
training needs; no graph of a graph is ever built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from . import activations
from .models import MLP

__all__ = ["Fields", "Plan", "plan", "propagate", "evaluate"]


@dataclass(frozen=True)
class Operator:
    """``sum c_ij d_i d_j + sum b_i d_i`` with constant coefficients, by coordinate numbers."""

    second: tuple[tuple[int, int, float], ...] = ()
    first: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Plan:
    """Which streams a pass carries, and under which name each result is found.

    Stream 0 is the value, streams ``1 .. len(first)`` are the partials by the coordinates in
    ``first``, the rest are ``operators``.  ``names`` maps a name to ``(stream, field)``.
    """

    n_coordinates: int
    first: tuple[int, ...]
    operators: tuple[Operator, ...]
    names: Mapping[str, tuple[int, int]] = field(hash=False)

    @property
    def n_streams(self) -> int:
        """Number of streams a layer carries."""
        return 1 + len(self.first) + len(self.operators)

    def numbered_operators(self) -> Iterator[tuple[int, Operator]]:
        """The operators with the numbers of their streams."""
        return enumerate(self.operators, start=1 + len(self.first))

    def quadratic(self, operator: Operator) -> list[tuple[int, int, float]]:
        """The operator's second-order part by *stream* numbers."""
        at = {c: 1 + k for k, c in enumerate(self.first)}
        return [(at[i], at[j], c) for i, j, c in operator.second]


def plan(
    coordinates: Sequence[str],
    fields: Sequence[str],
    partials: Sequence[str],
    operators: Mapping[str, Mapping[str, float]] | None = None,
) -> Plan:
    """Work out the streams for the partials and operators that a residual asks for.

    Args:
        coordinates: one letter each, e.g. ``("x", "t")``.
        fields: names of the network's outputs, e.g. ``("u",)``.
        partials: names such as ``"u"``, ``"u_x"``, ``"u_xx"``, ``"u_xt"``; at most second order.
        operators: sums of partials of one field that travel as one stream, e.g.
            ``{"laplace_u": {"u_xx": 1.0, "u_yy": 1.0}}``.

    Raises:
        ValueError: a name that is not a field, a coordinate, or at most second order.
    """
    wanted: dict[str, tuple[int, Operator | None]] = {}
    for name in partials:
        field, indices = _parse(name, coordinates, fields)
        wanted[name] = (field, _as_operator({indices: 1.0}) if indices else None)
    for name, terms in (operators or {}).items():
        parsed = {_parse(term, coordinates, fields): float(c) for term, c in terms.items()}
        found = {field for field, _ in parsed}
        if len(found) != 1 or any(not indices for _, indices in parsed):
            raise ValueError(
                f"operator {name!r} is {dict(terms)}: give partials of one field, such as u_xx, each of order 1 or 2"
            )
        wanted[name] = (found.pop(), _as_operator({i: c for (_, i), c in parsed.items()}))

    pure_first = {op.first[0][0] for _, op in wanted.values() if op and _is_partial(op)}
    needed = pure_first | {i for _, op in wanted.values() if op for ij in op.second for i in ij[:2]}
    first = tuple(sorted(needed))
    carried = tuple(dict.fromkeys(op for _, op in wanted.values() if op and not _is_partial(op)))
    names = {}
    for name, (field, op) in wanted.items():
        if op is None:
            stream = 0
        elif _is_partial(op):
            stream = 1 + first.index(op.first[0][0])
        else:
            stream = 1 + len(first) + carried.index(op)
        names[name] = (stream, field)
    return Plan(len(coordinates), first, carried, names)


def _parse(name: str, coordinates: Sequence[str], fields: Sequence[str]) -> tuple[int, tuple[int, ...]]:
    if name in fields:
        return fields.index(name), ()
    field, _, letters = name.rpartition("_")
    if field not in fields or not letters or any(c not in coordinates for c in letters) or len(letters) > 2:
        raise ValueError(
            f"{name!r} is not a partial derivative of order 1 or 2 of the fields {tuple(fields)} by the "
            f"coordinates {tuple(coordinates)}: write it as field_letters, such as u_x or u_xx"
        )
    return fields.index(field), tuple(sorted(coordinates.index(c) for c in letters))


def _as_operator(terms: Mapping[tuple[int, ...], float]) -> Operator:
    second = tuple(sorted((i[0], i[1], c) for i, c in terms.items() if len(i) == 2))
    first = tuple(sorted((i[0], c) for i, c in terms.items() if len(i) == 1))
    return Operator(second, first)


def _is_partial(op: Operator) -> bool:
    return not op.second and len(op.first) == 1 and op.first[0][1] == 1.0


class Fields:
    """The values that a residual reads by name: ``d.u``, ``d.u_x``, ``d.laplace_u``; each ``(..., n_points)``."""

    def __init__(self, streams: Tensor, plan: Plan) -> None:
        self._streams, self._plan = streams, plan

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_") or name not in self._plan.names:
            raise AttributeError(
                f"no {name!r} here: the problem asks for {tuple(self._plan.names)}; add {name!r} to its partials"
            )
        stream, field = self._plan.names[name]
        return self._streams[..., stream, :, field]


def _forward(z: Tensor, bias: Tensor, activation: activations.Activation, plan: Plan) -> tuple[Tensor, Tensor]:
    """All streams of ``f(z + bias)``, and the value apart; the module's docstring has the formulas."""
    streams = z.unbind(-3)
    f = activation.derivatives(streams[0] + bias.unsqueeze(-2), 2 if plan.operators else 1)
    h = [f[0]] + [s * f[1] for s in streams[1:]]
    for k, op in plan.numbered_operators():
        if op.second:
            h[k].addcmul_(f[2], _quadratic_form(streams, plan.quadratic(op)))
    return torch.stack(h, dim=-3), f[0]


def _backward(
    g: Tensor, z: Tensor, bias: Tensor, value: Tensor, activation: activations.Activation, plan: Plan
) -> tuple[Tensor, Tensor]:
    """Gradients of ``z`` and ``bias`` from the gradient ``g`` of all streams: the forward formulas, differentiated."""
    streams, grads = z.unbind(-3), g.unbind(-3)
    f = activation.derivatives(streams[0] + bias.unsqueeze(-2), 3 if plan.operators else 2, value=value)
    dz = [k * f[1] for k in grads]
    for gk, zk in zip(grads[1:], streams[1:], strict=True):
        dz[0].addcmul_(f[2], gk * zk)
    for k, op in plan.numbered_operators():
        quadratic = plan.quadratic(op)
        if quadratic:
            dz[0].addcmul_(f[3], _quadratic_form(streams, quadratic).mul_(grads[k]))
            g2 = grads[k] * f[2]
        for i, j, c in quadratic:
            if i == j:
                dz[i].addcmul_(g2, streams[i], value=2.0 * c)
            else:
                dz[i].addcmul_(g2, streams[j], value=c)
                dz[j].addcmul_(g2, streams[i], value=c)
    return torch.stack(dz, dim=-3), dz[0].sum(-2)


def _quadratic_form(streams: Sequence[Tensor], terms: list[tuple[int, int, float]]) -> Tensor:
    (i, j, c), *rest = terms
    total = streams[i] * streams[j] * c if c != 1.0 else streams[i] * streams[j]
    for i, j, c in rest:
        total.addcmul_(streams[i], streams[j], value=c)
    return total


@cache
def _kernels(compiled: bool) -> tuple[Callable[..., tuple[Tensor, Tensor]], Callable[..., tuple[Tensor, Tensor]]]:
    """The two passes of an activation, plain or fused by torch's compiler."""
    if not compiled:
        return _forward, _backward
    return torch.compile(_forward, dynamic=False), torch.compile(_backward, dynamic=False)


class _Activate(torch.autograd.Function):
    """All streams of one layer through ``f(z + bias)``, with a hand-written backward pass."""

    @staticmethod
    def forward(ctx, z: Tensor, bias: Tensor, activation: activations.Activation, plan: Plan, compiled: bool) -> Tensor:
        h, value = _kernels(compiled)[0](z, bias, activation, plan)
        ctx.save_for_backward(z, bias, value)
        ctx.settings = activation, plan, compiled
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        activation, plan, compiled = ctx.settings
        dz, dbias = _kernels(compiled)[1](g, *ctx.saved_tensors, activation, plan)
        return dz, dbias, None, None, None


def propagate(
    points: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: activations.Activation,
    plan: Plan,
    *,
    compiled: bool = False,
) -> Tensor:
    """Carry all streams of ``plan`` through a multilayer perceptron.

    Args:
        points: ``(*batch, n_points, n_coordinates)``.
        weights: one ``(*batch, n_out, n_in)`` a layer.  With a leading batch axis every batch of
            points meets its own copy of the weights, so that one backward pass gives the gradient of
            every batch apart.
        biases: one ``(*batch, n_out)`` a layer.
        compiled: fuse each activation's arithmetic by ``torch.compile``; needs a C++ compiler.

    Returns:
        ``(*batch, n_streams, n_points, n_fields)``.
    """
    *batch, n_points, n_coordinates = points.shape
    h = points.new_zeros(*batch, plan.n_streams, n_points, n_coordinates)
    h[..., 0, :, :] = points
    for k, c in enumerate(plan.first, start=1):
        h[..., k, :, c] = 1.0
    for k, op in plan.numbered_operators():
        for c, b in op.first:
            h[..., k, :, c] = b
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        h = _Activate.apply(_linear(h, weight), bias, activation, plan, compiled)
    out = _linear(h, weights[-1])
    value = out[..., :1, :, :] + biases[-1].unsqueeze(-2).unsqueeze(-2)
    return torch.cat([value, out[..., 1:, :, :]], dim=-3)


def _linear(h: Tensor, weight: Tensor) -> Tensor:
    *batch, n_streams, n_points, n_in = h.shape
    z = h.reshape(*batch, n_streams * n_points, n_in) @ weight.transpose(-1, -2)
    return z.view(*batch, n_streams, n_points, -1)


def evaluate(model: MLP, points: Tensor, plan: Plan, *, compiled: bool = False) -> Fields:
    """The fields and partials of ``plan`` for a network at ``points`` ``(n_points, n_coordinates)``."""
    streams = propagate(points, model.weights, model.biases, model.activation, plan, compiled=compiled)
    return Fields(streams, plan)
