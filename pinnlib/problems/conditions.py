"""What holds besides the equation: on a boundary, at the start, or where something was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..taylor import partials
from ..taylor.partials import Fields
from .outputs import Outputs
from .unknowns import is_number

if TYPE_CHECKING:
    from .base import Problem

__all__ = ["Condition", "reported", "series_of"]

Formula = Callable[..., Tensor | Sequence[Tensor]]


@dataclass(frozen=True, eq=False)
class Condition:
    """One condition: a formula of the fields, the points where it holds, and the values that it has there.

    >>> import numpy as np
    >>> import pinnlib as pl
    >>> left, right = np.array([[0.0]]), np.array([[1.0]])
    >>> conditions = [
    ...     pl.Condition("wall", left, "u", 1.0),                                   # Dirichlet
    ...     pl.Condition("outlet", right, "u_x", 0.0),                              # Neumann
    ...     pl.Condition("cooled", right, lambda p, d: d.u_x + 2.0 * d.u, 0.5),     # Robin
    ...     pl.Condition("sides", left, lambda p, d, e: d.u - e.u, partner=right),  # a periodic pair
    ... ]

    Attributes:
        name: a word; its loss is ``run.history["loss_" + name]``, the norm of its gradient ``"signal_" + name``.
        points: where it holds, ``(m, n_coordinates)``.
        formula: what has the values: ``formula(p, d)`` of the points ``p`` ``(..., m, n_coordinates)`` and the fields ``d``,
            as in a residual, ``(..., m)``, or several of these; the name of one field or derivative, or a sequence of
            names.  None: what the problem observes, see :meth:`pinnlib.problems.Problem.observe`.
        values: one number, ``(m,)``, or ``(m, k)`` for a formula of k.
        weight: of its mean squared misfit in the loss, besides ``Config.data_weight``.
        partner: as many points more; ``formula(p, d, e)`` then reads the fields there from ``e``.
        constant: whether one number was given for all points and all of the formula's values.
    """

    name: str
    points: np.ndarray
    formula: Formula | str | Sequence[str] | None = None
    values: np.ndarray | float = 0.0
    weight: float = 1.0
    partner: np.ndarray | None = None
    constant: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ValueError(
                f"a condition is called {self.name!r}: give it a word, such as 'inlet', since its loss is named after it"
            )
        if not (is_number(self.weight) and self.weight > 0):
            raise ValueError(
                f"condition {self.name!r} has weight = {self.weight!r}: give a positive number, or leave the condition out"
            )
        formula = self.formula
        names = isinstance(formula, tuple | list) and formula and all(isinstance(one, str) for one in formula)
        if not (formula is None or callable(formula) or isinstance(formula, str) or names):
            raise ValueError(
                f"condition {self.name!r} has the formula {type(formula).__name__}: give a function of points and fields, such "
                "as lambda p, d: d.u_x, or the name of a field or derivative, such as 'u', before the values"
            )
        points = _numbers(self.points, f"the points of condition {self.name!r}")
        points = points[:, None] if points.ndim == 1 else points
        if points.ndim != 2 or not len(points):
            raise ValueError(
                f"condition {self.name!r} has points of shape {points.shape}: give (m, n_coordinates), at least one point"
            )
        values = _numbers(self.values, f"the values of condition {self.name!r}")
        if values.ndim < 2:
            values = np.full(len(points), values) if values.ndim == 0 else values
            values = values[:, None]
        if values.ndim != 2 or len(values) != len(points):
            raise ValueError(
                f"condition {self.name!r} has values of shape {np.shape(self.values)} at {len(points)} points: "
                f"give one number, ({len(points)},) or ({len(points)}, k)"
            )
        object.__setattr__(self, "weight", float(self.weight))
        object.__setattr__(self, "constant", np.ndim(self.values) == 0)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "values", values)
        if self.partner is not None:
            partner = _numbers(self.partner, f"the partner points of condition {self.name!r}")
            partner = partner[:, None] if partner.ndim == 1 else partner
            if partner.shape != points.shape:
                raise ValueError(
                    f"condition {self.name!r} has partner points of shape {partner.shape} for points of shape {points.shape}: "
                    "give each point one partner"
                )
            if not callable(formula):
                raise ValueError(
                    f"condition {self.name!r} has partner points and the formula {formula!r}, which reads none of them: give a "
                    "function, such as lambda p, d, e: d.u - e.u"
                )
            object.__setattr__(self, "partner", partner)

    @property
    def places(self) -> np.ndarray:
        """All points ``(m, n_coordinates)``, or with the partners behind them ``(2 m, n_coordinates)``."""
        return self.points if self.partner is None else np.concatenate([self.points, self.partner])

    def found(
        self, problem: Problem, outputs: Callable[..., Fields], streams: Tensor, places: Tensor, unknowns: Tensor | None
    ) -> Tensor:
        """What has the values, ``(..., m, k)``, from the network's streams at all places."""
        if self.partner is None:
            return self._apply(problem, places, outputs(streams, places, unknowns))
        here, there = places.chunk(2, dim=-2)
        ours, others = streams.chunk(2, dim=-2)
        return self._apply(problem, here, outputs(ours, here, unknowns), outputs(others, there, unknowns))

    def misfit(self, problem: Problem, found: Tensor, values: Tensor, scale: float) -> Tensor:
        """What is squared, summed over its last axis and averaged over points."""
        apart = problem.misfit(found, values) if self.formula is None else found - values
        return apart if scale == 1.0 else apart / scale

    def outputs(self, problem: Problem, points: Tensor) -> Outputs:
        """The values that the formula reads, found by a trial at ``points`` ``(..., m, n_coordinates)``."""
        if self.formula is None:
            return problem.observed_outputs
        trial = Trial(problem, points)
        self._apply(problem, points, *[trial] * (1 if self.partner is None else 2))
        operators = {name: terms for name, terms in problem.operators.items() if name in trial.read}
        return Outputs(problem, [name for name in trial.read if name not in operators], operators)

    def _apply(self, problem: Problem, points: Tensor, *fields: Any) -> Tensor:
        formula = self.formula
        if formula is None:
            return problem.observe(fields[0])
        if isinstance(formula, str):
            return getattr(fields[0], formula).unsqueeze(-1)
        if not callable(formula):
            return torch.stack([getattr(fields[0], name) for name in formula], dim=-1)
        found = formula(points, *fields)
        if not isinstance(found, Tensor):
            return torch.stack(list(found), dim=-1)
        return found.unsqueeze(-1) if found.ndim == points.ndim - 1 else found


def reported(conditions: Sequence[Condition]) -> bool:
    """Whether conditions have series of their own: not the one that :meth:`pinnlib.problems.Problem.data` gives."""
    return any(one.formula is not None for one in conditions) or len(conditions) > 1


def series_of(problem: Problem, conditions: Sequence[Condition]) -> list[str]:
    """Series that the problem names: ``loss_<equation>`` of a system, ``loss_<condition>`` and two more of each, unknowns.

    ``loss`` is a mean square without weight, ``signal`` the norm of the gradient with the weight of ``weight``, which is that of
    the condition times ``Config.data_weight``.
    """
    found = [f"loss_{name}" for name in problem.equations]
    if reported(conditions):
        found += [f"{what}_{one.name}" for one in conditions for what in ("loss", "weight", "signal")]
    return found + list(problem.unknown)


class Trial(Fields):
    """Takes down which names a formula reads."""

    def __init__(self, problem: Problem, points: Tensor) -> None:
        self._problem, self._points = problem, points
        self._values = torch.linspace(0.5, 1.5, points.shape[-2], dtype=points.dtype, device=points.device)
        self._read: dict[str, None] = {}

    @property
    def read(self) -> list[str]:
        """The names, in order."""
        return list(self._read)

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        problem = self._problem
        if name not in problem.unknown:
            self._read[name] = None
            if name not in problem.operators:
                partials.parse(name, problem.coordinates, problem.fields)
        return self._values.expand(self._points.shape[:-1])


def _numbers(values: Any, what: str) -> np.ndarray:
    """As float64.

    Raises:
        ValueError: they are not numbers, or not finite.
    """
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = (values.double() if values.is_floating_point() else values).numpy()
    if np.ma.is_masked(values) or (isinstance(values, np.ndarray) and values.dtype.kind in "cmM"):
        kind = "masked" if np.ma.is_masked(values) else f"of type {values.dtype}"
        raise ValueError(f"{what} are {kind}: give real numbers, of what was measured alone")
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} are not an array of numbers ({error}): give one of equal rows") from error
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        where = ", ".join(map(str, bad[0]))
        raise ValueError(
            f"{what} have {found[tuple(bad[0])]} at [{where}], the first of {len(bad)}: leave what was not measured out, "
            "with a condition of its own for each field that was measured elsewhere"
        )
    return found
