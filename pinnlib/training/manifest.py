"""Lists of runs, and where their records stand.

A list is a TOML file.  Each ``[[sweep]]`` is a problem with its settings, the weightings and the seeds:

.. code-block:: toml

   [[sweep]]
   name = "helmholtz_a4-1_{weighting}_seed{seed}"   # of the records; without both words it must be one run
   problem = "helmholtz"
   settings = { a = [4, 1] }                        # of the problem
   weightings = ["vanilla", "rba"]                  # of pinnlib.weightings.NAMED
   seeds = [0, 1, 2, 3, 4]
   threads = 1                                      # of each run; part of its settings, since rounding depends on it
   config = { steps = 20000, compile = true }       # of pinnlib.Config
   rba = { decay = 0.999, rate = 0.001 }            # of pinnlib.RBA and its controls
   first = { snapshots = 24 }                       # of the first seed alone
   compact = { rows = 1000 }                        # made small once complete, as pinnlib.Run.compacted does
   lrs = [1e-3, 1e-4]                               # of the config, one run each; {lr} in the name
   branch = "whole/run_seed{seed}.npz"              # begin where this run stands, beside the list or the runs; see pinnlib.branch
"""

from __future__ import annotations

import inspect
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from .. import problems, weightings
from ..config import Config
from ..runs import Run, archive

__all__ = ["Entry", "Standing", "path_of", "read", "state"]

OF_RBA = ("rba", "ramp", "permuted")
KEYS = {"name", "problem", "settings", "weightings", "seeds", "threads", "config", "rba", "first", "compact", "lrs", "branch"}


@dataclass(frozen=True)
class Entry:
    """One run of a list.

    Attributes:
        name: of the record, without its ending.
        problem: its name and settings; or, in a sweep without a list, the problem itself, of whatever class.
        config: all settings of the training.
        threads: CPU threads.
        compact: how the record is made small once it is complete; None to leave it whole.
        branch: the file of the run where it begins; None to begin at step 0.
    """

    name: str
    problem: tuple[str, dict[str, Any]] | problems.Problem
    config: Config
    threads: int = 1
    compact: dict[str, int] | None = None
    branch: str | None = None

    def finished(self, run: Run) -> Run:
        """A complete run as it is published."""
        return run if self.compact is None or not run.complete else run.compacted(**self.compact)

    @property
    def given(self) -> problems.Problem | None:
        """The problem, where it is not named."""
        return self.problem if isinstance(self.problem, problems.Problem) else None

    def build(self) -> problems.Problem:
        """The problem."""
        if isinstance(self.problem, problems.Problem):
            return self.problem
        kind, settings = self.problem
        return problems.KNOWN[kind](**settings)

    def differs(self, run: Run) -> list[str]:
        """Names of the settings in which a run differs from this entry."""
        asked, had = self.config.as_dict(), run.config.as_dict()
        other = [name for name in asked if asked[name] != had.get(name)]
        if run.provenance.get("threads", self.threads) != self.threads:  # older records do not say
            other.append("threads")
        return other + ["problem"] * (repr(run.problem) != repr(self.build()))

    def to_json(self) -> str:
        """As one line of text, without a problem that is not named."""
        named = None if self.given is not None else self.problem
        return json.dumps([self.name, named, self.config.as_dict(), self.threads, self.compact, self.branch])

    @classmethod
    def from_json(cls, text: str, given: problems.Problem | None = None) -> Entry:
        """The inverse of :meth:`to_json`, with the problem that is not named."""
        name, named, config, *others = json.loads(text)
        return cls(name, tuple(named) if given is None else given, Config.from_dict(config), *others)


@dataclass(frozen=True)
class Standing:
    """Where a record stands: ``kind`` is done, stale, partial (also: complete, and yet to be made small), missing or damaged."""

    kind: str
    step: int = 0
    seconds: float = 0.0
    why: str = ""


def read(path: str | os.PathLike[str]) -> list[Entry]:
    """All runs of a list.

    Raises:
        ValueError: the list is not TOML, or says something that is not known; the message names the sweep.
    """
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not TOML ({error})") from error
    if (
        set(found) != {"sweep"}
        or not isinstance(found["sweep"], list)
        or not found["sweep"]
        or not all(isinstance(one, dict) for one in found["sweep"])
    ):
        raise ValueError(f"{path} has {sorted(found)}: give one or more [[sweep]] and nothing else")
    sweeps = [(one, f"{path}, sweep {number}") for number, one in enumerate(found["sweep"], 1)]
    entries = [entry for one, where in sweeps for entry in _entries(one, where, Path(path).parent)]
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path} has {', '.join(twice)} twice: put {{weighting}}, {{seed}} and {{lr}} into the name")
    return entries


def _entries(one: dict[str, Any], where: str, folder: Path) -> Iterator[Entry]:
    unknown = sorted(set(one) - KEYS)
    if unknown or not {"name", "problem"} <= set(one):
        raise ValueError(f"{where} has {unknown or 'no name or no problem'}: the keys are {', '.join(sorted(KEYS))}")
    if not isinstance(one["problem"], str) or one["problem"] not in problems.KNOWN:
        raise ValueError(f"{where}: no problem is called {one['problem']!r}, choose one of {', '.join(problems.KNOWN)}")
    try:
        seeds, threads = one.get("seeds", [0]), one.get("threads", 1)
        if not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads = {threads!r}: give a whole number of at least 1")
        for name in ("seeds", "weightings", "lrs"):
            if name in one and not (isinstance(one[name], list) and one[name]):
                raise ValueError(f"{name} = {one[name]!r}: give a list of at least one")
        if not all(isinstance(seed, int) and not isinstance(seed, bool) for seed in seeds):
            raise ValueError(f"seeds = {seeds!r}: give whole numbers")
        compact = one.get("compact")
        if compact is not None:
            _check_compact(compact)
        for weighting in one.get("weightings", ["vanilla"]):
            for seed, lr in product(seeds, one.get("lrs", [None])):
                extra = one.get("first", {}) if seed == seeds[0] else {}
                extra = extra if lr is None else extra | {"lr": lr}
                rule = weightings.made(weighting, one.get("rba", {}) if weighting in OF_RBA else {})
                config = Config(**one.get("config", {}) | extra, seed=seed, weighting=rule)
                problem = one["problem"], one.get("settings", {})
                problems.KNOWN[problem[0]](**problem[1])
                words = {"weighting": weighting, "seed": seed} | ({} if lr is None else {"lr": f"{lr:g}"})
                name = _filled(one["name"], words)
                if not name or Path(name).name != name or not name.isprintable():
                    raise ValueError(f"name = {name!r}: give the name of a file, without folders")
                branch = str((folder / _filled(one["branch"], words)).resolve()) if "branch" in one else None
                yield Entry(name, problem, config, threads, compact, branch)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{where}: {error}") from error


def _check_compact(asked: Any) -> None:
    """Say so now where a run could not be made compact once it is trained."""
    if not isinstance(asked, dict):
        raise ValueError(f"compact = {asked!r}: give a table, such as {{ rows = 1000 }}")
    bound = inspect.signature(Run.compacted).bind(None, **asked)
    bound.apply_defaults()
    archive.check_sizes(**bound.kwargs)


def _filled(text: str, words: dict[str, Any]) -> str:
    """A name with its words filled in, and nothing else that a format could do."""
    name = re.sub(r"\{(\w+)\}", lambda found: str(words.get(found[1], found[0])), text)
    if left := re.search(r"[{}].*", name):
        raise ValueError(f"the name has {left[0]!r}, and only {{weighting}}, {{seed}} and, of lrs, {{lr}} are filled in")
    return name


def state(entry: Entry, folder: str | os.PathLike[str]) -> Standing:
    """Where the record of an entry stands in ``folder``."""
    path = path_of(entry, folder)
    if not path.exists():
        return Standing("missing")
    try:
        run = Run.load(path, entry.given)
    except (ValueError, OSError) as error:
        return Standing("damaged", why=str(error))
    differs = entry.differs(run)
    seconds = float(run.provenance.get("wall_time", 0.0))
    if differs:
        return Standing("stale", run.step, seconds, f"other settings of {', '.join(differs)}")
    if run.complete and not run.compact and entry.compact is not None:
        return Standing("partial", run.step, seconds, "not made small yet")
    return Standing("done" if run.complete else "partial", run.step, seconds)


def path_of(entry: Entry, folder: str | os.PathLike[str]) -> Path:
    """The file of an entry's record."""
    return Path(folder) / f"{entry.name}.npz"
