"""Phases as values: the changes between them, each with an interval."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Boundary", "Phases"]


@dataclass(frozen=True)
class Boundary:
    """A change of phase: ``step`` is the first probe of the new phase; the change lies somewhere in ``[low, high]``."""

    step: int
    low: int
    high: int


@dataclass(frozen=True)
class Phases:
    """The boundaries of the phases; None where there is none.

    Attributes:
        fitting_end: SNR falls below O(1): fitting gives way to diffusion.
        total_diffusion: SNR rises above O(1) again.
        last: last step of the series.
        starts_below: the SNR begins below O(1), so that there is no fitting to end.
    """

    fitting_end: Boundary | None
    total_diffusion: Boundary | None
    last: int
    starts_below: bool = False

    def spans(self) -> list[tuple[str, int, int]]:
        """``(phase, first step, last step)`` in order of time."""
        spans, start = [], 0
        if self.fitting_end:
            spans.append(("fitting", 0, self.fitting_end.step))
            start = self.fitting_end.step
        if self.total_diffusion:
            spans += [("diffusion", start, self.total_diffusion.step), ("total diffusion", self.total_diffusion.step, self.last)]
        else:
            spans.append(("diffusion" if self.fitting_end or self.starts_below else "fitting", start, self.last))
        return spans

    @property
    def sequence(self) -> tuple[str, ...]:
        """Names of the phases in order of time."""
        return tuple(name for name, _, _ in self.spans())
