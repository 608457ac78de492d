"""The paper's claims that every benchmark is asked about, turned into a yes or no for each run by fixed rules.

All that is said of phases comes from the SNR alone.  *When* it first rises above O(1) again is read by
:mod:`pinnlib.phases.crossings`; whether it stays there, so that there is a *phase*, is asked by
:func:`pinnlib.phases.detector.detect`, whose false alarms are known.  "Abrupt" is a first rise whose interval spans less than
a factor of 2 in steps; most first rises in series without phases are that too, so its verdict is *cannot tell*.  "Homogeneous"
is the order of the residual, averaged over the second half of the training; the paper takes the order of the RBA weights,
which vanilla runs do not use.  The error "falls fastest" where the slope of log error against log step, over a quarter of a
decade, is steepest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from .. import phases
from ..phases import crossings
from ..runs import Run
from .scorecard import Claim, at, spread

__all__ = [
    "PHASES",
    "Course",
    "first_below",
    "homogeneity",
    "of_crossings",
    "of_phases",
    "onset",
    "residual_fallen",
    "rise",
    "shares",
    "steepest_fall",
    "summary",
]

PHASES = ("fitting", "diffusion", "total diffusion")


class Course(Protocol):
    """What has curves: a run, or the parts of a published series (:class:`pinnlib.book.authors.Series`).

    A published series also has ``whole_phases`` and ``whole_crossings``, read from probes that are not in its parts.
    """

    @property
    def history(self) -> Mapping[str, np.ndarray]:
        """``step``, ``snr``, ``rel_l2`` and, where it was measured, ``order_residual``; ``(n_probes,)`` each."""


def of_phases(run: Course) -> phases.Phases:
    """A run's phases; those of a published series are read from all of its probes, and not from its parts."""
    return getattr(run, "whole_phases", None) or phases.detect(run.history["step"], run.history["snr"])


def of_crossings(run: Course) -> phases.Phases:
    """Where a run's SNR first falls through 1, and first rises again, in the form of phases; see :func:`of_phases`."""
    return getattr(run, "whole_crossings", None) or crossings.first(run.history["step"], run.history["snr"])


def onset(run: Course) -> int | None:
    """Step at which the SNR first rises above 1, after it was below; None where it does not."""
    found = of_crossings(run).total_diffusion
    return None if found is None else found.step


def rise(run: Course) -> float | None:
    """Factor in steps that the interval of that rise spans; None where there is none."""
    found = of_crossings(run).total_diffusion
    return None if found is None else found.high / max(found.low, 1)


def first_below(run: Course, level: float) -> int | None:
    """First probe whose relative L2 error is below ``level``; None where none is."""
    below = run.history["step"][run.history["rel_l2"] < level]
    return int(below[0]) if len(below) else None


def residual_fallen(run: Course, *, by: int | None = None) -> int | None:
    """First probe, up to step ``by``, whose unweighted residual loss is a tenth of that at the start; None where none is."""
    step, loss = run.history["step"], run.history["loss_residual"]
    below = step[(loss < 0.1 * loss[0]) & (step <= (np.inf if by is None else by))]
    return int(below[0]) if len(below) else None


def homogeneity(run: Course) -> float:
    """Order of the residual, averaged over the second half of the training."""
    step = run.history["step"]
    return float(run.history["order_residual"][step >= step[-1] / 2].mean())


def steepest_fall(run: Course) -> float:
    """Step, after the tenth, at which log error falls fastest against log step, over a quarter of a decade."""
    step, error = run.history["step"], run.history["rel_l2"]
    late = (step > 10) & np.isfinite(error)
    x, y = np.log10(step[late]), np.log10(error[late])
    slope = np.interp(x + 0.125, x, y) - np.interp(x - 0.125, x, y)
    inside = (x - 0.125 >= x[0]) & (x + 0.125 <= x[-1])
    return float(10 ** x[inside][np.argmin(slope[inside])])


def shares(vanilla: Sequence[Run], control: Sequence[Run], rba: Sequence[Run], step: int) -> list[float]:
    """How much of RBA's gain over vanilla a control has, in decades of the relative L2 error at ``step``.

    0 is no better than vanilla, 1 as good as RBA.  One number a seed, of those where RBA is more accurate than vanilla by more
    than a tenth; elsewhere there is no gain to share.

    Raises:
        ValueError: the three kinds are not of the same seeds.
    """
    if len({tuple(run.config.seed for run in runs) for runs in (vanilla, control, rba)}) > 1:
        raise ValueError("vanilla, control and RBA runs are of different seeds: give them in triples")
    plain, own, best = (np.log10([run.at(step)["rel_l2"] for run in runs]) for runs in (vanilla, control, rba))
    gains = plain - best > np.log10(1.1)
    return [float(share) for share in ((plain - own)[gains] / (plain - best)[gains])]


def summary(
    vanilla: Sequence[Course],
    rba: Sequence[Course],
    paper: Mapping[str, str],
    moments: Sequence[int],
    *,
    scale: str = "",
    draws: tuple[int, int] | None = (0, 0),
) -> list[Claim]:
    """The claims about one benchmark.

    Args:
        vanilla: runs without weights, one a seed; or published series.
        rba: runs with residual-based attention, of the same seeds.
        paper: what the paper or its authors' runs say, by the keys ``phases``, ``accuracy``, ``onset``; what is missing is
            said to be without a number.
        moments: steps at which the errors are compared; the last one is quoted.
        scale: of the runs, if it is not the authors', such as :data:`pinnlib.book.scorecard.LAPTOP`; every verdict names it.
        draws: steps at which the authors draw the start of total diffusion, vanilla and RBA.  Runs that end before do not count
            for the claims on that rise, and those that end less than 0.4 decades after it not for the phase, since the strict
            rule may ask for so long a stay.  None: the authors give no step that these runs could be held against.  Where no
            run is left, such a claim can be reproduced, and else nobody can tell.

    Raises:
        ValueError: the two kinds are not of the same seeds.
    """
    seeds = [[run.config.seed if isinstance(run, Run) else None for run in runs] for runs in (vanilla, rba)]
    if seeds[0] != seeds[1]:
        raise ValueError("vanilla runs and RBA runs are of different seeds: give them in pairs")
    both, pairs, last = [*vanilla, *rba], list(zip(vanilla, rba, strict=True)), moments[-1]
    ends = [end for end, runs in zip(draws or (np.inf, np.inf), (vanilla, rba), strict=True) for _ in runs]

    def counted(stay: float) -> tuple[list[int], bool]:
        """Runs that go on for ``stay`` times the authors' step, or all; and whether there was none."""
        long = [k for k, (run, end) in enumerate(zip(both, ends, strict=True)) if run.history["step"][-1] >= stay * end]
        return long or list(range(len(both))), not long

    (rising, no_rise), (staying, no_stay) = counted(1.0), counted(10**0.4)
    said = {"phases": "yes, no number", "accuracy": "yes, no number", "onset": "yes, no number"} | dict(paper)
    ordered = {name: sum(of_phases(run).sequence == PHASES for run in runs) for name, runs in (("v", vanilla), ("r", rba))}
    ratio = [_error(v, last) / _error(r, last) for v, r in pairs]
    starts = [[onset(run) for run in runs] for runs in (rba, vanilla)]
    falls = [steepest_fall(run) for run in both]
    rises = [rise(run) for run in both]
    stays = [of_phases(run).total_diffusion is not None for run in both]
    spans = f"interval of the rise spans a factor of {spread(rises, '.3g')} in steps" if any(rises) else f"no rise in {len(both)}"
    same_step = draws is not None and draws[0] == draws[1] > 0  # where the authors draw it, they do not claim that one is earlier
    earlier = Claim(
        "RBA's SNR rises earlier",
        said["onset"],
        f"first rise {spread(starts[0], ',.0f')} against {spread(starts[1], ',.0f')}",
        [a is not None and (b is None or a < b) for a, b in zip(*starts, strict=True)],
        short=no_rise,
    )
    found = [
        Claim(
            "three phases, in this order",
            said["phases"],
            f"RBA {ordered['r']} of {len(rba)}; vanilla {ordered['v']} of {len(vanilla)}",
            [of_phases(both[k]).sequence == PHASES for k in staying],
            short=no_stay,
        ),
        Claim(
            "RBA is more accurate at equal steps",
            said["accuracy"],
            f"{spread(ratio)} times at step {last:,}",
            [all(_error(r, m) < _error(v, m) for m in moments) for v, r in pairs],
        ),
        Claim(
            "SNR rises above 1 again",
            "yes, no number",
            f"first rise in {sum(r is not None for r in rises)} of {len(both)}",
            [rises[k] is not None for k in rising],
            short=no_rise,
        ),
        Claim(
            "and stays there for a stretch: total diffusion",
            "yes, no number",
            f"found in {sum(stays)} of {len(both)}",
            [stays[k] for k in staying],
            short=no_stay,
        ),
        *([] if same_step else [earlier]),
        Claim(
            "that rise is abrupt",
            "yes, no number",
            spans,
            [(rises[k] or np.inf) < 2.0 for k in rising],
            short=no_rise,
            open=True,  # in series without phases the interval is as narrow
        ),
        Claim(
            "the error falls fastest at that rise",
            "yes, no number",
            f"steepest at {spread(falls[len(vanilla) :], ',.0f')} (RBA) and {spread(falls[: len(vanilla)], ',.0f')} (vanilla)",
            [_near(onset(both[k]), falls[k]) for k in rising],
            short=no_rise,
        ),
    ]
    if all("order_residual" in run.history for run in both):
        even, uneven = ([homogeneity(run) for run in runs] for runs in (rba, vanilla))
        found.append(
            Claim(
                "residuals are more homogeneous with RBA",
                "yes, no number",
                f"order {spread(even)} against {spread(uneven)}",
                [a > b for a, b in zip(even, uneven, strict=True)],
            )
        )
    return at(found, scale)


def _error(run: Course, step: int) -> float:
    """Of the probe nearest to a step."""
    return float(run.history["rel_l2"][np.argmin(np.abs(run.history["step"] - step))])


def _near(a: int | None, b: float) -> bool:
    """Within a factor of 2."""
    return a is not None and max(a / b, b / a) <= 2.0
