"""What the callbacks of all libraries have in common."""

from __future__ import annotations

from ..monitor import Monitor

__all__ = ["Watching"]


class Watching:
    """A callback that makes a monitor when the training begins."""

    _monitor: Monitor | None = None

    @property
    def monitor(self) -> Monitor:
        """The monitor, with its history, phases, report and plot.

        Raises:
            ValueError: the training has not begun.
        """
        if self._monitor is None:
            raise ValueError("nothing was watched yet: give this callback to a training, and ask afterwards")
        return self._monitor
