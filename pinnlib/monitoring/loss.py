"""A loss that somebody else minimizes, in the parts that a monitor tells apart: residuals by point, and all terms beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .given import whole

__all__ = ["Batches", "Loss", "Numbers", "Pieces", "checked", "squared", "total"]

TINY = 1e-12  # of the largest squared residual

#: What can be asked for at each probe: a number or one a point, or these by equation.
Numbers = float | np.ndarray | Tensor | Mapping[str, float | np.ndarray | Tensor]


@dataclass(frozen=True)
class Loss:
    """The parts of a loss, from one evaluation of it.

    The loss is the mean over the points of weight times squared residual, summed over the equations, and all terms.

    Attributes:
        residuals: of each point, ``(n_points,)`` or ``(n_points, 1)``, or a dict of these by equation; with their graph.
        terms: all else, scalars by name, with their weights and their graph.
        weights: of the squared residuals, a number or ``(n_points,)``, or these by equation; None: one.
        each: in place of weight times squared residual, what each point adds to the mean, ``(n_points,)``, with its graph.
        points: where the residuals are, ``(n_points, d)``, for ``order_residual``.
        first: where the network was evaluated at more points than those of the residuals, the number of the first that is.
        rows: at how many it was evaluated; those of the residuals unless told.  Only the speed depends on ``first`` and ``rows``.
    """

    residuals: Tensor | Mapping[str, Tensor]
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    weights: Numbers | None = None
    each: Tensor | None = None
    points: np.ndarray | Tensor | None = None
    first: int = 0
    rows: int | None = None


class Pieces:
    """Makes a :class:`Loss` of functions for each of its parts.

    Args:
        residual: gives the residuals.
        terms: give a scalar each.
        weights: of the squared residuals, or what gives them.

    Raises:
        ValueError: what should be a function is none, or terms have no names.
    """

    def __init__(
        self,
        residual: Callable[[], Tensor | Mapping[str, Tensor]],
        terms: Mapping[str, Callable[[], Tensor]],
        weights: Numbers | Callable[[], Numbers] | None,
    ) -> None:
        if not isinstance(terms, Mapping):
            raise ValueError(f"terms is a {type(terms).__name__}: give a dict of functions by name, such as {{'start': start}}")
        for name, one in {"residual": residual, **{f"term {name!r}": term for name, term in terms.items()}}.items():
            if not callable(one):
                raise ValueError(f"{name} is a {type(one).__name__}: give a function without arguments that computes it")
        self.residual, self.terms, self.weights = residual, dict(terms), weights

    def __call__(self) -> Loss:
        """Evaluate all of them."""
        residuals, terms = self.residual(), {name: term() for name, term in self.terms.items()}
        return Loss(residuals, terms, self.weights() if callable(self.weights) else self.weights)


@dataclass(frozen=True)
class Checked:
    """A loss that was found to be one.

    Attributes:
        residuals: ``(n_points,)`` by equation, a single one under ``""``.
        each: what each point adds to the mean, ``(n_points,)``.
        factors: by what each squared residual is multiplied, ``(1,)`` or ``(n_points,)`` an equation; of a loss given by ``each``
            one for all equations, without the points whose residual has no digits.
        terms: ``()`` by name.
        points: as in :class:`Loss`.
        first: as there.
        rows: as there.
    """

    residuals: dict[str, Tensor]
    each: Tensor
    factors: list[Tensor]
    terms: dict[str, Tensor]
    points: np.ndarray | Tensor | None
    first: int
    rows: int

    @property
    def n_points(self) -> int:
        """Points of the residuals."""
        return len(self.each)

    def weighting(self) -> tuple[float, float]:
        """Mean of the factors over points and equations, and the largest relative spread over the points of one equation."""
        each = [factor.detach().double() for factor in self.factors]
        means = [float(one.mean()) for one in each]
        spreads = [float(one.std(correction=0)) / mean if mean else 0.0 for one, mean in zip(each, means, strict=True)]
        return sum(means) / len(means), max(spreads)


def checked(loss: Loss) -> Checked:
    """The loss, if it is one.

    Raises:
        ValueError: residuals or terms without a graph or of a wrong shape, weights that do not fit.
    """
    if not isinstance(loss, Loss):
        raise ValueError(f"loss gives a {type(loss).__name__}: return a pinnlib.monitor.Loss(residuals, terms)")
    residuals = by_equation(loss.residuals)
    each, factors = _each(loss, residuals)
    n, rows = len(each), len(each) if loss.rows is None else loss.rows
    if not 0 <= loss.first <= rows - n:
        raise ValueError(f"first = {loss.first} and rows = {rows} do not hold {n} points: say where those of the residuals are")
    if not isinstance(loss.terms, Mapping):
        raise ValueError(f"the terms of loss are a {type(loss.terms).__name__}: give a dict of scalars by name")
    terms = {name: _scalar(name, term) for name, term in loss.terms.items()}
    return Checked(residuals, each, factors, terms, loss.points, loss.first, rows)


def _each(loss: Loss, residuals: Mapping[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
    """What each point adds to the mean, and the factors of its squared residuals."""
    if loss.each is None:
        factors = _factors(loss.weights, residuals)
        each = sum((factors[name] * r.square() for name, r in residuals.items()), torch.zeros((), device="cpu"))
        return each, list(factors.values())
    if loss.weights is not None:
        raise ValueError("loss has weights and each: give the weights within each")
    each, n = _flat("each", loss.each), len(next(iter(residuals.values())))
    if len(each) != n:
        raise ValueError(f"each has {len(each)} values for {n} points: give one a point")
    with torch.no_grad():
        square = squared(residuals).double()
        fine = square > TINY * square.max()  # others have no digits left
        return each, [each.double()[fine] / square[fine] if fine.any() else square.new_full((1,), math.nan)]


def by_equation(given: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Residuals ``(n_points,)`` by equation, a single one under ``""``.

    Raises:
        ValueError: they are not such, or at different numbers of points.
    """
    if isinstance(given, tuple | list):
        raise ValueError(
            f"residual gives a {type(given).__name__}: return a dict by name for several equations, such as "
            "{'momentum': r, 'mass': s}"
        )
    named = dict(given) if isinstance(given, Mapping) else {"": given}
    if not named:
        raise ValueError("residual gives no equation: return at least one")
    residuals = {name: _flat(f"the residual of {name!r}" if name else "residual", one) for name, one in named.items()}
    sizes = {name: len(one) for name, one in residuals.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"the equations have residuals at {sizes} points: give all at the same, or some of them as a term")
    return residuals


def total(loss: Checked) -> Tensor:
    """The whole loss, ``()``."""
    return sum(loss.terms.values(), loss.each.mean())


def squared(residuals: Mapping[str, Tensor]) -> Tensor:
    """Squared residuals, summed over the equations, without weights, ``(n_points,)``."""
    return sum((r.square() for r in residuals.values()), torch.zeros((), device="cpu"))


class Batches:
    """Equal parts of the points, one after the other.

    Args:
        count: how many.
        shuffle: seed of the one permutation that is cut; None: the points as they come.
        drop_last: leave the last points out that make the parts unequal, for which there is an error else.

    Raises:
        ValueError: something that is not as above.
    """

    def __init__(self, count: int, shuffle: int | None, drop_last: bool) -> None:
        self.count = whole("batches", count, 2, "give a whole number of at least 2, such as 32")
        seed = "give the seed of a permutation, a whole number of at least 0, or None"
        self.shuffle = None if shuffle is None else whole("shuffle", shuffle, 0, seed)
        self.drop_last = bool(drop_last)

    def over(self, n: int) -> int:
        """How many of ``n`` points are left over; of too few all."""
        return n % self.count

    def order(self, loss: Checked, *, strict: bool) -> Tensor | None:
        """Numbers of the points in order, ``(n_kept,)``; None where all stay as they come.

        Args:
            loss: whose points.
            strict: whether points that cannot be cut are an error; else the last ones are left out, of too few all.

        Raises:
            ValueError: the points cannot be cut, and strict.
        """
        n, over = loss.n_points, self.over(loss.n_points)
        if strict and (n < self.count or (over and not self.drop_last)):
            raise ValueError(f"{self.count} batches do not cut {n} points into equal parts: {_divisors(n, self.count)}")
        if self.shuffle is None and not over:
            return None
        every = (
            torch.arange(n, device="cpu")
            if self.shuffle is None
            else torch.randperm(n, generator=torch.Generator().manual_seed(self.shuffle), device="cpu")
        )
        return every[: n - over].to(loss.each.device)

    def means(self, loss: Checked, order: Tensor | None) -> Tensor:
        """Mean over each batch of weight times squared residual, ``(count,)``."""
        return (loss.each if order is None else loss.each[order]).unflatten(0, (self.count, -1)).mean(1)


def _factors(given: Numbers | None, residuals: Mapping[str, Tensor]) -> dict[str, Tensor]:
    given = 1.0 if given is None else given
    if isinstance(given, Mapping) and list(residuals) == [""]:
        raise ValueError(f"weights are of {list(given)} and the residual is one equation without a name: give the weights alone")
    if isinstance(given, Mapping) and given.keys() != residuals.keys():
        raise ValueError(f"weights are of {list(given)} and the equations are {list(residuals)}: give one of each")
    named = given if isinstance(given, Mapping) else dict.fromkeys(residuals, given)
    factors = {}
    for name, r in residuals.items():
        one = torch.as_tensor(named[name], dtype=r.dtype, device=r.device).detach()
        if one.numel() != 1 and tuple(one.shape) not in ((len(r),), (len(r), 1)):
            raise ValueError(f"weights have shape {tuple(one.shape)} for {len(r)} points: give one number, or one a point")
        factors[name] = one.reshape(-1)
    return factors


def _scalar(name: str, term: Tensor) -> Tensor:
    """A term as a tensor ``()``, if it is one."""
    if not isinstance(term, Tensor) or term.numel() != 1:
        what = f"shape {tuple(term.shape)}" if isinstance(term, Tensor) else f"the type {type(term).__name__}"
        raise ValueError(f"term {name!r} has {what}: return a scalar tensor, such as a mean, with its weight")
    if term.is_complex():
        raise ValueError(f"term {name!r} is complex: return a real scalar, such as a mean of absolute squares")
    if not term.requires_grad:
        raise ValueError(f"term {name!r} has no graph, so it has no gradient: return it without detach(), or leave it out")
    return term.reshape(())


def _flat(called: str, residual: Tensor) -> Tensor:
    """As ``(n_points,)``, if it is such."""
    if not isinstance(residual, Tensor):
        raise ValueError(f"{called} gives a {type(residual).__name__}: return a torch tensor (n_points,)")
    if not (residual.ndim == 1 or (residual.ndim == 2 and residual.shape[1] == 1)) or not len(residual):
        raise ValueError(
            f"{called} has shape {tuple(residual.shape)}: return its value at each point, (n_points,) or (n_points, 1), and of "
            "a system a dict of these by equation"
        )
    if not residual.requires_grad:
        raise ValueError(f"{called} has no graph, so it has no gradient: return it without detach(), no_grad() or numpy")
    if residual.is_complex():
        raise ValueError(f"{called} is complex: return a dict of its real and imaginary part")
    return residual.flatten()


def _divisors(n: int, batches: int) -> str:
    """The divisors of ``n`` next to ``batches``, as advice."""
    every = [b for b in range(2, n + 1) if n % b == 0]
    near = [max((b for b in every if b < batches), default=None), min((b for b in every if b > batches), default=None)]
    if not every:
        return "give at least 2 points"
    return f"choose {' or '.join(str(b) for b in near if b)}{', or drop_last=True' if n >= batches else ''}"
