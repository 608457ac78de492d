"""What a monitor was given: whole numbers, points, steps to measure at, and what a message says of a value."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ..config import Config

__all__ = ["Places", "Points", "number", "outside", "places_of", "said", "schedule", "whole"]

LIBRARIES = {"pinnlib", "deepxde", "pina", "lightning", "pytorch_lightning", "torch", "contextlib"}  # no line of a user's
Points = np.ndarray | Tensor
Places = tuple[np.ndarray, Sequence[tuple[float, float]]]  # points, and the sides of their domain


def said(name: str, value: object) -> str:
    """``name = value`` of a number or a word, else the name of its type: the text of a network or a tensor may be pages long."""
    short = value is None or isinstance(value, bool | int | float | str | np.generic)
    return f"{name} = {value!r}" if short else f"{name} is a {type(value).__name__}"


def whole(name: str, value: object, least: int, remedy: str) -> int:
    """A whole number of Python, numpy or torch.

    Raises:
        ValueError: it is none, or less than ``least``.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # what it cannot take is the question
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise ValueError(f"{said(name, value)}: {remedy}")
    return number


def number(given: Any) -> float:
    """The error as a number.

    Raises:
        ValueError: it is none.
    """
    try:
        return float(given.detach() if isinstance(given, Tensor) else given)
    except (TypeError, ValueError, RuntimeError):
        what = f"a {type(given).__name__}" + (f" of shape {tuple(given.shape)}" if hasattr(given, "shape") else "")
        raise ValueError(f"error gives {what}: return one number") from None


def places_of(points: Points, domain: Sequence[tuple[float, float]] | None) -> Places:
    """Points ``(n_points, d)`` in float64, and their domain: their own box unless told.

    Raises:
        ValueError: points that are no finite numbers, or a domain that is not one of theirs.
    """
    try:
        places = np.array(points.detach().cpu().numpy() if isinstance(points, Tensor) else points, dtype=float)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"points are a {type(points).__name__}: give finite numbers (n_points, d), or a function") from None
    places = places[:, None] if places.ndim == 1 else places
    if places.ndim != 2 or not places.size or not np.isfinite(places).all():
        raise ValueError(f"points have shape {places.shape}: give finite numbers (n_points, d)")
    sides = np.array(list(zip(places.min(0), places.max(0), strict=True)) if domain is None else domain, dtype=float)
    if sides.shape != (places.shape[1], 2) or not (np.isfinite(sides).all() and (sides[:, 0] < sides[:, 1]).all()):
        raise ValueError(f"domain is {sides.tolist()}: give a low and a higher end for each of {places.shape[1]} coordinates")
    return places, [(float(low), float(high)) for low, high in sides]


def schedule(steps: int | None, every: int | None, at: Iterable[int] | None) -> Callable[[int], bool]:
    """Whether a step is to be measured.

    Raises:
        ValueError: not exactly one of the three is given, or it holds something else than whole numbers.
    """
    given = {name: value for name, value in {"steps": steps, "every": every, "at": at}.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"the probes are given by {' and '.join(given) or 'nothing'}: give one of steps=, every= and at=")
    if steps is not None:
        last = whole("steps", steps, 1, "give a whole number of at least 1")
        return set(Config(steps=last).probe_steps().tolist()).__contains__
    if at is not None:
        if not isinstance(at, Iterable):
            raise ValueError(f"{said('at', at)}: give a list of steps")
        return {whole("a step in at", step, 0, "give whole numbers from 0 on") for step in at}.__contains__
    period = whole("every", every, 1, "give a whole number of steps, at least 1")
    return lambda step: step % period == 0


def outside() -> int:
    """The ``stacklevel`` by which a warning of the calling function points to the user's line that called the library.

    Under a callback that is the line that began the training, and not one of the library that trains.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES:
        frame, level = frame.f_back, level + 1
    return level
