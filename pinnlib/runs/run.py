"""A training run as a value: settings, history, snapshots, provenance; one file without pickle."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .. import evaluation, problems
from ..config import Config
from ..models import MLP
from ..problems.unknowns import values
from . import archive, diagnosis, figure, file_format, report, settings, table
from .diagnosis import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Run"]


@dataclass
class Run:
    """What is kept of a training.

    Attributes:
        config: the settings.
        problem: the problem, or None if it is not one of pinnlib's and was not given to :meth:`load`.
        problem_spec: its name and settings.
        history: one row a probe, by name; see :data:`pinnlib.training.history.HISTORY`.
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
    def solves(self) -> str:
        """The problem with its settings as one text: the same for runs of one problem, made here or read from a file."""
        return f"{self.problem_spec['name']!r} with {settings.canonical(self.problem_spec['settings'])}"

    @property
    def complete(self) -> bool:
        """Whether all of ``config.last_step`` steps are done, or all that made the loss smaller."""
        steps = self.history["step"]
        end = self.step if self.provenance.get("finished") else self.config.last_step
        return self.step >= end and len(steps) > 0 and bool(steps[-1] == end)

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The history's row of the probe nearest to ``step``; see :meth:`nearest`."""
        row = self.nearest(step)
        return {name: values[row] for name, values in self.history.items()}

    def nearest(self, step: int) -> int:
        """Number of the probe nearest to ``step``.

        Raises:
            ValueError: there is no probe yet.
        """
        if not len(self.history["step"]):
            raise ValueError(f"step {step} has no nearest probe, since there is no probe yet: train on")
        return int(np.argmin(np.abs(self.history["step"] - step)))

    def snapshot_at(self, step: int) -> int:
        """Number of the snapshot nearest to ``step``."""
        return int(np.argmin(np.abs(self.snapshots["step"] - step)))

    def model(self, snapshot: int | None = None) -> MLP:
        """The network of a snapshot, by number; as training left it unless told. On the CPU.

        Raises:
            ValueError: the run was kept without weights.
        """
        self._needs_weights()
        return self._network(self.state["parameters"] if snapshot is None else self.snapshots["parameters"][snapshot])

    def final_model(self) -> MLP:
        """The network as training left it. On the CPU.

        Raises:
            ValueError: the run was kept without weights.
        """
        return self.model()

    def residual(self, snapshot: int | None = None, points: np.ndarray | None = None) -> np.ndarray:
        """The residual of a snapshot's network, as training left it unless told.

        Args:
            snapshot: its number.
            points: where, ``(n_points, n_coordinates)``, of one coordinate also ``(n_points,)``; at the run's own collocation
                points unless told.

        Returns:
            ``(n_points,)``, or ``(n_equations, n_points)`` of a system.

        Raises:
            ValueError: points of another shape.
        """
        where = self.points if points is None else self._places(points)
        return evaluation.residual(self.model(snapshot), self.known_problem(), where)

    def predict(self, points: np.ndarray, snapshot: int | None = None) -> np.ndarray:
        """The fields of a snapshot's network, as training left it unless told, at ``points``; ``(n_points, n_fields)``.

        Points are ``(n_points, n_coordinates)``, of one coordinate also ``(n_points,)``.

        Raises:
            ValueError: points of another shape.
        """
        model, points = self.model(snapshot), self._places(points)
        if self.problem is None and not self.problem_spec.get("maps_outputs"):
            return evaluation.predict(model, points)
        return evaluation.fields(model, self.known_problem(), points)

    def observe(self, points: np.ndarray, snapshot: int | None = None) -> np.ndarray:
        """What data and reference speak of, by a snapshot's network, the last one unless told; ``(n_points, n_observed)``.

        Points are as for :meth:`predict`, and so is what is raised.
        """
        return evaluation.observe(self.model(snapshot), self.known_problem(), self._places(points))

    @property
    def unknowns(self) -> dict[str, float]:
        """The unknown coefficients as training left them, by name."""
        found = self.known_problem().unknown
        thetas = torch.as_tensor(
            self.state["parameters"][len(self.state["parameters"]) - len(found) :], dtype=torch.float64, device="cpu"
        )
        return {name: float(value) for name, value in values(found, thetas).items()}

    def _places(self, points: np.ndarray) -> np.ndarray:
        """Points ``(n_points, n_coordinates)``; of one coordinate a list of numbers is a list of points."""
        names, where = self.problem_spec["coordinates"], np.asarray(points)
        if len(names) == 1 and where.ndim == 1:
            where = where[:, None]
        if where.ndim != 2 or where.shape[1] != len(names):
            raise ValueError(
                f"points have shape {where.shape}: give (n_points, {len(names)}), a column for each of {', '.join(names)}"
            )
        return where

    def _needs_weights(self) -> None:
        if not self.state["parameters"].size:
            raise ValueError(
                "only the history of this run was kept, without its weights: train it anew for them, by its config "
                f"({self.config.describe()})"
            )

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
            embedding=self.known_problem().embedding if spec.get("embedded") or inputs != len(spec["coordinates"]) else None,
            unknowns=len(spec.get("unknowns", ())),
        )
        torch.nn.utils.vector_to_parameters(torch.as_tensor(parameters, dtype=c.torch_dtype, device="cpu"), model.parameters())
        return model

    def known_problem(self) -> problems.Problem:
        """The problem.

        Raises:
            ValueError: it is not one of pinnlib's, and was not given to :meth:`load`.
        """
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
        extremes (:func:`pinnlib.runs.archive.thin`).  :meth:`save` writes histories in float32 and the snapshots in fixed point
        (:func:`pinnlib.runs.archive.encode`), except one of the last step, which is the state.  All is rounded here already, so
        that what is saved is what is loaded.

        Args:
            rows: most probes to keep.
            snapshots: most snapshots to keep, evenly by number, the first and the last among them, or of one the last; all
                unless told.  0: the history alone, without weights and points.

        Raises:
            ValueError: fewer than 4 rows, fewer than 0 snapshots, or what is no whole number.
        """
        return archive.compacted(self, rows, snapshots)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to one npz file, by a temporary name, so that a file is never half written.

        Raises:
            OSError: it cannot be written; the run is still in memory.
        """
        return file_format.write(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], problem: problems.Problem | None = None) -> Run:
        """Read a run; nothing is unpickled.

        Args:
            path: the file.
            problem: the problem, where it is one of your own.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, truncated or not a run, or of another problem than the one given, or that is none.
        """
        return cls(**file_format.read(path, problem))

    def __repr__(self) -> str:
        lines = [f"Run of {self.problem or self.problem_spec['name']}: {self.config.describe()}"]
        state = "complete" if self.complete else f"stopped at step {self.step:,} of {self.config.last_step:,}"
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

    def to_dict(self) -> dict[str, np.ndarray]:
        """The history as columns, each ``(n_probes,)``: ``step`` and every series, in the history's own units.

        A series of several values a probe becomes several columns: ``snr_layers`` becomes ``snr_layers_0``, ...  All are copies.
        """
        return table.columns(self)

    def to_pandas(self) -> Any:
        """The history as a ``pandas.DataFrame``, one row a probe, indexed by ``step``; the other columns of :meth:`to_dict`.

        Raises:
            ModuleNotFoundError: pandas is not installed; pinnlib does not need it otherwise.
        """
        return table.frame(self)

    def report(self) -> Report:
        """What the training did, in sentences, what to try, and what the numbers do not say; ``print`` it.

        A run whose weights were kept, of a problem that is known, is looked at at fresh points too.

        Raises:
            ValueError: there is no probe yet.
        """
        return diagnosis.of_run(self)

    def plot(self) -> Figure:
        """A figure of loss, relative L2 error (where there is a reference) and SNR over log step, with the phases tinted.

        Returns:
            The :class:`matplotlib.figure.Figure`, to change or to save by its ``savefig``; a notebook shows what a cell returns.
            Values that a logarithmic axis cannot show are left out, and panels without any.
        """
        return figure.figure(self)

    def _repr_html_(self) -> str:
        return report.fragment(self)
