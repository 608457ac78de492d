"""What a user's problem gives, looked at before the first step: nothing may go wrong in silence later."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..taylor import partials
from .base import Problem
from .conditions import Condition, series_of
from .trials import FEW, check_condition, check_residual, name_of, number_of, place_of, warn_outside
from .unknowns import is_number

__all__ = ["check", "check_description", "check_misfits", "check_start", "listed", "reference"]

#: Largest length of a coordinate's range, and one over the smallest, that goes without a word.
LONG = 20.0
#: Names in ``run.history`` that a problem's own series cannot have.
TAKEN = (
    *("step", "loss", "loss_residual", "loss_data", "rel_l2", "wall_time", "rba_mean", "rba_max", "adam_step"),
    *("snr", "snr_layers", "snr_residual", "snr_adam", "snr_fresh", "sharpness", "sharpness_adam"),
    *("signal", "signal_layers", "signal_residual", "signal_data", "signal_fresh", "noise", "noise_layers", "noise_fresh"),
    *("order_gradient", "order_residual", "order_weights"),
)


def check(
    problem: Problem,
    points: np.ndarray,
    conditions: Sequence[Condition],
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> None:
    """Look at a problem, at what it draws, and at what its formulas give at a few points.

    Args:
        problem: what is to be solved.
        points: its collocation points ``(n_points, n_coordinates)``.
        conditions: its conditions.
        dtype: of the training.
        device: of the training.

    Raises:
        ValueError: something is not sound; the sentence names it, and what to do.
    """
    check_description(problem)
    for letter, (low, high) in zip(problem.coordinates, problem.domain, strict=True):
        if high - low < 100 * torch.finfo(dtype).eps * max(abs(low), abs(high)):
            raise ValueError(
                f"{name_of(problem)} has the domain {low:.9g} to {high:.9g} in {letter}, whose points {dtype} can hardly tell "
                "apart: count from its low end, or train with dtype='float64'"
            )
    like, read = torch.zeros((), dtype=dtype, device=device), set[str]()
    check_residual(problem, torch.tensor(points[:FEW], dtype=dtype, device=device), like, read)
    warn_outside(problem, f"{name_of(problem)}.points", points)
    warn_scale(problem)
    names = [one.name for one in conditions]
    for name in names:
        if names.count(name) > 1 or name in problem.equations:
            raise ValueError(
                f"{name_of(problem)} has two losses called {name!r}: give each condition and each equation a name of its own"
            )
    own = series_of(problem, conditions)
    for series in own:
        if own.count(series) > 1 or series in TAKEN:
            raise ValueError(
                f"{name_of(problem)} has an equation, a condition or an unknown called {series.partition('_')[2]!r}, and so two "
                f"series {series!r} in run.history: give it another name"
            )
    for one in conditions:
        check_condition(problem, one, like, read)
    unread = [name for name in problem.unknown if name not in read]
    if unread:
        raise ValueError(
            f"{name_of(problem)} has an unknown {unread[0]!r} that no formula reads: read it as d.{unread[0]}, or leave it out"
        )


def listed(problem: Problem, found: object) -> list[Condition]:
    """What ``problem.conditions`` gives, as a list.

    Raises:
        ValueError: it is no sequence of conditions.
    """
    each = list(found) if isinstance(found, Iterable) and not isinstance(found, Mapping | str) else [None]
    if not all(isinstance(one, Condition) for one in each):
        raise ValueError(f"{name_of(problem)}.conditions gives {type(found).__name__}: return a list of pinnlib.Condition(...)")
    return each


def warn_scale(problem: Problem) -> None:
    """Warn of a coordinate whose range is far from order one: a network hardly learns from such numbers."""
    for name, (low, high) in zip(problem.coordinates, problem.domain, strict=True):
        of_order_one = 1.0 / LONG <= high - low <= LONG and max(abs(low), abs(high)) <= LONG
        if problem.embedding is None and not of_order_one:
            warnings.warn(
                f"{name_of(problem)} gives the network {name} from {low:g} to {high:g}: with normalize = True it is given "
                "numbers of order one, and learns better",
                stacklevel=6,
            )


def check_misfits(problem: Problem, conditions: Sequence[Condition], losses: Tensor) -> None:
    """Say so where a condition's misfit of an untrained network is not finite.

    Raises:
        ValueError: one is not.
    """
    for one, each in zip(conditions, losses.detach().reshape(-1, len(conditions)).T, strict=True):
        if not bool(torch.isfinite(each).all()):
            raise ValueError(
                f"condition {one.name!r} of {name_of(problem)} has a misfit that is not finite before the first step: mend its "
                f"formula, or give values whose squares {each.dtype} can have"
            )


def check_description(problem: Problem) -> None:
    """Look at what a problem says of itself.

    Raises:
        ValueError: names, domain, unknowns or attributes that are not sound.
    """
    name = name_of(problem)
    for needed in ("coordinates", "fields", "domain", "partials"):
        if not hasattr(problem, needed):
            raise ValueError(f"{name} has no {needed}: give it as an attribute of the class, see pinnlib.Problem")
    _check_kinds(problem)
    _check_domain(problem)
    _check_groups(problem)
    for outputs in ("residual_outputs", "observed_outputs"):
        getattr(problem, outputs)  # names are checked on the way
    read = {*problem.fields, *problem.coordinates, *problem.partials, *problem.operators}
    for unknown in problem.unknown:
        word = isinstance(unknown, str) and unknown.isidentifier() and not unknown.startswith("_")
        if not word or unknown in read or unknown in TAKEN or _is_partial(problem, unknown):
            raise ValueError(f"{name} has an unknown coefficient called {unknown!r}: give it a word that means nothing else here")
    _check_attributes(problem)
    problem.settings()


def _check_attributes(problem: Problem) -> None:
    name, methods = name_of(problem), vars(Problem)
    for where, what in _attributes(problem):
        if callable(methods.get(where)) and not callable(what):
            raise ValueError(
                f"{name} keeps an attribute called {where}, which is a method of pinnlib.Problem: give it another name"
            )
        if isinstance(what, Tensor) and what.requires_grad:
            raise ValueError(
                f"{name} keeps {where}, a torch parameter that nothing trains: write unknowns = {{{where!r}: {number_of(what)}}} "
                f"and read it as d.{where}, or detach it where it is a constant"
            )
        if isinstance(what, torch.nn.Module) and any(p.requires_grad for p in what.parameters()):
            raise ValueError(
                f"{name} keeps {where}, a torch module whose parameters nothing trains: make what it stands for a field of its "
                "own, or call requires_grad_(False) where it is fixed"
            )


def _check_groups(problem: Problem) -> None:
    name = name_of(problem)
    for group in ("magnitudes", "periodic"):
        known = problem.fields if group == "magnitudes" else problem.coordinates
        other = [key for key in getattr(problem, group) if key not in known]
        if other:
            raise ValueError(f"{name} has {group} of {other}: its names are {tuple(known)}")
    for field, size in problem.magnitudes.items():
        if not (is_number(size) and size > 0):
            raise ValueError(f"{name} gives {field!r} the magnitude {size!r}: give a positive number")


def check_start(problem: Problem, points: np.ndarray, residual: Tensor) -> None:
    """Say so where the residual of an untrained network is not finite at a point: no learning rate mends that.

    Args:
        problem: whose residual.
        points: ``(n_points, n_coordinates)``.
        residual: at these, ``(..., n_points)``; of several networks that of the first is looked at.

    Raises:
        ValueError: it is not finite somewhere.
    """
    of_one = residual.detach().double().cpu().numpy().reshape(-1, residual.shape[-1])[: max(len(problem.equations), 1)]
    bad = np.flatnonzero(~np.isfinite(of_one).all(axis=0))
    if len(bad):
        raise ValueError(
            f"{name_of(problem)}.residual is not a finite number before the first step at {len(bad)} of {len(points)} points, "
            f"such as {place_of(problem, points[bad[0]])}: mend the formula there, or keep these points out of the domain"
        )


def reference(problem: Problem, grid: np.ndarray) -> np.ndarray:
    """What errors are taken against, ``problem.compared`` of the solution on the test grid ``(n_points, n_coordinates)``.

    Raises:
        ValueError: it has not the shape of what is observed, or is not finite.
    """
    found = problem.solution(grid)
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{name_of(problem)}.reference is not finite at {place_of(problem, grid[bad[0]])}, the first of {len(bad)}: "
            "mend it there, or give a test_grid without these points"
        )
    where = torch.as_tensor(grid[:1], device="cpu")
    streams = where.new_zeros(problem.observe_plan.n_streams, 1, len(problem.fields), dtype=torch.float64)
    thetas = where.new_zeros(len(problem.unknown), dtype=torch.float64)
    observed = problem.observe(problem.observed_outputs(streams, where, thetas))
    if not np.any(problem.compared(found)):
        raise ValueError(
            f"{name_of(problem)}.reference is 0 everywhere on the test grid, and so is the relative error's norm: leave it out"
        )
    if found.shape[1] != observed.shape[-1]:
        raise ValueError(
            f"{name_of(problem)}.reference gives {found.shape[1]} columns, and {observed.shape[-1]} are observed "
            f"({', '.join(problem.observed or problem.fields)}): return (n_points, {observed.shape[-1]})"
        )
    return problem.compared(found)


def _check_kinds(problem: Problem) -> None:
    name = name_of(problem)
    for group, kind in {"unknowns": Mapping, "magnitudes": Mapping, "operators": Mapping, "periodic": Iterable}.items():
        if not isinstance(getattr(problem, group), kind):
            how = "a dict by name" if kind is Mapping else "a tuple of coordinates, or a dict of their modes"
            raise ValueError(f"{name} has {group} = {getattr(problem, group)!r}: give {how}")
    side = problem.resolution
    if side is not None and not (isinstance(side, int) and side > 0):
        raise ValueError(f"{name} has resolution = {side!r}: give a whole number of points a side, or None")
    for coordinate in problem.coordinates:
        if not isinstance(coordinate, str):
            raise ValueError(f"coordinate {coordinate!r}: name it by a single letter, as u_xx is read letter by letter")


def _is_partial(problem: Problem, name: str) -> bool:
    try:
        partials.parse(name, problem.coordinates, problem.fields)
    except ValueError:
        return False
    return True


def _check_domain(problem: Problem) -> None:
    name, domain, n = name_of(problem), problem.domain, len(problem.coordinates)
    hint = f"give (low, high) for each of {', '.join(problem.coordinates)}, such as {((0.0, 1.0),) * n}"
    if not isinstance(domain, tuple | list) or any(not isinstance(side, tuple | list) or len(side) != 2 for side in domain):
        raise ValueError(f"{name} has the domain {domain!r}: {hint}")
    if len(domain) != n:
        raise ValueError(f"{name} has {n} coordinates and a domain with {len(domain)} sides: {hint}")
    for side in domain:
        if not all(is_number(end) for end in side) or side[0] >= side[1]:
            raise ValueError(f"{name} has the domain {domain!r}, where {side!r} is not a finite low end and a higher one: {hint}")


def _attributes(problem: Problem) -> Iterator[tuple[str, Any]]:
    """Attributes of a problem and of its class, and what lists and dicts among them hold."""
    own = {
        name: value for one in reversed(type(problem).__mro__) for name, value in vars(one).items() if not name.startswith("__")
    }
    for name, value in (own | vars(problem)).items():
        if name == "_given":  # which formulas do not read
            continue
        yield name, value
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        yield from ((name, one) for one in inner)
