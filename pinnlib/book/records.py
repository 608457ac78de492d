"""Published runs: beside the notebook, or fetched once and checked.

The digests of all records are part of the package (``records.json``).  A record that is not at hand
comes from the book's repository and is kept in ``records/`` only if its digest is right.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from importlib.resources import files
from pathlib import Path

from ..runs import Run

__all__ = ["REPOSITORY", "load", "names", "url"]

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
