"""Which derivatives a pass carries, worked out from the names that a residual asks for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from .embeddings import Embedding

__all__ = ["ORDER", "Fields", "Operator", "Plan", "Products", "parse", "plan"]

Index = tuple[int, ...]  # a partial derivative: the numbers of its coordinates, sorted
Products = tuple[tuple[float, tuple[int, ...]], ...]  # sum of coefficient times a product of streams
ORDER = 4


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
    embedding: Embedding | None = None

    @property
    def n_streams(self) -> int:
        """Number of streams a layer carries."""
        return 1 + len(self.operators)

    @cached_property
    def order(self) -> int:
        """The highest derivative of the activation that the forward pass needs."""
        return max((op.order for op in self.operators), default=0)

    def points_shape(self, batch: Sequence[int], n_points: int, sizes: Sequence[int]) -> tuple[int, ...]:
        """The shape of a pass's points, ``(*batch, n_points, n_coordinates)``.

        Raises:
            ValueError: sizes that begin with another number of inputs than this plan's.
        """
        inputs = self.embedding.n_features if self.embedding else self.n_coordinates
        if sizes[0] != inputs:
            raise ValueError(f"a network of sizes {list(sizes)} with {sizes[0]} inputs: the plan needs one with {inputs}")
        return (*batch, n_points, self.n_coordinates)

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
    embedding: Embedding | None = None,
) -> Plan:
    """Work out the streams for the partials and operators that a residual asks for.

    Args:
        coordinates: one letter each, e.g. ``("x", "t")``.
        fields: names of the network's outputs, e.g. ``("u",)``; identifiers that do not begin with ``_``.
        partials: names such as ``"u"``, ``"u_x"``, ``"u_xt"``, ``"u_xxyy"``; at most fourth order.
        operators: sums of partials of one field that travel as one stream, e.g.
            ``{"laplace_u": {"u_xx": 1.0, "u_yy": 1.0}}``; their names are no fields and no partials.
        embedding: what the network is given instead of the coordinates.

    Raises:
        ValueError: names in one string instead of a tuple; a coordinate, field or operator whose name is not as above, or
            is given twice; a partial of what is not a field or a coordinate, or of too high an order; an embedding of
            another number of coordinates.
    """
    _check_names(coordinates, fields, partials, operators or {})
    if embedding is not None and embedding.n_coordinates != len(coordinates):
        raise ValueError(
            f"an embedding of {embedding.n_coordinates} coordinates, a plan of {tuple(coordinates)}: give it n_coordinates = "
            f"{len(coordinates)}"
        )
    wanted: dict[str, tuple[int, Operator | None]] = {}
    for name in partials:
        field, index = parse(name, coordinates, fields)
        wanted[name] = (field, Operator(((index, 1.0),)) if index else None)
    for name, terms in (operators or {}).items():
        if not isinstance(terms, Mapping):
            raise ValueError(f"operator {name!r} is {terms!r}: give a dict of partials and their coefficients, {{'u_xx': 1.0}}")
        parsed: defaultdict[tuple[int, Index], float] = defaultdict(float)
        for term, c in terms.items():  # two spellings of one partial, u_xy and u_yx, add up
            try:
                number = float(c)
            except (TypeError, ValueError):
                number = math.nan
            if not math.isfinite(number):
                raise ValueError(f"operator {name!r} takes {term} times {c!r}: give a finite number")
            parsed[parse(term, coordinates, fields)] += number
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


def _check_names(
    coordinates: Sequence[str], fields: Sequence[str], partials: Sequence[str], operators: Mapping[str, object]
) -> None:
    """Refuse names that cannot be read as ``d.name``, or that could mean two things."""
    for what, names in {"coordinates": coordinates, "fields": fields, "partials": partials}.items():
        if isinstance(names, str):
            proposed = tuple(names) if what == "coordinates" else (names,)
            raise ValueError(f"{what} = {names!r} is one string: give a tuple of names, such as {proposed}")
    for what, names in {"coordinate": coordinates, "field": fields}.items():
        for name in names:
            if list(names).count(name) > 1:
                raise ValueError(f"{what} {name!r} is given {list(names).count(name)} times: give each {what} a name of its own")
    for name in coordinates:
        if not isinstance(name, str) or len(name) != 1 or not name.isalpha():
            raise ValueError(f"coordinate {name!r}: name it by a single letter, as u_xx is read letter by letter")
    for name in fields:
        _check_name("field", name, coordinates, fields)
    for name in operators:
        _check_name("operator", name, coordinates, fields)
        if name in fields:
            raise ValueError(f"operator {name!r} has the name of a field: give it another name, such as laplace_{name}")


def _check_name(what: str, name: str, coordinates: Sequence[str], fields: Sequence[str]) -> None:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise ValueError(f"{what} {name!r}: name it by an identifier that does not begin with _, as a residual reads d.name")
    field, _, letters = name.rpartition("_")
    if field in fields and letters and all(c in coordinates for c in letters):
        raise ValueError(f"{what} {name!r} is named like a derivative of the field {field!r}: give it another name")


def parse(name: str, coordinates: Sequence[str], fields: Sequence[str]) -> tuple[int, Index]:
    """The field's number and the sorted numbers of the coordinates that ``"u_xxy"`` stands for; none for a field itself.

    Raises:
        ValueError: it is no field and no partial derivative of one, or of too high an order.
    """
    if name in fields:
        return fields.index(name), ()
    if not isinstance(name, str):
        raise ValueError(f"partial {name!r} is no name: write it as field_letters, such as 'u_x'")
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
