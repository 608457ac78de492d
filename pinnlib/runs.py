"""A training run as a value: settings, history, snapshots, provenance; one file without pickle."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import compacting, evaluation, problems
from .config import Config
from .models import MLP

__all__ = ["Run"]

PARTS = ("history", "extremes", "snapshots", "state")
FORMAT, VERSION = "pinnlib run", 4


@dataclass
class Run:
    """What is kept of a training.

    Attributes:
        config: the settings.
        problem: the problem, or None if it is not one of pinnlib's and was not given to :meth:`load`.
        problem_spec: its name and settings.
        history: one row a probe, by name; see :data:`pinnlib.probing.HISTORY`.
        points: the collocation points ``(n_points, n_coordinates)``; batch b is the b-th equal slice.
        snapshots: ``step`` ``(k,)``, ``parameters`` ``(k, n_params)``, ``rba`` ``(k, n_points)``.
        state: where training stands: ``step``, ``parameters``, Adam's ``exp_avg`` and ``exp_avg_sq``, ``rba``.
        provenance: versions, device, threads, wall time in seconds.
        extremes: of a compact run whose history was thinned, smallest and largest values around each probe,
            ``(2, n_probes, ...)`` by name; else empty.
        compact: whether the run was made small for publishing, see :meth:`compacted`.
    """

    config: Config
    problem: problems.Problem | None
    problem_spec: dict[str, Any]
    history: dict[str, np.ndarray]
    points: np.ndarray
    snapshots: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    provenance: dict[str, Any] = field(default_factory=dict)
    extremes: dict[str, np.ndarray] = field(default_factory=dict)
    compact: bool = False

    @property
    def step(self) -> int:
        """Steps done so far."""
        return int(self.state["step"])

    @property
    def complete(self) -> bool:
        """Whether all of ``config.steps`` are done."""
        steps = self.history["step"]
        return self.step >= self.config.steps and len(steps) > 0 and bool(steps[-1] == self.config.steps)

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The history's row of the probe nearest to ``step``."""
        row = self.nearest(step)
        return {name: values[row] for name, values in self.history.items()}

    def nearest(self, step: int) -> int:
        """Number of the probe nearest to ``step``."""
        return int(np.argmin(np.abs(self.history["step"] - step)))

    def snapshot_at(self, step: int) -> int:
        """Number of the snapshot nearest to ``step``."""
        return int(np.argmin(np.abs(self.snapshots["step"] - step)))

    def model(self, snapshot: int = -1) -> MLP:
        """The network of a snapshot, by number; the last one unless told. On the CPU."""
        return self._network(self.snapshots["parameters"][snapshot])

    def final_model(self) -> MLP:
        """The network as training left it. On the CPU."""
        return self._network(self.state["parameters"])

    def residual(self, snapshot: int = -1, points: np.ndarray | None = None) -> np.ndarray:
        """The residual of a snapshot's network at ``points``, its own collocation points unless told; ``(n_points,)``."""
        return evaluation.residual(self.model(snapshot), self._known_problem(), self.points if points is None else points)

    def predict(self, points: np.ndarray, snapshot: int = -1) -> np.ndarray:
        """The fields of a snapshot's network at ``points``; ``(n_points, n_fields)``."""
        return evaluation.predict(self.model(snapshot), points)

    def observe(self, points: np.ndarray, snapshot: int = -1) -> np.ndarray:
        """What data and reference speak of, by a snapshot's network, at ``points``; ``(n_points, n_observed)``."""
        return evaluation.observe(self.model(snapshot), self._known_problem(), points)

    def _network(self, parameters: np.ndarray) -> MLP:
        c, spec = self.config, self.problem_spec
        inputs = spec.get("inputs", len(spec["coordinates"]))
        model = MLP(
            inputs,
            len(spec["fields"]),
            width=c.width,
            depth=c.depth,
            activation=c.activation,
            bias_init=c.bias_init,
            dtype=c.torch_dtype,
            embedding=self._known_problem().embedding if inputs != len(spec["coordinates"]) else None,
        )
        torch.nn.utils.vector_to_parameters(torch.as_tensor(parameters, dtype=c.torch_dtype), model.parameters())
        return model

    def _known_problem(self) -> problems.Problem:
        if self.problem is None:
            raise ValueError(
                f"the run's problem {self.problem_spec['name']} is not one of pinnlib's: give it to Run.load(path, problem=...)"
            )
        return self.problem

    def range(self, name: str) -> np.ndarray:
        """Smallest and largest values of a series around each probe, ``(2, n_probes, ...)``; alike where none was left out."""
        return self.extremes.get(name, np.stack([self.history[name]] * 2))

    def compacted(self, *, rows: int = 1000, snapshots: int | None = None) -> Run:
        """This run in a size to publish; it can be looked at in every way, but not trained further.

        Adam's moments are left out.  Of a history longer than ``rows`` one probe of each group is kept, with the group's
        extremes (:func:`pinnlib.compacting.thin`).  :meth:`save` writes histories in float32 and the snapshots in fixed point
        (:func:`pinnlib.compacting.encode`), except one of the last step, which is the state.  All is rounded here already, so
        that what is saved is what is loaded.

        Args:
            rows: most probes to keep.
            snapshots: most snapshots to keep, evenly by number, the first and the last among them; all unless told.
        """
        history, extremes = compacting.thin(self.history, rows)
        n = len(self.snapshots["step"])
        keep = np.unique(np.linspace(0, n - 1, min(snapshots or n, n)).round().astype(int)) if n else np.arange(0)
        shots = {name: values[keep] for name, values in self.snapshots.items()}
        for name, bits in compacting.BITS.items():
            shots[name] = compacting.decode(compacting.encode(shots[name], bits))
        small = dataclasses.replace(
            self,
            history={name: compacting.rounded(values) for name, values in history.items()},
            extremes={name: compacting.rounded(values) for name, values in (extremes or self.extremes).items()},
            snapshots=shots,
            state={name: self.state[name] for name in ("step", "parameters", "rba")},
            compact=True,
        )
        if small._ends_with_its_state():
            for name in compacting.BITS:
                shots[name][-1] = small.state[name]
        return small

    def _ends_with_its_state(self) -> bool:
        """Whether the last snapshot is of the last step."""
        return bool((self.snapshots["step"][-1:] == self.state["step"]).any())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to one npz file, by a temporary name, so that a file is never half written."""
        path = Path(path)
        header = {
            "format": f"{FORMAT}, version {VERSION}",
            "config": self.config.as_dict(),
            "problem": self.problem_spec,
            "settings_hash": _settings_hash(self.problem_spec, self.config.as_dict()),
            "provenance": self.provenance,
            "compact": self.compact,
        }
        arrays = {"header": np.array(json.dumps(header)), "points": self.points}
        for part in PARTS:
            arrays |= {f"{part}/{name}": np.asarray(values) for name, values in getattr(self, part).items()}
        for name in [name for name in arrays if self.compact and name.startswith(("history/", "extremes/"))]:
            arrays[name] = compacting.narrow(arrays[name])
        for name, bits in compacting.BITS.items() if self.compact else ():
            shots = arrays.pop(f"snapshots/{name}")
            coded = compacting.encode(shots[:-1] if self._ends_with_its_state() else shots, bits)
            arrays |= {f"coded/{name}/{part}": values for part, values in coded.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except OSError as error:
            raise OSError(
                f"could not save the run to {path}: {error.strerror or error}; the run is still in memory, save it elsewhere"
            ) from error
        finally:
            Path(temporary).unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str], problem: problems.Problem | None = None) -> Run:
        """Read a run; nothing is unpickled.

        Args:
            path: the file.
            problem: the problem, where it is one of your own.

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
            for name, values in arrays.items():
                part, _, key = name.partition("/")
                parts[part][key] = values
            coded = parts.pop("coded")
            for part in ("history", "extremes"):
                parts[part] = {name: compacting.wide(values) for name, values in parts[part].items()}
            for name in compacting.BITS if coded else ():
                part_of = {part: coded[f"{name}/{part}"] for part in ("codes", "low", "span")}
                shots = compacting.decode(part_of)
                if len(shots) < len(parts["snapshots"]["step"]):  # the last one is the state; version 3 kept it twice
                    shots = np.concatenate([shots, parts["state"][name][None]])
                parts["snapshots"][name] = shots
            spec = header["problem"]
            for needed in ("step", "parameters"):
                parts["state"][needed], parts["snapshots"][needed]
        except ValueError as error:
            if str(error).startswith(str(path)):
                raise
            raise ValueError(f"{path} is not a pinnlib run or is damaged ({error}): make or fetch it again") from error
        except (
            zipfile.BadZipFile,
            zipfile.zlib.error,
            KeyError,
            EOFError,
            TypeError,
            AttributeError,
            NotImplementedError,
        ) as error:
            raise ValueError(
                f"{path} is not a pinnlib run or is damaged ({type(error).__name__}: {error}): make or fetch it again"
            ) from error
        if problem is None and spec["name"] in problems.KNOWN:
            problem = problems.KNOWN[spec["name"]](**spec["settings"])
        own = {"points": points, "provenance": header["provenance"], "compact": header.get("compact", False)}
        return cls(config, problem, spec, **own, **parts)

    def __repr__(self) -> str:
        lines = [f"Run of {self.problem or self.problem_spec['name']}: {self.config.describe()}"]
        state = "complete" if self.complete else f"stopped at step {self.step:,} of {self.config.steps:,}"
        p = self.provenance
        lines.append(
            f"  {state}; {self.config.dtype} on {p.get('device', '?')}, {p.get('wall_time', 0.0):,.0f} s, "
            f"pinnlib {p.get('pinnlib', '?')}, torch {p.get('torch', '?')}"
        )
        if len(self.history["step"]):
            last = self.at(self.step)
            lines.append(
                f"  at step {int(last['step']):,}: loss {last['loss']:.3g}, relative L2 {last['rel_l2']:.3g}, "
                f"SNR {last['snr']:.3g}; "
                f"{len(self.history['step'])} probes, {len(self.snapshots['step'])} snapshots"
            )
        return "\n".join(lines)


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
