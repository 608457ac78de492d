"""The benchmarks: one file each, and the base class for a problem of your own."""

from __future__ import annotations

from .base import Problem
from .helmholtz import Helmholtz

__all__ = ["KNOWN", "Helmholtz", "Problem"]

#: Problems that a record or the command line can name.
KNOWN: dict[str, type[Problem]] = {c.__name__.lower(): c for c in (Helmholtz,)}
