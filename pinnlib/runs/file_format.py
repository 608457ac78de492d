"""The file of a run: one npz archive of numpy arrays with a JSON header; nothing in it is pickled."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import problems
from ..config import Config
from . import archive, settings

if TYPE_CHECKING:
    from .run import Run

__all__ = ["FORMAT", "PARTS", "VERSION", "read", "write", "write_npz"]

PARTS = ("history", "extremes", "snapshots", "state")
FORMAT, VERSION = "pinnlib run", 4


def write(run: Run, path: str | os.PathLike[str]) -> Path:
    """See :meth:`pinnlib.Run.save`.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    arrays: dict[str, Any] = {}
    spec = run.problem_spec | {"settings": settings.pack(run.problem_spec["settings"], arrays)}
    header = {
        "format": f"{FORMAT}, version {VERSION}",
        "config": run.config.as_dict(),
        "problem": spec,
        "settings_hash": _settings_hash(spec, run.config.as_dict()),
        "provenance": run.provenance,
        "compact": run.compact,
    }
    arrays |= {"header": np.array(json.dumps(header)), "points": run.points}
    for part in PARTS:
        arrays |= {f"{part}/{name}": np.asarray(values) for name, values in getattr(run, part).items()}
    for name in [name for name in arrays if run.compact and name.startswith(("history/", "extremes/"))]:
        arrays[name] = archive.narrow(arrays[name])
    for name, bits in archive.BITS.items() if run.compact else ():
        shots = arrays.pop(f"snapshots/{name}")
        coded = archive.encode(shots[:-1] if archive.ends_with_its_state(run) else shots, bits)
        arrays |= {f"coded/{name}/{part}": values for part, values in coded.items()}
    return write_npz(path, arrays, "the run")


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, Any], what: str) -> Path:
    """Write arrays to one npz file, by a temporary name, so that a file is never half written.

    Args:
        path: the file; its folder is made.
        arrays: by name.
        what: they are, for the sentence of an error.

    Raises:
        OSError: it cannot be written.
    """
    path, temporary = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            f"could not save {what} to {path}: {error.strerror or error}; {what} is still in memory, save it elsewhere"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return path


def read(path: str | os.PathLike[str], problem: problems.Problem | None) -> dict[str, Any]:
    """What :class:`pinnlib.Run` is made of; see :meth:`pinnlib.Run.load`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, truncated or not a run.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no run at {path}: check the path, or train one with python -m pinnlib train")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        _check(path, header)
        config = Config.from_dict({"bias_init": "zero"} | header["config"])  # what older files had, and do not say
        parts: dict[str, dict[str, np.ndarray]] = {part: {} for part in (*PARTS, "coded")}
        points = arrays.pop("points")
        of_problem = {name: arrays.pop(name) for name in list(arrays) if name.startswith("settings/")}
        for name, values in arrays.items():
            part, _, key = name.partition("/")
            parts[part][key] = values
        coded = parts.pop("coded")
        for part in ("history", "extremes"):
            parts[part] = {name: archive.wide(values) for name, values in parts[part].items()}
        for name in archive.BITS if coded else ():
            part_of = {part: coded[f"{name}/{part}"] for part in ("codes", "low", "span")}
            shots = archive.decode(part_of)
            if len(shots) < len(parts["snapshots"]["step"]):  # the last one is the state; version 3 kept it twice
                shots = np.concatenate([shots, parts["state"][name][None]])
            parts["snapshots"][name] = shots
        spec = header["problem"] | {"settings": settings.unpack(header["problem"]["settings"], of_problem)}
        for needed in ("step", "parameters"):
            parts["state"][needed], parts["snapshots"][needed]
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path} is not a pinnlib run or is damaged ({error}): make or fetch it again") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        NotImplementedError,
    ) as error:
        raise ValueError(
            f"{path} is not a pinnlib run or is damaged ({type(error).__name__}: {error}): make or fetch it again"
        ) from error
    if problem is not None:
        settings.check_fits(spec, problem, str(path))
    elif settings.is_ours(spec):
        problem = problems.KNOWN[spec["name"]](**spec["settings"])
    own = {"points": points, "provenance": header["provenance"], "compact": header.get("compact", False)}
    return own | {"config": config, "problem": problem, "problem_spec": spec} | parts


def _settings_hash(problem: dict[str, Any], config: dict[str, Any]) -> str:
    """What tells runs of the same settings from others: SHA-256 of both, in hexadecimal."""
    return hashlib.sha256(json.dumps([problem, config], sort_keys=True).encode()).hexdigest()


def _check(path: Path, header: dict[str, Any]) -> None:
    """Say so where a file is of another kind, from a newer pinnlib, or has a header that does not fit itself."""
    kind, _, version = header["format"].rpartition(", version ")
    if kind != FORMAT or not version.isdecimal():
        raise ValueError(f"{path} has the format {header['format']!r}: pinnlib reads {FORMAT!r}")
    writer = header["provenance"].get("pinnlib", "?")
    unknown = sorted(set(header["config"]) - {f.name for f in dataclasses.fields(Config)})
    if int(version) > VERSION or unknown:
        what = (
            f"has settings that are not known here ({', '.join(unknown)})" if unknown else f"has version {version} of the format"
        )
        raise ValueError(f"{path} {what}, since pinnlib {writer} wrote it: use that version or a newer one")
    if int(version) > 1 and header["settings_hash"] != _settings_hash(header["problem"], header["config"]):
        raise ValueError(f"{path} has settings that were changed after it was written: make or fetch it again")
