"""Published runs: beside the notebook, or fetched once and checked.

The digests of all records are part of the package (``records.json``).  A record that is not at hand
comes from the book's repository and is kept in ``records/`` only if its digest is right.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from ..phases import running_quantiles
from ..runs import Run

__all__ = ["REPOSITORY", "kinds", "load", "names", "over_seeds", "seeds", "url"]

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"


@cache
def _digests() -> dict[str, str]:
    return json.loads(files("pinnlib.book").joinpath("records.json").read_text())


def names() -> list[str]:
    """All published records."""
    return sorted(_digests())


def url(name: str) -> str:
    """Where a record is published; the environment variable PINNLIB_RECORDS names a mirror."""
    base = os.environ.get("PINNLIB_RECORDS", f"{REPOSITORY.replace('github.com', 'raw.githubusercontent.com')}/main/book/records")
    return f"{base.rstrip('/')}/{name}.npz"


def load(name: str, folder: str | os.PathLike[str] = "records") -> Run:
    """A published run by name, from ``folder`` beside the notebook, else fetched into it.

    Raises:
        ValueError: no record has that name, or what was fetched is not what was published.
        ConnectionError: the record is not here and cannot be fetched.
    """
    digests = _digests()
    if name not in digests:
        raise ValueError(f"no record is called {name!r}: the published ones are {', '.join(sorted(digests))}")
    path = Path(folder) / f"{name}.npz"
    if not path.exists():
        _fetch(name, path, digests[name])
    return Run.load(path)


def seeds(stem: str, seeds: Iterable[int] = range(5)) -> list[Run]:
    """The published runs that differ in their seed alone, in the order of ``seeds``.

    Args:
        stem: the records' name without ``_seed0``, such as ``helmholtz_a4-1_rba``.
        seeds: which of them.

    Raises:
        ValueError: one of them was not published.
    """
    return [load(f"{stem}_seed{seed}") for seed in seeds]


def kinds(stem: str, kinds: Iterable[str] = ("vanilla", "RBA"), seeds: Iterable[int] = range(5)) -> dict[str, list[Run]]:
    """The published runs of a benchmark by kind, each kind's by seed.

    Args:
        stem: the records' name without kind and seed, such as ``helmholtz_a4-1``.
        kinds: as figures name them; the records' names have them in lower case.
        seeds: which of each kind.

    Raises:
        ValueError: one of them was not published.
    """
    chosen = tuple(seeds)
    return {kind: [load(f"{stem}_{kind.lower()}_seed{seed}") for seed in chosen] for kind in kinds}


def over_seeds(runs: Sequence[Run], quantity: str, *, window: int = 0) -> np.ndarray:
    """One quantity of several runs' histories, ``(n_seeds, n_probes)``: what :func:`pinnlib.book.figures.band` draws.

    Args:
        runs: probed at the same steps.
        quantity: its name in the history.
        window: probes of a running median, an odd number; 0 for the raw values.

    Raises:
        ValueError: the window is even, or the runs have unequal numbers of probes.
    """
    values = np.array([run.history[quantity] for run in runs])
    return np.array([running_quantiles(series, (0.5,), window)[0] for series in values]) if window else values


def _fetch(name: str, path: Path, digest: str) -> None:
    import pooch
    import requests

    source = url(name)
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(source, known_hash=f"sha256:{digest}", fname=path.name, path=path.parent)
    except ValueError as error:
        path.unlink(missing_ok=True)
        raise ValueError(
            f"the record {name} at {source} has another digest than was published: it is damaged or changed, and was not kept"
        ) from error
    except (requests.RequestException, OSError) as error:
        raise ConnectionError(
            f"the record {name} is not in {path.parent}/ and could not be fetched from {source} ({type(error).__name__}): "
            f"connect to the network, or put the file there by hand"
        ) from error


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def register(folder: str | os.PathLike[str], target: str | os.PathLike[str]) -> dict[str, str]:
    """Write the digests of all records in ``folder`` to ``target``; for the book's authors (``make register``)."""
    found = {p.stem: digest(p) for p in sorted(Path(folder).glob("*.npz"))}
    Path(target).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return found
