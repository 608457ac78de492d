"""What survives: the last good state, files that are renewed, and what is said when a loss is no longer finite."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..runs import Run
from .adam import Adam
from .finish import Finish
from .history import History, array
from .objective import Objective
from .state import State

__all__ = ["Callback", "Checkpoint", "Path", "TrainingDiverged"]

Path = str | os.PathLike[str]
Callback = Callable[[dict[str, Any], Run], object]


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number.

    Attributes:
        run: the last good state.
        runs: those of all members, where several were trained at once.
    """

    def __init__(self, message: str, run: Run, runs: Sequence[Run] = ()) -> None:
        super().__init__(message)
        self.run, self.runs = run, list(runs) or [run]


class Checkpoint:
    """Keeps what a training goes on from.

    Args:
        state: of the training.
        adam: its moments.
        finish: what comes after Adam, if anything.
        objective: its points, and how they are computed.
        history: its rows.
        files: one a member, or None.
        every: seconds between two renewals.
    """

    def __init__(
        self,
        state: State,
        adam: Adam,
        finish: Finish | None,
        objective: Objective,
        history: History,
        files: Sequence[Path | None],
        every: float,
    ) -> None:
        self.state, self.adam, self.finish, self.objective, self.history = state, adam, finish, objective, history
        self.files, self.every, self.saved_at = files, every, time.perf_counter()
        self.remember()
        self.saved = self._states(self.good)

    def remember(self) -> None:
        """Keep the present state as the last good one, on the device: nobody waits for it."""
        self.good = self._copies()

    def _copies(self) -> dict[str, Any]:
        state = self.state
        parts = {"parameters": state.theta, "rba": state.attention, "points": self.objective.collocation.points}
        parts |= self.adam.moments() | (self.finish.moments() if self.finish else {})
        return {"step": state.step, **{name: part.detach().clone() for name, part in parts.items()}}

    def _states(self, copies: dict[str, Any]) -> list[dict[str, np.ndarray]]:
        """The state of each member, as arrays."""
        step, *parts = copies.items()
        members = {name: self.state.each(part) for name, part in parts}
        return [
            {"step": np.array(step[1]), **{name: array(part[k]) for name, part in members.items()}}
            for k in range(len(self.state.configs))
        ]

    def runs(self, states: Sequence[dict[str, np.ndarray]] | None = None) -> list[Run]:
        """The runs so far; of the present state unless told."""
        objective, graph = self.objective, self.adam.graph
        facts = {
            "path": f"{objective.path}, {len(objective.residual_term.chunks)} chunks",
            "recorded": bool(graph and graph.recorded),
            "processes": objective.world.size,
        }
        states = self._states(self._copies()) if states is None else states
        return [self.history.run(k, kept, facts) for k, kept in enumerate(states)]

    def call(self, callback: Callback) -> bool:
        """Whether a user's function wants to stop; a fault in it must not end a training, so it is a warning."""
        try:
            answer = callback(dict(self.history.rows[0][-1]), self.runs()[0])
            return isinstance(answer, bool | np.bool_) and bool(answer)
        except Exception as error:
            warnings.warn(
                f"the callback failed at step {self.state.step:,} ({type(error).__name__}: {error}): training goes on",
                stacklevel=5,
            )
            return False

    @property
    def due(self) -> bool:
        """Whether it is time to renew the files."""
        return self.files[0] is not None and time.perf_counter() - self.saved_at >= self.every

    def save(self) -> list[Run]:
        """Renew the files, if any; returns the runs so far.

        Raises:
            TrainingDiverged: a loss is not finite.
        """
        if self.adam.graph and not self.history.probed:  # recorded steps, which nobody has looked at since the last probe
            losses = self.objective(self.state).loss
            if not bool(torch.isfinite(losses).all()):
                raise self.diverged(losses)
        self.saved = self._states(self._copies())
        runs = self.runs(self.saved)
        self._write(runs)
        return runs

    def _write(self, runs: Sequence[Run]) -> bool:
        """Renew the files; a full disk, or whatever else is wrong with them, must not end a training, so it is a warning."""
        kept = True
        for run, path in zip(runs, self.files, strict=True):
            if path is None:
                return False
            if not self.objective.world.first:
                continue
            try:
                run.save(path)
            except Exception as error:
                why = (
                    str(error)
                    if isinstance(error, OSError)
                    else f"could not save the run to {path}: {type(error).__name__}: {error}"
                )
                warnings.warn(why, stacklevel=4)
                kept = False
        self.saved_at = time.perf_counter()
        return kept

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Whatever else ends a training leaves the last good state behind: in the files, and in the error's ``run`` and ``runs``.

        An error may come in the midst of a step, so that state is the later one of the last probe's and of the files' own.  One
        that comes before the first probe leaves nothing: there is nothing yet that was trained.
        """
        try:
            yield
        except Exception as error:
            if self.history.rows[0] and not isinstance(error, TrainingDiverged):  # which has kept its own
                states = self.saved
                with suppress(RuntimeError):  # of a GPU that has failed for good and gives back nothing
                    states = max(states, self._states(self.good), key=lambda states: int(states[0]["step"]))
                runs = self.runs(states)
                vars(error).update(run=runs[0], runs=runs)
                where = f"saved to {', '.join(map(str, self.files))}" if self._write(runs) else "in the error's .run"
                error.add_note(f"the training ended at step {self.state.step}: the state of step {runs[0].step} is {where}")
            raise

    def diverged(self, losses: Tensor) -> TrainingDiverged:
        """What to say, and to keep: of members whose loss is finite the present state, of the others the last good one."""
        finite = [bool(torch.isfinite(loss)) for loss in self.state.each(losses)]
        good = self._states(self.good)
        states = [now if ok else before for ok, now, before in zip(finite, self._states(self._copies()), good, strict=True)]
        runs, bad = self.runs(states), finite.index(False)
        where = f"saved to {self.files[bad]}" if self._write(runs) else "in the error's .run"
        config = self.state.configs[bad]
        seed = "" if self.state.alone else f" with seed {config.seed}"
        return TrainingDiverged(
            f"the loss{seed} is not a finite number at step {self.state.step}: "
            f"the state of step {int(good[bad]['step'])} is {where}; "
            f"try a smaller lr than {config.lr:g}, or dtype='float64'",
            runs[bad],
            runs,
        )
