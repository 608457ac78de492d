"""Making a record small enough to publish, with a bound on what is lost.

A long history keeps one probe for each group of neighbours, the one whose SNR is the group's median, and beside it the
smallest and the largest value of every series in the group.  Histories are kept in float32, snapshots in fixed point, by
blocks.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .run import Run

__all__ = [
    "BITS",
    "BLOCK",
    "check_sizes",
    "compacted",
    "decode",
    "encode",
    "ends_with_its_state",
    "groups",
    "narrow",
    "rounded",
    "thin",
    "wide",
]

#: Bits that each value of a snapshot gets, for weights of the network and weights of RBA.
BITS = {"parameters": 16, "rba": 8}
#: Neighbours that share one scale.
BLOCK = 256


def check_sizes(rows: int, snapshots: int | None = None) -> None:
    """Say so where no run could be made compact like that.

    Raises:
        ValueError: fewer than 4 rows, fewer than 0 snapshots, or what is no whole number.
    """
    for name, value, least in (("rows", rows, 4), ("snapshots", 0 if snapshots is None else snapshots, 0)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} = {value!r}: give a whole number of at least {least}")


def groups(n: int, rows: int) -> np.ndarray:
    """First probe of each group, of ``n`` probes in at most ``rows`` groups.

    The first half of the groups and the last one hold one probe each, so that the early training, where probes are
    log-spaced, keeps all of them; the others hold equally many.

    Raises:
        ValueError: fewer than 4 rows.
    """
    check_sizes(rows)
    if n <= rows:
        return np.arange(n)
    alone = rows // 2
    size = -(-(n - 1 - alone) // (rows - 1 - alone))
    return np.unique(np.concatenate([np.arange(alone), np.arange(alone, n - 1, size), [n - 1]]))


def thin(
    history: dict[str, np.ndarray], rows: int, known: dict[str, np.ndarray] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A history of at most ``rows`` probes, and its extremes.

    Args:
        history: by name, ``(n_probes, ...)``; with ``"snr"``.
        rows: how many probes to keep.
        known: extremes of a history that was thinned before, ``(2, n_probes, ...)``.

    Returns:
        The kept probes, each as it was measured; and by name the smallest and largest value of each group,
        ``(2, n_kept, ...)``, empty where nothing was ever left out.
    """
    n, known = len(history["step"]), known or {}
    first = groups(n, rows)
    if len(first) == n:
        return dict(history), dict(known)
    last = np.append(first[1:], n)
    snr = np.nan_to_num(history["snr"], nan=np.inf)
    middle = [a + np.argsort(snr[a:b], kind="stable")[(b - a - 1) // 2] for a, b in zip(first, last, strict=True)]
    middle[-1] = n - 1
    kept = {name: values[middle] for name, values in history.items()}
    ends = {name: known.get(name, (values, values)) for name, values in history.items()}
    extremes = {
        name: np.stack([np.fmin.reduceat(low, first), np.fmax.reduceat(high, first)]) for name, (low, high) in ends.items()
    }
    return kept, extremes


def narrow(values: np.ndarray) -> np.ndarray:
    """A series as it is stored: float64 becomes float32, with a relative error of at most 6e-8; steps stay as they are."""
    return values.astype(np.float32) if values.dtype == np.float64 else values


def wide(values: np.ndarray) -> np.ndarray:
    """A stored series as it is worked with, in float64; steps stay as they are."""
    return values.astype(np.float64) if values.dtype == np.float32 else values


def rounded(values: np.ndarray) -> np.ndarray:
    """A series as it is after storing and loading."""
    return wide(narrow(values))


def encode(values: np.ndarray, bits: int) -> dict[str, np.ndarray]:
    """Values in fixed point: along the last axis each block of 256 has its own range, cut into 2^bits - 1 steps.

    Args:
        values: ``(..., n)``, finite.
        bits: 8 or 16.

    Returns:
        ``codes`` ``(..., n)``; ``low`` and ``span`` of each block ``(..., n_blocks)``, in the precision of ``values``.
        The error is at most half a step, span / (2^bits - 1) / 2.

    Raises:
        ValueError: some values are not finite numbers, or too far apart for their differences to be.
    """
    if not encodable(values):
        raise ValueError("some values are not finite numbers, or too far apart: keep this run as it is")
    parts = np.array_split(values, np.arange(BLOCK, values.shape[-1], BLOCK), axis=-1)
    low, high = (np.stack([end(part, axis=-1) for part in parts], axis=-1) for end in (np.min, np.max))
    span = high - low
    step = np.where(span > 0, span, 1.0).astype(np.float64) / (2**bits - 1)
    codes = np.rint((values - _spread(low, values)) / _spread(step, values))
    return {"codes": codes.astype(np.uint8 if bits == 8 else np.uint16), "low": low, "span": span}


def encodable(values: np.ndarray) -> bool:
    """Whether all values and their differences are finite numbers in their own precision."""
    largest = np.abs(values).max(initial=0.0).astype(np.float64)
    return bool(2.0 * largest <= np.finfo(values.dtype).max)  # false for nan


def decode(coded: dict[str, np.ndarray]) -> np.ndarray:
    """The inverse of :func:`encode`, up to half a step.

    Raises:
        ValueError: the blocks are not those of the codes, or not finite.
    """
    codes, low, span = coded["codes"], coded["low"], coded["span"]
    blocks = (*codes.shape[:-1], -(-codes.shape[-1] // BLOCK))
    if codes.dtype.kind != "u" or not low.shape == span.shape == blocks:  # each would become 256 numbers
        raise ValueError(f"codes of shape {codes.shape} have blocks of shape {low.shape}, and not {blocks}")
    if not (np.isfinite(low).all() and np.isfinite(span).all()):
        raise ValueError("some blocks are not finite numbers")
    top = np.iinfo(codes.dtype).max
    return (_spread(low, codes) + codes * (_spread(span.astype(np.float64), codes) / top)).astype(low.dtype)


def _spread(of_blocks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Each block's number for all of its values."""
    return np.repeat(of_blocks, BLOCK, axis=-1)[..., : values.shape[-1]]


def compacted(run: Run, rows: int, snapshots: int | None) -> Run:
    """See :meth:`pinnlib.Run.compacted`."""
    check_sizes(rows, snapshots)
    history, extremes = thin(run.history, rows, run.extremes)
    n = len(run.snapshots["step"])
    many = n if snapshots is None else min(snapshots, n)
    keep = np.unique(np.linspace(0, n - 1, many).round().astype(int)) if many > 1 else np.arange(n)[n - many :]
    shots = {name: values[keep] for name, values in run.snapshots.items()}
    for name, bits in BITS.items():
        shots[name] = decode(encode(shots[name], bits))
    state = {name: run.state[name] if many or name == "step" else run.state[name][:0] for name in ("step", *BITS)}
    small = dataclasses.replace(
        run,
        history={name: rounded(values) for name, values in history.items()},
        extremes={name: rounded(values) for name, values in extremes.items()},
        snapshots=shots,
        points=run.points if many else run.points[:0],
        state=state,
        compact=True,
    )
    if ends_with_its_state(small):
        for name in BITS:
            shots[name][-1] = small.state[name]
    return small


def ends_with_its_state(run: Run) -> bool:
    """Whether the last snapshot is of the last step."""
    return bool((run.snapshots["step"][-1:] == run.state["step"]).any())
