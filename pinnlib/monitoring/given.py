"""What a monitor was given: whole numbers of any kind, and what a message says of a value."""

from __future__ import annotations

import operator
import sys

import numpy as np

__all__ = ["outside", "said", "whole"]


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


def outside() -> int:
    """The ``stacklevel`` by which a warning of the calling function points to the user's line that called the library."""
    frame, level, package = sys._getframe(1), 1, f"{__name__.partition('.')[0]}."
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(package):
        frame, level = frame.f_back, level + 1
    return level
