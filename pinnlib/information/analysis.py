"""A whole run through the estimators: every snapshot, every hidden layer; numbers only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models import activations
from ..runs import Run
from . import paper_binning
from .binnings import Rule, known
from .entropy import column_entropy, discrete_entropy
from .mutual import MARGIN, estimate, target_words
from .row_counts import pack, tally
from .saturating import saturation

__all__ = ["Analysis", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """What was measured; arrays are ``(n_snapshots, n_layers)`` of the hidden layers unless said otherwise.

    Attributes:
        step: steps of the snapshots, ``(n_snapshots,)``.
        rule: of the bins.
        input_information: I(X; T) = H(T) in bits.
        target_information: I(T; Y) in bits; nan without targets.
        dimension_wise_entropy: mean over neurons of their own entropy, in bits.
        saturation_range: percent, by the paper's range-bins.
        saturation_bounds: percent, by the activation's own bounds.
        alone: share of the samples whose code no other sample has.
        ceiling: log2 N in bits.
        target_entropy: H(Y) in bits; nan without targets.
    """

    step: np.ndarray
    rule: Rule
    input_information: np.ndarray
    target_information: np.ndarray
    dimension_wise_entropy: np.ndarray
    saturation_range: np.ndarray
    saturation_bounds: np.ndarray
    alone: np.ndarray
    ceiling: float
    target_entropy: float

    @property
    def saturated(self) -> np.ndarray:
        """Where I(X; T) is within 0.5 bit of log2 N, ``(n_snapshots, n_layers)``, bool."""
        return self.input_information > self.ceiling - MARGIN


@torch.no_grad()
def analyse(
    run: Run,
    points: Tensor | np.ndarray,
    targets: Tensor | np.ndarray | None = None,
    *,
    rule: Rule | None = None,
    target_rule: Rule | None = None,
    bins: int = 30,
    threshold: float = 0.95,
    snapshots: Sequence[int] | None = None,
    transform: Callable[[Tensor], Tensor] | None = None,
) -> Analysis:
    """Information and saturation of a run's hidden layers at given points.

    Args:
        run: with snapshots.
        points: X, ``(n_points, n_coordinates)``.
        targets: Y, one row a point, as in :func:`mutual_information`; for example ``problem.solution(points)``.
        rule: of the bins of T; the paper's with 30 bins unless told.
        target_rule: of the bins of Y; that of T unless told.
        bins: of the saturation by range.
        threshold: of the saturation by bounds.
        snapshots: their numbers; all unless told.
        transform: what to do to a layer's activations before they are measured; for example
            ``functools.partial(shuffle_neurons, seed=0)``.

    Raises:
        ValueError: a run without snapshots, or as in :func:`mutual_information`.
    """
    rule, steps = known(rule), np.asarray(run.snapshots["step"])
    chosen = range(len(steps)) if snapshots is None else [int(k) for k in snapshots]
    if not len(chosen):
        raise ValueError("the run has no snapshots to analyse: train with Config(snapshots=...) above 0")
    paper_binning.tensor(points)
    n = len(points)
    target = None if targets is None else target_words(targets, n, target_rule or rule)
    target_entropy = None if target is None else discrete_entropy(tally(target))
    rows = []
    for k in chosen:
        model = run.model(k)
        row = []
        for layer in activations(model, points):
            t = layer if transform is None else transform(layer)
            codes = rule.codes(t)
            found = estimate(pack(codes), target, target_entropy)
            row.append(
                (
                    found.entropy,
                    math.nan if target is None else found.bits,
                    float(column_entropy(codes).mean()),
                    saturation(t, bins=bins),
                    saturation(t, by="bounds", threshold=threshold, bounds=model.activation.name),
                    found.alone,
                )
            )
        rows.append(row)
    information, target_information, own, by_range, by_bounds, alone = np.array(rows).transpose(2, 0, 1)
    return Analysis(
        step=steps[list(chosen)],
        rule=rule,
        input_information=information,
        target_information=target_information,
        dimension_wise_entropy=own,
        saturation_range=by_range,
        saturation_bounds=by_bounds,
        alone=alone,
        ceiling=math.log2(n),
        target_entropy=math.nan if target_entropy is None else target_entropy,
    )
