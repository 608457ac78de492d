"""What is kept of a training: a row a probe, weights now and then, the time, where and with what; and the Run made of it."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config import Config
from ..problems.base import Problem
from ..problems.conditions import series_of
from ..runs import Run, settings
from ..version import __version__
from .state import State

__all__ = ["CURVATURE", "FRESH", "HISTORY", "History", "array"]

#: What a probe measures; one row each in ``run.history``.
HISTORY = {
    "step": "Adam steps done",
    "loss": "the weighted loss that is minimized",
    "loss_residual": "unweighted mean squared residual",
    "loss_data": "unweighted mean squared error at the data points",
    "rel_l2": "relative L2 error on the test grid; nan without a reference",
    "snr": "signal over noise of the batch gradients",
    "snr_layers": "the same, layer by layer",
    "snr_residual": "signal over noise of the residual term alone",
    "signal": "norm of the mean batch gradient",
    "noise": "norm of the batch gradients' standard deviation",
    "signal_layers": "signal, layer by layer",
    "noise_layers": "noise, layer by layer",
    "signal_residual": "signal of the residual term alone",
    "signal_data": "norm of the data term's gradient, with its weight",
    "snr_adam": "Adam's SNR, from its moments",
    "adam_step": "mean size of Adam's step over its learning rate",
    "order_gradient": "gradient order parameter, SNR / sqrt(1 + SNR^2)",
    "order_residual": "order parameter of abs(residual) over 10 x 10 cells",
    "order_weights": "order parameter of the RBA weights over 10 x 10 cells",
    "rba_mean": "mean RBA weight",
    "rba_max": "largest RBA weight",
    "wall_time": "seconds of training so far",
}

#: What a probe measures besides, where ``Config.probe_fresh`` asks for it.
FRESH = {
    "snr_fresh": "signal over noise at points that are not trained on",
    "signal_fresh": "signal there",
    "noise_fresh": "noise there",
}

#: And where ``Config.probe_sharpness`` does; nan at the probes between.
CURVATURE = {
    "sharpness": "largest eigenvalue of the loss's Hessian",
    "sharpness_adam": "the same as Adam feels it, to compare with 38 / lr",
}

Row = dict[str, float | np.ndarray]


class History:
    """Rows and snapshots of each member.

    Args:
        problem: what is solved.
        state: of the training.

    Attributes:
        rows: of each member, one a probe.
        branch_of: step and settings of the run where this one began; None where it began at step 0.
        finished: whether a finish came to its end before its last step.
    """

    def __init__(self, problem: Problem, state: State) -> None:
        self.problem, self.state = problem, state
        self.rows: list[list[Row]] = [[] for _ in state.configs]
        self.snapshots: list[list[tuple[int, np.ndarray, np.ndarray]]] = [[] for _ in state.configs]
        self.branch_of: dict[str, Any] | None = None
        self.finished = False
        self.wall_before, self.started = 0.0, time.perf_counter()

    @property
    def probe_steps(self) -> set[int]:
        """Those of the config, and the step at which a branch begins."""
        begun = [self.branch_of["step"]] if self.branch_of else []
        return {*self.state.config.probe_steps().tolist(), *begun}

    @property
    def probed(self) -> bool:
        """Whether the present step was measured."""
        return bool(self.rows[0]) and self.rows[0][-1]["step"] == self.state.step

    @property
    def wants_sharpness(self) -> bool:
        """Whether the curvature is to be measured at the present step."""
        step, every = self.state.step, self.state.config.probe_sharpness
        begun = self.branch_of is not None and self.branch_of["step"] == step
        return every > 0 and step > 0 and (begun or step % every == 0)

    @property
    def last(self) -> dict[str, float]:
        """Medians over the members at the last probe."""
        rows = [own[-1] for own in self.rows]
        return {name: float(np.median([row[name] for row in rows])) for name in ("loss", "rel_l2", "snr")}

    def append(self, rows: Sequence[Row]) -> None:
        """Keep a probe, one row a member."""
        for own, row in zip(self.rows, rows, strict=True):
            own.append(row)

    def keep_weights(self) -> None:
        """Keep the present weights, of the network and of the points."""
        state = self.state
        parts = zip(self.snapshots, state.each(state.theta), state.each(state.attention), strict=True)
        for shots, theta, attention in parts:
            shots.append((state.step, array(theta), array(attention)))

    def wall_time(self) -> float:
        """Seconds of training so far."""
        if self.state.device.type == "cuda":
            with suppress(RuntimeError):  # of a device that has failed: what was trained on it is kept all the same
                torch.cuda.synchronize(self.state.device)
        return self.wall_before + time.perf_counter() - self.started

    def load(self, run: Run) -> None:
        """Take over what a run has, but probes that an uninterrupted run of this length would not have made."""
        self.wall_before = float(run.provenance["wall_time"])
        self.branch_of = run.provenance.get("branch_of")
        wanted = self.probe_steps | ({run.step} if run.provenance.get("finished") else set())
        rows = [k for k, s in enumerate(run.history.get("step", ())) if int(s) in wanted]
        self.rows = [[{name: values[k] for name, values in run.history.items()} for k in rows]]
        shots = run.snapshots
        self.snapshots = [[(int(s), shots["parameters"][k], shots["rba"][k]) for k, s in enumerate(shots["step"])]]

    def begin_branch(self, run: Run) -> None:
        """Begin with nothing where ``run`` stands."""
        self.rows, self.snapshots, self.wall_before = [[]], [[]], 0.0
        self.branch_of = {"step": run.step, "config": run.config.as_dict()}

    @property
    def series(self) -> list[str]:
        """Names of what a probe measures."""
        return series(self.state.config) + series_of(self.problem, self.state.begun[0].conditions)

    def run(self, member: int, kept: Mapping[str, np.ndarray], facts: dict[str, Any]) -> Run:
        """The Run of a member so far.

        Args:
            member: its number.
            kept: its state, see :meth:`Checkpoint.states`.
            facts: what the provenance says of the way it was computed.
        """
        problem, state = self.problem, self.state
        config, rows, shots = state.configs[member], self.rows[member], self.snapshots[member]
        dtype, n_params = np.dtype(config.dtype), state.theta.shape[-1]
        return Run(
            config=config,
            problem=problem,
            problem_spec=settings.describe(problem),
            history={name: np.array([row[name] for row in rows]) for name in self.series},
            points=kept["points"],
            snapshots={
                "step": np.array([s for s, _, _ in shots], dtype=int),
                "parameters": np.array([p for _, p, _ in shots], dtype=dtype).reshape(-1, n_params),
                "rba": np.array([w for _, _, w in shots], dtype=dtype).reshape(-1, *kept["rba"].shape),
            },
            state={name: values for name, values in kept.items() if name != "points"},
            provenance=self._provenance() | facts | self._origin_and_end(),
        )

    def _origin_and_end(self) -> dict[str, Any]:
        return ({"branch_of": self.branch_of} if self.branch_of else {}) | ({"finished": True} if self.finished else {})

    def _provenance(self) -> dict[str, Any]:
        device, threads = self.state.device, torch.get_num_threads()
        return {
            "pinnlib": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {threads} threads",
            "threads": threads,
            "seeds_at_once": len(self.state.configs),
            "wall_time": self.wall_time(),
        }


def series(config: Config) -> list[str]:
    """Names of what a probe of this config measures."""
    return [*HISTORY, *(FRESH if config.probe_fresh else ()), *(CURVATURE if config.probe_sharpness else ())]


def array(tensor: Tensor) -> np.ndarray:
    """A copy on the CPU."""
    return tensor.detach().cpu().numpy().copy()
