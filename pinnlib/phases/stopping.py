"""When to stop a training: at a phase, an error or a loss."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .detector import Detector

if TYPE_CHECKING:
    from ..runs import Run

__all__ = ["StopWhen"]

PHASES = ("diffusion", "total diffusion")


class StopWhen:
    """Ends a training at the first probe that meets one of these: ``pl.train(problem, config, callback=pl.StopWhen(loss=1e-6))``.

    Args:
        phase: ``"diffusion"``, once fitting has ended, or ``"total diffusion"``, once it has started, by the rule of
            :class:`pinnlib.phases.detector.Detector`; a boundary is known some time after it was passed.
        others: a quantity of ``run.history`` and the value that it must fall below, such as ``rel_l2=0.01`` or ``loss=1e-6``.

    Attributes:
        reason: what was met; empty before.

    Raises:
        ValueError: nothing to stop at, a phase that is not known, or a value that is not a number.
    """

    def __init__(self, *, phase: str | None = None, **others: float) -> None:
        if phase is None and not others:
            raise ValueError("StopWhen() would never stop: give a phase, or a quantity and a value, such as rel_l2=0.01")
        if phase is not None and phase not in PHASES:
            raise ValueError(f"phase = {phase!r}: choose one of {PHASES}")
        for name, value in others.items():
            if not (isinstance(value, numbers.Real) and not math.isnan(value)):
                raise ValueError(f"{name} = {value!r}: give a number that it must fall below")
        self.phase, self.others, self.reason = phase, others, ""
        self._detector, self._seen = Detector(), -1

    def __call__(self, row: Mapping[str, Any], run: Run) -> bool:
        """Whether to stop after the probe ``row`` of ``run``.

        Raises:
            ValueError: a probe does not measure the quantity.
        """
        if int(row["step"]) <= self._seen:  # another training
            self._detector, self._seen = Detector(), -1
        self.reason = ""
        for name, value in self.others.items():
            if name not in row:
                raise ValueError(f"a probe of this run measures no {name!r}: choose among {', '.join(sorted(row))}")
            if name == "rel_l2" and math.isnan(float(row[name])):
                raise ValueError("rel_l2 is nan, since the problem has no reference: stop at a loss or a phase")
            if float(row[name]) < value:
                self.reason = f"{name} = {float(row[name]):.3g} is below {value:g} at step {int(row['step']):,}"
        if self.phase and self._reached(run):
            self.reason = f"{self.phase} was reached by step {int(row['step']):,}"
        return bool(self.reason)

    def _reached(self, run: Run) -> bool:
        for step, snr in zip(run.history["step"].tolist(), run.history["snr"].tolist(), strict=True):
            if step > self._seen:
                self._detector.update(step, snr)
                self._seen = step
        found = self._detector.phases
        return found.total_diffusion is not None or (self.phase == "diffusion" and found.fitting_end is not None)
