"""The benchmarks: one file each, and the base class for a problem of your own."""

from __future__ import annotations

from .allen_cahn import AllenCahn
from .base import Problem
from .burgers import Burgers
from .cavity import Cavity
from .conditions import Condition
from .helmholtz import Helmholtz
from .perivascular import Perivascular
from .unknowns import Unknown

__all__ = ["KNOWN", "AllenCahn", "Burgers", "Cavity", "Condition", "Helmholtz", "Perivascular", "Problem", "Unknown"]

#: Problems that a record or the command line can name.
KNOWN: dict[str, type[Problem]] = {c.__name__.lower(): c for c in (AllenCahn, Burgers, Cavity, Helmholtz, Perivascular)}
