"""Published runs: beside the notebook, elsewhere in the repository, or fetched once and checked.

The digests of all records are part of the package (``records.json``).  A record that is not at hand
comes from the book's repository and is kept only if its digest is right.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from ..phases import running_quantiles
from ..runs import Run
from ..version import __version__

__all__ = ["REPOSITORY", "STUDIED", "fetch", "kinds", "load", "matching", "names", "over_seeds", "seeds", "url"]

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"

#: The kinds of runs that the book's plan compares, and the names of their records for :func:`matching`.
STUDIED = {
    "Helmholtz (6, 6), RBA, authors' start": r"authors_helmholtz_rba(_perturbed\d)?",
    "Helmholtz (6, 6), RBA, other starts": r"paper_helmholtz_rba_seed\d",
    "Allen-Cahn, RBA, other starts": r"paper_allen_cahn_rba_seed\d",
} | {
    f"{benchmark}, {control}, laptop": rf"{stem}_{control.lower()}_seed\d"
    for benchmark, stem in (("Helmholtz (4, 1)", "helmholtz_a4-1"), ("Allen-Cahn", "allen_cahn"))
    for control in ("RBA", "vanilla", "ramp", "permuted", "constant")
}


@cache
def _digests() -> dict[str, str]:
    return json.loads(files("pinnlib.book").joinpath("records.json").read_text())


def names() -> list[str]:
    """All published records."""
    return sorted(_digests())


def url(name: str) -> str:
    """Where a record is published: at the tag of this release, so that a record which is made anew breaks no older one.

    A version between two releases looks at the branch ``main``.  The environment variable PINNLIB_RECORDS names a mirror.
    """
    place = "main" if "dev" in __version__ else f"v{__version__}"
    raw = REPOSITORY.replace("github.com", "raw.githubusercontent.com")
    return f"{os.environ.get('PINNLIB_RECORDS', f'{raw}/{place}/book/records').rstrip('/')}/{name}.npz"


def load(name: str, folder: str | os.PathLike[str] | None = None) -> Run:
    """A published run by name, from a folder of records, else fetched into it.

    Args:
        name: one of :func:`names`.
        folder: where to look, and to keep what is fetched.  Unless told, ``records`` beside the notebook, then ``book/records``
            in the current folder and in those above it; what none of them has goes to the first of them that is there, or to a
            new ``records``.

    Raises:
        ValueError: no record has that name, or what was fetched is not what was published, and was not kept.
        ConnectionError: the record is not here and cannot be fetched.
    """
    digests = _digests()
    if name not in digests:
        raise ValueError(f"no record is called {name!r}: the published ones are {', '.join(sorted(digests))}")
    path = _path(name, folder)
    if not path.exists():
        _bring([name], path.parent)
    return Run.load(path)


def fetch(*stems: str, folder: str | os.PathLike[str] | None = None) -> int:
    """Have published runs at hand before they are loaded: what is missing is fetched, many at once.

    Args:
        stems: what the names begin with, such as ``"burgers_"``; all records unless told.
        folder: as that of :func:`load`.

    Returns:
        How many were fetched.

    Raises:
        ValueError: no record's name begins so; or what was fetched is not what was published, and was not kept.
        ConnectionError: one cannot be fetched.
    """
    wanted = [name for name in names() if name.startswith(stems or ("",))]
    if empty := [stem for stem in stems if not any(name.startswith(stem) for name in wanted)]:
        raise ValueError(f"no record's name begins with {empty[0]!r}: the published ones are {', '.join(names())}")
    return _have(wanted, folder)


def _have(wanted: Iterable[str], folder: str | os.PathLike[str] | None = None) -> int:
    missing = {name: path for name in wanted if not (path := _path(name, folder)).exists()}
    if missing:
        _bring(list(missing), next(iter(missing.values())).parent)
    return len(missing)


def _path(name: str, folder: str | os.PathLike[str] | None) -> Path:
    """Where a record is, or where it goes once it is fetched."""
    files = [place / f"{name}.npz" for place in (_folders() if folder is None else [Path(folder)])]
    return next((file for file in files if file.exists()), files[0])


def _folders() -> list[Path]:
    """Folders of records that are within reach of the current folder, the nearest first; at least one, which may be missing."""
    here, beside = Path.cwd(), Path("records")
    above = [place / "book" / "records" for place in (here, *here.parents)]
    return [folder for folder in (beside, *above) if folder.is_dir()] or [beside]


def seeds(stem: str, seeds: Iterable[int] = range(5)) -> list[Run]:
    """The published runs that differ in their seed alone, in the order of ``seeds``.

    Args:
        stem: the records' name without ``_seed0``, such as ``helmholtz_a4-1_rba``.
        seeds: which of them.

    Raises:
        ValueError: one of them was not published.
    """
    chosen = [f"{stem}_seed{seed}" for seed in seeds]
    _have(set(chosen) & set(names()))
    return [load(name) for name in chosen]


def matching(pattern: str) -> list[Run]:
    """The published runs whose whole name matches a regular expression, in the order of their names.

    Args:
        pattern: such as ``"ladder_8192x64_rba_seed[0-9]"``.

    Raises:
        ValueError: it matches no name, or is no regular expression.
        ConnectionError: one of them is not here and cannot be fetched.
    """
    try:
        chosen = [name for name in names() if re.fullmatch(pattern, name)]
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    if not chosen:
        raise ValueError(f"no record's whole name matches {pattern!r}: the published ones are {', '.join(names())}")
    _have(chosen)
    return [load(name) for name in chosen]


def kinds(stem: str, kinds: Iterable[str] = ("vanilla", "RBA"), seeds: Iterable[int] = range(5)) -> dict[str, list[Run]]:
    """The published runs of a benchmark by kind, each kind's by seed.

    Args:
        stem: the records' name without kind and seed, such as ``helmholtz_a4-1``.
        kinds: as figures name them; the records' names have them in lower case.
        seeds: which of each kind.

    Raises:
        ValueError: one of them was not published.
    """
    numbers = tuple(seeds)
    chosen = {kind: [f"{stem}_{kind.lower()}_seed{seed}" for seed in numbers] for kind in kinds}
    _have({name for group in chosen.values() for name in group} & set(names()))
    return {kind: [load(name) for name in group] for kind, group in chosen.items()}


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


#: How many records are fetched at once: each is small, and most of the time goes by in waiting for an answer.
AT_ONCE = 16


def _bring(wanted: Sequence[str], folder: Path) -> None:
    """Fetch records into a folder; where one cannot be had, a new folder goes again if it is empty."""
    import pooch
    from tqdm import tqdm

    new = [place for place in (folder, *folder.parents) if not place.exists()]  # pooch makes them before it fetches
    pooch.get_logger().setLevel("WARNING")
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [pool.submit(_fetch, name, folder) for name in wanted]
            try:
                for done in tqdm(as_completed(asked), total=len(asked), unit="record", leave=False, disable=len(asked) < 4):
                    done.result()
            except BaseException:  # Ctrl-C, too, does not wait for the queue
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        for place in new:
            with suppress(OSError):  # only an empty folder can be removed
                place.rmdir()


def _fetch(name: str, folder: Path) -> None:
    import pooch

    source = url(name)
    try:
        pooch.retrieve(source, known_hash=f"sha256:{_digests()[name]}", fname=f"{name}.npz", path=folder)
    except OSError as error:  # what requests raises is one, too
        raise ConnectionError(
            f"the record {name} is not in {folder}/ and could not be fetched from {source} ({type(error).__name__}): "
            f"connect to the network, or put the file there by hand"
        ) from None
    except ValueError:
        raise ValueError(
            f"the record {name} at {source} has another digest than was published: it is damaged or changed, and was not kept"
        ) from None


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def register(folder: str | os.PathLike[str], target: str | os.PathLike[str]) -> dict[str, str]:
    """Write the digests of all records in ``folder`` to ``target``; for the book's authors (``make register``)."""
    found = {p.stem: digest(p) for p in sorted(Path(folder).glob("*.npz"))}
    Path(target).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return found
