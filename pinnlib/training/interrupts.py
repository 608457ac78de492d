"""Who may stop a training: Ctrl-C, here or in any of its processes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .distributed import World

__all__ = ["Interrupt", "interrupts"]


class Interrupt:
    """Whether somebody has asked to stop.

    Args:
        world: the processes of the run; they stop after the same step, when all have heard of it.
    """

    def __init__(self, world: World) -> None:
        self.world, self.here = world, threading.Event()

    @property
    def asked(self) -> bool:
        """Whether to stop before the coming step."""
        self.world.asked = self.here.is_set()
        return self.world.asked if self.world.size == 1 else self.world.agreed


@contextmanager
def interrupts(world: World) -> Iterator[Interrupt]:
    """Turn Ctrl-C into something that is looked at between steps; a second one interrupts at once."""
    interrupt = Interrupt(world)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: object) -> None:
        interrupt.here.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
