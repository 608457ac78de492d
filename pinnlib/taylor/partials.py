"""Which derivatives a pass carries, worked out from the names that a residual asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from .embeddings import Periodic

__all__ = ["ORDER", "Fields", "Operator", "Plan", "Products", "plan"]

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
    ``names`` maps a name to ``(stream, field)``.  ``embedding`` is what the network is given instead of the coordinates.
    """

    n_coordinates: int
    operators: tuple[Operator, ...]
    names: Mapping[str, tuple[int, int]] = field(hash=False)
    embedding: Periodic | None = None

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
            sums: dict[int, defaultdict[Index, float]] = {}
            for index, c in op.terms:
                for blocks in _partitions(index):
                    if len(blocks) > 1:
                        factors = tuple(sorted(number[b] for b in blocks))
                        sums.setdefault(len(blocks), defaultdict(float))[factors] += c
            found.append({m: tuple((c, factors) for factors, c in s.items()) for m, s in sorted(sums.items())})
        return tuple(found)

    @cached_property
    def slopes(self) -> tuple[dict[int, dict[int, Products]], ...]:
        """The products' derivatives by the streams in them, ``{m: {stream: sum of products of m - 1 streams}}``."""
        found = []
        for products in self.products:
            by_order: dict[int, dict[int, Products]] = {}
            for m, terms in products.items():
                sums: dict[int, defaultdict[Index, float]] = {}
                for c, factors in terms:
                    for at, stream in enumerate(factors):
                        sums.setdefault(stream, defaultdict(float))[factors[:at] + factors[at + 1 :]] += c
                by_order[m] = {stream: tuple((c, rest) for rest, c in s.items()) for stream, s in sums.items()}
            found.append(by_order)
        return tuple(found)


def plan(
    coordinates: Sequence[str],
    fields: Sequence[str],
    partials: Sequence[str],
    operators: Mapping[str, Mapping[str, float]] | None = None,
    embedding: Periodic | None = None,
) -> Plan:
    """Work out the streams for the partials and operators that a residual asks for.

    Args:
        coordinates: one letter each, e.g. ``("x", "t")``.
        fields: names of the network's outputs, e.g. ``("u",)``.
        partials: names such as ``"u"``, ``"u_x"``, ``"u_xt"``, ``"u_xxy"``; at most third order.
        operators: sums of partials of one field that travel as one stream, e.g.
            ``{"laplace_u": {"u_xx": 1.0, "u_yy": 1.0}}``.
        embedding: what the network is given instead of the coordinates.

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
    return Plan(len(coordinates), tuple(carried), names, embedding)


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
