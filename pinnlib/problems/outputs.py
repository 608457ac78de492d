r"""From the streams of a network to the values that a formula reads by name.

Most problems read their streams as they are.  Between the two may stand the size of a field, the unknown coefficients, and a
transform :math:`u(x) = T(x, N(x))` of the network N, for a condition that holds exactly.  Its partial derivatives are those of
:math:`\delta \mapsto T(x + \delta, \sum_\alpha \partial^\alpha N(x)\, \delta^\alpha / \alpha!)` at 0, since no derivative of T
up to the order of the sum sees more of N than that; they are taken by autograd, one after the other, and are exact.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..taylor import partials
from ..taylor.partials import Fields, Plan
from .unknowns import values

if TYPE_CHECKING:
    from .base import Problem

__all__ = ["Outputs", "Values"]

Index = tuple[int, ...]


class Values(Fields):
    """What a formula reads: fields, their partials and operators, and unknown coefficients; each ``(..., n_points)``."""

    def __init__(self, found: Mapping[str, Tensor]) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_") or name not in self._found:
            raise AttributeError(f"no {name!r} here: the problem asks for {tuple(self._found)}; add {name!r} to its partials")
        return self._found[name]


class Outputs:
    """Which streams some names need, and how to get from the ones to the others.

    Args:
        problem: whose fields.
        names: of fields and partials.
        operators: by name, see :func:`pinnlib.taylor.partials.plan`.

    Attributes:
        plan: the streams that a pass through the network carries.
        names: all of them, in order.
        scale: size of the largest of these values where coordinates and fields are of order one.
    """

    def __init__(self, problem: Problem, names: Sequence[str], operators: Mapping[str, Mapping[str, float]]) -> None:
        self.problem = problem
        direct = partials.plan(problem.coordinates, problem.fields, names, operators, problem.embedding)
        self.names = tuple(direct.names)
        self._sums = {name: [(self._parse(name), 1.0)] for name in names}
        self._sums |= {name: [(self._parse(term), float(c)) for term, c in terms.items()] for name, terms in operators.items()}
        self.plan = self._raw_plan() if problem.has_transform else direct
        self._as_they_are = not (problem.has_transform or problem.magnitudes or problem.unknown)
        self.scale = max((abs(c) * self._size(*where) for terms in self._sums.values() for where, c in terms), default=1.0)

    def _parse(self, name: str) -> tuple[int, Index]:
        return partials.parse(name, self.problem.coordinates, self.problem.fields)

    def _size(self, field: int, index: Index) -> float:
        """Of a partial derivative, where the network is given numbers of order one and gives such."""
        return self._magnitudes[field] * math.prod(self.problem.slope(k) for k in index)

    @cached_property
    def _magnitudes(self) -> list[float]:
        return [float(self.problem.magnitudes.get(name, 1.0)) for name in self.problem.fields]

    def _raw_plan(self) -> Plan:
        """All derivatives of the network in front of a transform that one of the sums can contain."""
        found = {part for terms in self._sums.values() for (_, index), _ in terms for part in _parts(index)}
        first, letters = self.problem.fields[0], self.problem.coordinates
        self._streams = {index: f"{first}_{''.join(letters[k] for k in index)}" for index in sorted(found) if index}
        names = [*self.problem.fields, *self._streams.values()]
        return partials.plan(self.problem.coordinates, self.problem.fields, names, {}, self.problem.embedding)

    def __call__(self, streams: Tensor, points: Tensor, unknowns: Tensor | None = None) -> Fields:
        """The values.

        Args:
            streams: of the network, ``(*batch, n_streams, n_points, n_fields)``.
            points: ``(*batch, n_points, n_coordinates)``.
            unknowns: thetas of the unknown coefficients, ``(*batch, n_unknowns)``.
        """
        if self._as_they_are:
            return Fields(streams, self.plan)
        problem = self.problem
        if problem.has_transform:
            found = self._transformed(streams, points)
        else:
            plain = Fields(streams, self.plan)
            sizes = {name: self._magnitudes[self.plan.names[name][1]] for name in self.names}
            found = {name: getattr(plain, name) * size if size != 1.0 else getattr(plain, name) for name, size in sizes.items()}
        if problem.unknown and unknowns is not None:
            found |= {
                name: value.unsqueeze(-1).expand(points.shape[:-1]) for name, value in values(problem.unknown, unknowns).items()
            }
        return Values(found)

    def _transformed(self, streams: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Values and partials of the transformed fields, by name."""
        wanted = torch.is_grad_enabled()
        with torch.enable_grad():
            away = torch.zeros_like(points).requires_grad_()
            near = self._taylor(streams, away)
            whole = self.problem.transform(points + away, near)
            if not isinstance(whole, Tensor) or whole.shape != near.shape:
                given = tuple(whole.shape) if isinstance(whole, Tensor) else type(whole).__name__
                raise ValueError(
                    f"{type(self.problem).__name__}.transform gives {given} for a network of shape {tuple(near.shape)}: return "
                    "this shape; take coordinates as points[..., 0:1]"
                )
            known: dict[tuple[int, Index], Tensor] = {}

            def derivative(field: int, index: Index) -> Tensor:
                if (field, index) not in known:
                    if not index:
                        known[field, index] = whole[..., field]
                    else:
                        slopes = _slopes(derivative(field, index[:-1]), away)
                        known.update({(field, (*index[:-1], k)): slopes[..., k] for k in range(points.shape[-1])})
                return known[field, index]

            found = {}
            for name, terms in self._sums.items():
                parts = [derivative(*where) if c == 1.0 else c * derivative(*where) for where, c in terms]
                found[name] = sum(parts[1:], parts[0])
        return found if wanted else {name: value.detach() for name, value in found.items()}

    def _taylor(self, streams: Tensor, away: Tensor) -> Tensor:
        """The network around its points, as a polynomial in ``away``: ``(*batch, n_points, n_fields)``."""
        total = streams.select(-3, 0)
        for index, name in self._streams.items():
            power = math.prod((away[..., k : k + 1] for k in index[1:]), start=away[..., index[0] : index[0] + 1])
            weight = 1.0 / math.prod(math.factorial(n) for n in Counter(index).values())
            total = total + weight * power * streams.select(-3, self.plan.names[name][0])
        if not self.problem.magnitudes:
            return total
        return torch.stack([one * size for one, size in zip(total.unbind(-1), self._magnitudes, strict=True)], dim=-1)


def _slopes(value: Tensor, away: Tensor) -> Tensor:
    """Derivatives of each point's value by its own ``away``; zeros where it does not depend on it."""
    if not value.requires_grad:
        return torch.zeros_like(away)
    (found,) = torch.autograd.grad(value.sum(), away, create_graph=True, allow_unused=True)
    return torch.zeros_like(away) if found is None else found


def _parts(index: Index) -> set[Index]:
    """All multi-indices that are contained in one."""
    return {part for n in range(len(index) + 1) for part in combinations(index, n)}
