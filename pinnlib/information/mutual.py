r"""Mutual information of binned activations with the input and with a target.

.. math:: I(T; Y) = H(T) + H(Y) - H(T, Y) .

A deterministic network makes T a function of X.  Then H(T | X) = 0, and I(X; T) is H(T): the entropy of the codes, no more.
Without bins it would be infinite for a continuous X.  So the number says how well the bins tell the
samples apart (Saxe et al. 2018, Goldfeld et al. 2019).

With N samples no entropy exceeds log2 N.  Where H(T) is within half a bit of it the codes tell nearly all samples apart, and the
estimate says how many samples were given.  The same is true of I(T; Y) there: T tells the samples apart, so it predicts
any target, and random labels as well.  Both are then called saturated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .binnings import Rule, known
from .entropy import discrete_entropy
from .row_counts import pack, tally

__all__ = ["Estimate", "mutual_information"]

#: Bits under log2 N within which an estimate is called saturated.
MARGIN = 0.5


@dataclass(frozen=True)
class Estimate:
    """An estimate and what is needed to judge it; ``float(estimate)`` is its ``bits``.

    Attributes:
        bits: I(X; T) or I(T; Y).
        ceiling: log2 N, which no entropy of N samples exceeds, in bits.
        entropy: H(T) in bits.
        target_entropy: H(Y) in bits; None without a target.
        alone: share of the samples whose code no other sample has.
    """

    bits: float
    ceiling: float
    entropy: float
    target_entropy: float | None
    alone: float

    @property
    def saturated(self) -> bool:
        """Whether H(T) is within 0.5 bit of log2 N."""
        return self.entropy > self.ceiling - MARGIN

    def __float__(self) -> float:
        return self.bits

    def __str__(self) -> str:
        note = ", saturated" if self.saturated else ""
        return f"{self.bits:.2f} bits (log2 N = {self.ceiling:.2f}{note})"


@torch.no_grad()
def mutual_information(
    activations: Tensor | np.ndarray,
    targets: Tensor | np.ndarray | None = None,
    *,
    rule: Rule | None = None,
    target_rule: Rule | None = None,
) -> Estimate:
    """I(X; T) of a deterministic network, or I(T; Y) with targets, in bits, as the bins see them.

    Without targets it is H(T): T is a function of X, so nothing is left of T when X is known.

    Args:
        activations: T, ``(n_samples, n_neurons)``.
        targets: Y, ``(n_samples,)`` or ``(n_samples, n_fields)``.  Whole numbers (int, bool) are labels; real ones are binned.
        rule: of the bins of T; the paper's with 30 bins unless told.
        target_rule: of the bins of Y; that of T unless told.

    Returns:
        The estimate with log2 N beside it; ``0 <= I(T; Y) <= min(H(T), H(Y))``.

    Raises:
        ValueError: targets of another length, or as in :func:`binned_entropy`.
    """
    rule = known(rule)
    words = pack(rule.codes(activations))
    return estimate(words, None if targets is None else target_words(targets, len(words), target_rule or rule))


def target_words(targets: Tensor | np.ndarray, n: int, rule: Rule) -> Tensor:
    """Codes of the targets of n samples as words, ``(n, n_words)``.

    Raises:
        ValueError: targets that are not one row a sample, or that the rule does not take.
    """
    given = targets if isinstance(targets, Tensor) else torch.from_numpy(np.array(targets))
    if given.ndim not in (1, 2) or len(given) != n:
        shape = tuple(given.shape)
        raise ValueError(f"targets have shape {shape} for {n} samples: give one row a sample, ({n},) or ({n}, n_fields)")
    given = given.detach()[:, None] if given.ndim == 1 else given.detach()
    if not given.dtype.is_floating_point:
        return pack(given)
    try:
        return pack(known(rule).codes(given))
    except ValueError as error:
        raise ValueError(str(error).replace("activations", "targets", 1)) from None


def estimate(words: Tensor, target: Tensor | None = None, target_entropy: float | None = None) -> Estimate:
    """The estimate from codes packed into words, ``(n, n_words)`` each; H(Y) is counted unless given."""
    seen = tally(words)
    entropy, n = discrete_entropy(seen), len(words)
    alone, ceiling = int((seen == 1).sum()) / n, math.log2(n)
    if target is None:
        return Estimate(entropy, ceiling, entropy, None, alone)
    target_entropy = discrete_entropy(tally(target)) if target_entropy is None else target_entropy
    joint = discrete_entropy(tally(torch.cat([words, target.to(words.device)], dim=1)))
    bits = min(max(entropy + target_entropy - joint, 0.0), entropy, target_entropy)  # roundings apart, it is between these
    return Estimate(bits, ceiling, entropy, target_entropy, alone)
