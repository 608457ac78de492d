"""A progress bar on stderr that shows the last probe."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tqdm import tqdm

__all__ = ["bar", "show"]


def bar(steps: int, done: int, visible: bool) -> tqdm:
    """A bar of ``steps`` steps, ``done`` of them made before."""
    return tqdm(total=steps, initial=done, disable=not visible, file=sys.stderr, mininterval=0.5, unit="step", leave=False)


def show(on: tqdm, last: Mapping[str, float]) -> None:
    """Write the last probe behind the bar."""
    on.set_postfix(loss=f"{last['loss']:.2e}", rel_l2=f"{last['rel_l2']:.3g}", snr=f"{last['snr']:.2g}", refresh=False)
