"""The file of a run: one npz archive of numpy arrays with a JSON header; nothing in it is pickled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import problems
from ..config import Config
from . import archive, npz, settings

if TYPE_CHECKING:
    from .run import Run

__all__ = ["FORMAT", "PARTS", "VERSION", "read", "write"]

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
    return npz.write(path, arrays, "the run")


def read(path: str | os.PathLike[str], problem: problems.Problem | None) -> dict[str, Any]:
    """What :class:`pinnlib.Run` is made of; see :meth:`pinnlib.Run.load`.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it may not be read.
        ValueError: the file is damaged, truncated or not a run, or of another problem than the one given, or that is none.
    """
    path = Path(path)
    if problem is not None and not isinstance(problem, problems.Problem):
        raise ValueError(f"problem = {problem!r}: give an instance of the problem's class, such as Slab()")
    if not path.is_file():
        raise FileNotFoundError(f"no run at {path}: check the path, or train one with python -m pinnlib train")
    try:
        arrays = npz.read(path)
        header = json.loads(str(arrays.pop("header")))
        _check(path, header)
        config = Config.from_dict({"bias_init": "zero"} | header["config"])  # what older files had, and do not say
        points = arrays.pop("points")
        of_problem = {name: arrays.pop(name) for name in list(arrays) if name.startswith("settings/")}
        parts = _parts(arrays)
        spec = header["problem"] | {"settings": settings.unpack(header["problem"]["settings"], of_problem)}
        _check_sizes(spec, config, points, parts)
        if problem is None and settings.is_ours(spec):
            problem = problems.KNOWN[spec["name"]](**spec["settings"])
        elif problem is not None:
            settings.check_fits(spec, problem, str(path))
        own = {"points": points, "provenance": header["provenance"], "compact": bool(header.get("compact", False))}
        if not isinstance(own["provenance"].get("wall_time", 0.0), int | float):
            raise ValueError("its wall time is no number")
        ends = [parts[part][name] for part in ("snapshots", "state") for name in archive.BITS]
        if own["compact"] and not all(map(archive.encodable, ends)):
            raise ValueError("its weights are not finite, or too large, so that it could not be saved again")
    except OSError:  # it cannot be read, which says nothing of what is in it
        raise
    except Exception as error:  # whatever a damaged or foreign file may lead to
        if str(error).startswith(f"{path} "):  # a sentence of ours, and no word that begins like the file's name
            raise
        raise ValueError(f"{path} is not a pinnlib run or is damaged ({npz.why(error)}): make or fetch it again") from error
    return own | {"config": config, "problem": problem, "problem_spec": spec} | parts


def _parts(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """History, extremes, snapshots and state, as they are worked with."""
    parts: dict[str, dict[str, np.ndarray]] = {part: {} for part in (*PARTS, "coded")}
    for name, values in arrays.items():
        part, _, key = name.partition("/")
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{name} holds {values.dtype}, no numbers")
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
    return parts


def _check_sizes(spec: Mapping[str, Any], config: Config, points: np.ndarray, parts: Mapping[str, dict[str, np.ndarray]]) -> None:
    """Say so where the arrays of a file fit neither each other nor its settings."""
    history, extremes, snapshots, state = (parts[part] for part in PARTS)
    names = (*spec["coordinates"], *spec["fields"], *spec.get("unknowns", ()), spec["name"])
    if not all(isinstance(name, str) for name in names):
        raise ValueError("its problem has names that are no text")
    for part, needed in (("history", ("loss", "rel_l2", "snr")), ("snapshots", archive.BITS), ("state", archive.BITS)):
        if lost := sorted(set(needed) - set(parts[part])):
            raise ValueError(f"there is no {part}/{lost[0]}")
    # pinnlib.models.count in closed form: that would list all layers, and a made-up depth may be a billion
    n_in, width, n_out = spec.get("inputs", len(spec["coordinates"])), config.width, len(spec["fields"])
    n = width * (n_in + 1) + (config.depth - 1) * width * (width + 1) + n_out * (width + 1) + len(spec.get("unknowns", ()))
    shots = len(snapshots["step"])
    wanted = {f"snapshots/{name}": (values, {(shots, *values.shape[1:])}) for name, values in snapshots.items()}
    wanted |= {  # without weights and points where the history alone was kept
        "points": (points, {(config.points, len(spec["coordinates"])), (0, len(spec["coordinates"]))}),
        "state/step": (state["step"], {()}),
        "state/parameters": (state["parameters"], {(n,)} if shots else {(n,), (0,)}),
        "snapshots/step": (snapshots["step"], {(shots,)}),
        "snapshots/parameters": (snapshots["parameters"], {(shots, n)}),
        "state/rba": (state["rba"], {snapshots["rba"].shape[1:]} | (set() if shots else {(0,), state["rba"].shape})),
        "history/step": (history["step"], {(len(history["step"]),)}),
    }
    wanted |= {f"extremes/{name}": (values, {(2, *history[name].shape)}) for name, values in extremes.items()}
    rows = {f"history/{name}": (values, {(len(history["step"]), *values.shape[1:])}) for name, values in history.items()}
    for name, (values, shapes) in (wanted | rows).items():
        if values.shape not in shapes:
            raise ValueError(f"{name} has the shape {values.shape}, and not {' or '.join(map(str, sorted(shapes)))}")
    for name in ("history", "snapshots", "state"):
        steps = parts[name]["step"]
        if steps.size and (steps.dtype.kind not in "iu" or (steps < 0).any() or (steps.ndim and (np.diff(steps) <= 0).any())):
            raise ValueError(f"{name}/step does not count steps")


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
