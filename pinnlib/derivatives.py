r"""A network and its exact partial derivatives in one forward pass (Taylor mode).

Every layer carries a few *streams* instead of one value.  For hidden units :math:`z` these are the
value, the first partials :math:`\partial_i z`, and linear operators such as
:math:`L z = \sum_{ij} c_{ij}\,\partial_i\partial_j z + \sum_i b_i\,\partial_i z`.
A linear layer acts on all streams alike.  An activation :math:`f` maps them by the chain rule,

.. math::

   h = f(z), \qquad \partial_i h = f'(z)\,\partial_i z, \qquad
   L h = f'(z)\,L z + f''(z) \sum_{ij} c_{ij}\,\partial_i z\,\partial_j z .

So an operator such as the Laplacian costs one stream, however many partials it sums (the "forward
Laplacian").  Operators of third order follow the same way, with one product of lower partials for
every way to cut a multi-index into blocks (Faà di Bruno's formula); they make the plan carry the
second partials that these products need.  The result is differentiable once more by an ordinary
backward pass, which is what training needs; no graph of a graph is ever built.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from . import activations, models, passes
from .models import MLP

__all__ = ["Fields", "Plan", "evaluate", "plan", "propagate"]

Index = tuple[int, ...]  # a partial derivative: the numbers of its coordinates, sorted
Products = tuple[tuple[float, tuple[int, ...]], ...]  # sum of coefficient times a product of streams
ORDER = 3


@dataclass(frozen=True)
class Operator:
    """A sum of constant coefficients times partial derivatives, ``((index, coefficient), ...)``."""

    terms: tuple[tuple[Index, float], ...]

    @property
    def order(self) -> int:
        """The highest order of its partials."""
        return max(len(index) for index, _ in self.terms)


@dataclass(frozen=True)
class Plan:
    """Which streams a pass carries, and under which name each result is found.

    Stream 0 is the value; the rest are ``operators``, of which single partials are a case.
    ``names`` maps a name to ``(stream, field)``.
    """

    n_coordinates: int
    operators: tuple[Operator, ...]
    names: Mapping[str, tuple[int, int]] = field(hash=False)

    @property
    def n_streams(self) -> int:
        """Number of streams a layer carries."""
        return 1 + len(self.operators)

    @cached_property
    def order(self) -> int:
        """The highest derivative of the activation that the forward pass needs."""
        return max((op.order for op in self.operators), default=0)

    @cached_property
    def products(self) -> tuple[dict[int, Products], ...]:
        """What the chain rule adds to each stream, ``{m: sum of products of m streams}``; f^(m) multiplies it."""
        number = {op.terms[0][0]: k for k, op in enumerate(self.operators, start=1) if _is_partial(op)}
        found: list[dict[int, Products]] = [{}]
        for op in self.operators:
            sums: dict[int, Counter[Index]] = {}
            for index, c in op.terms:
                for blocks in _partitions(index):
                    if len(blocks) > 1:
                        factors = tuple(sorted(number[b] for b in blocks))
                        sums.setdefault(len(blocks), Counter())[factors] += c
            found.append({m: tuple((c, factors) for factors, c in s.items()) for m, s in sorted(sums.items())})
        return tuple(found)

    @cached_property
    def slopes(self) -> tuple[dict[int, dict[int, Products]], ...]:
        """The products' derivatives by the streams in them, ``{m: {stream: sum of products of m - 1 streams}}``."""
        found = []
        for products in self.products:
            by_order: dict[int, dict[int, Products]] = {}
            for m, terms in products.items():
                sums: dict[int, Counter[Index]] = {}
                for c, factors in terms:
                    for at, stream in enumerate(factors):
                        sums.setdefault(stream, Counter())[factors[:at] + factors[at + 1 :]] += c
                by_order[m] = {stream: tuple((c, rest) for rest, c in s.items()) for stream, s in sums.items()}
            found.append(by_order)
        return tuple(found)


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
        partials: names such as ``"u"``, ``"u_x"``, ``"u_xt"``, ``"u_xxy"``; at most third order.
        operators: sums of partials of one field that travel as one stream, e.g.
            ``{"laplace_u": {"u_xx": 1.0, "u_yy": 1.0}}``.

    Raises:
        ValueError: a name that is not a field, a coordinate, or at most third order.
    """
    wanted: dict[str, tuple[int, Operator | None]] = {}
    for name in partials:
        field, index = _parse(name, coordinates, fields)
        wanted[name] = (field, Operator(((index, 1.0),)) if index else None)
    for name, terms in (operators or {}).items():
        parsed = {_parse(term, coordinates, fields): float(c) for term, c in terms.items()}
        found = {field for field, _ in parsed}
        if len(found) != 1 or any(not index for _, index in parsed):
            raise ValueError(
                f"operator {name!r} is {dict(terms)}: give partials of one field, such as u_xx, each of order 1 to {ORDER}"
            )
        wanted[name] = (found.pop(), Operator(tuple(sorted((index, c) for (_, index), c in parsed.items()))))

    asked = [op for _, op in wanted.values() if op]
    blocks = {b for op in asked for index, _ in op.terms for parts in _partitions(index) if len(parts) > 1 for b in parts}
    needed = [Operator(((index, 1.0),)) for index in sorted(blocks, key=lambda index: (len(index), index))]
    carried = sorted(dict.fromkeys(needed + asked), key=lambda op: (op.order, not _is_partial(op)))
    names = {name: (0 if op is None else 1 + carried.index(op), field) for name, (field, op) in wanted.items()}
    return Plan(len(coordinates), tuple(carried), names)


def _parse(name: str, coordinates: Sequence[str], fields: Sequence[str]) -> tuple[int, Index]:
    if name in fields:
        return fields.index(name), ()
    field, _, letters = name.rpartition("_")
    if field not in fields or not letters or any(c not in coordinates for c in letters) or len(letters) > ORDER:
        raise ValueError(
            f"{name!r} is not a partial derivative of order 1 to {ORDER} of the fields {tuple(fields)} by the "
            f"coordinates {tuple(coordinates)}: write it as field_letters, such as u_x or u_xx"
        )
    return fields.index(field), tuple(sorted(coordinates.index(c) for c in letters))


def _is_partial(op: Operator) -> bool:
    return len(op.terms) == 1 and op.terms[0][1] == 1.0


def _partitions(index: Index) -> Iterator[list[Index]]:
    """All ways to cut the factors of a multi-index into blocks, e.g. xxy: [xxy], [x, xy] twice, [y, xx], [x, x, y]."""
    if not index:
        yield []
        return
    first, rest = index[0], index[1:]
    for blocks in _partitions(rest):
        yield [(first,), *blocks]
        for k, block in enumerate(blocks):
            yield [*blocks[:k], tuple(sorted((first, *block))), *blocks[k + 1 :]]


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


def propagate(
    points: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
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
        path: torch's operations or machine code; see :mod:`pinnlib.compiling`.

    Returns:
        ``(*batch, n_streams, n_points, n_fields)``.
    """
    return _Propagate.apply(points, activation, plan, path, len(weights), *weights, *biases)


class _Propagate(torch.autograd.Function):
    """A pass that autograd can go back through, once for each call."""

    @staticmethod
    def forward(ctx, points, activation, plan, path, n_layers, *parameters):
        *batch, n_points, n_coordinates = points.shape
        weights, biases = parameters[:n_layers], parameters[n_layers:]
        sizes = [n_coordinates, *(w.shape[-2] for w in weights)]
        one = passes.make(path, batch, n_points, sizes, activation, plan, points, lead=weights[0].ndim - 2)
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
        total = like.new_zeros(*like.shape[:-2], sum(math.prod(shape) for shape in models.shapes(ctx.one.sizes)))
        ctx.one.backward(g, weights, total)
        return None, None, None, None, None, *models.split(total, ctx.one.sizes)


def evaluate(model: MLP, points: Tensor, plan: Plan, *, path: str = "eager") -> Fields:
    """The fields and partials of ``plan`` for a network at ``points`` ``(n_points, n_coordinates)``."""
    streams = propagate(points, model.weights, model.biases, model.activation, plan, path=path)
    return Fields(streams, plan)
