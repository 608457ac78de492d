"""How often each distinct row of codes occurs: rows are told apart by 64-bit hashes, which are then checked.

Equal rows are found by sorting their hashes.  Then each row is compared with the next of its hash, so the result is exact; it
depends neither on the hash nor on the order of rows and columns.  All work is done on the codes' own device, in chunks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["counts", "distinct", "pack", "rows", "storage", "tally"]

# Elements worked on at a time, so that memory stays bounded.
_CHUNK = 2**20
# Hashes tried before the rows themselves are sorted.
_HASHES = 4


def rows(matrix: Tensor) -> int:
    """Samples in a chunk."""
    return max(1, _CHUNK // matrix.shape[1])


def storage(n: int, columns: int, largest: int, device: torch.device) -> Tensor:
    """Zeros of the smallest signed integers that hold ``largest``, ``(n, columns)`` and columns up to whole words of 8 bytes."""
    dtype = next(d for d in (torch.int8, torch.int16, torch.int32, torch.int64) if largest <= torch.iinfo(d).max)
    per_word = 8 // dtype.itemsize
    return torch.zeros(n, -(-columns // per_word) * per_word, dtype=dtype, device=device)


def pack(codes: Tensor | np.ndarray) -> Tensor:
    """Rows of whole numbers ``(n, columns)`` or ``(n,)`` as words ``(n, n_words)``, int64: equal words for equal rows.

    Raises:
        ValueError: numbers that are not whole, or no rows.
    """
    codes = codes if isinstance(codes, Tensor) else torch.from_numpy(np.array(codes))
    if codes.dtype.is_floating_point or codes.dtype.is_complex:
        raise ValueError(f"codes are of type {codes.dtype}: give whole numbers (int), one for each kind")
    codes = codes[:, None] if codes.ndim == 1 else codes
    if codes.ndim != 2 or not codes.numel():
        raise ValueError(
            f"codes have shape {tuple(codes.shape)}: give (n_samples,) or (n_samples, n_columns) with at least 1 of each"
        )
    codes = codes.to(torch.int8) if codes.dtype == torch.bool else codes
    per_word = 8 // codes.element_size()
    if codes.shape[1] % per_word or not codes.is_contiguous():
        codes = torch.nn.functional.pad(codes, (0, -codes.shape[1] % per_word)).contiguous()
    return codes.view(torch.int64)


def counts(codes: Tensor | np.ndarray) -> Tensor:
    """How often each distinct row occurs, in any order.

    Args:
        codes: whole numbers, ``(n_samples,)`` or ``(n_samples, n_columns)``.

    Returns:
        ``(n_distinct,)``, int64; its sum is the number of samples.
    """
    return tally(pack(codes))


def tally(words: Tensor) -> Tensor:
    """How often each distinct row of ``words`` ``(n, n_words)``, int64, occurs, in any order."""
    for seed in range(_HASHES):
        keys, order = _keys(words, _multipliers(words.shape[1], seed).to(words.device)).sort()
        if _agree(words, keys, order):
            return torch.unique_consecutive(keys, return_counts=True)[1]
    return torch.unique(words, dim=0, return_counts=True)[1]


def distinct(words: Tensor) -> tuple[Tensor, Tensor]:
    """One row number for each distinct row of ``words``, and for every row which of them it equals.

    Returns:
        first: ``(n_distinct,)``.
        inverse: ``(n,)``, such that ``words[first[inverse]]`` is ``words``.
    """
    for seed in range(_HASHES):
        keys, order = _keys(words, _multipliers(words.shape[1], seed).to(words.device)).sort()
        if _agree(words, keys, order):
            _, group = torch.unique_consecutive(keys, return_inverse=True)
            break
    else:
        _, inverse = torch.unique(words, dim=0, return_inverse=True)
        group, order = inverse.sort()
    inverse = torch.empty_like(group)
    inverse[order] = group
    first = torch.empty(int(group[-1]) + 1, dtype=torch.int64, device=words.device)
    first[group] = order  # any of the equal rows
    return first, inverse


def _agree(words: Tensor, keys: Tensor, order: Tensor) -> bool:
    """Whether rows of equal keys are equal: each is compared with the next, and so all of a run."""
    repeated = (keys[1:] == keys[:-1]).nonzero().flatten()
    return all(torch.equal(words[order[i]], words[order[i + 1]]) for i in repeated.split(rows(words)))


def _keys(words: Tensor, multipliers: Tensor) -> Tensor:
    """One 64-bit key a row of ``words`` ``(n_samples, n_words)``; equal rows have equal keys."""
    keys = torch.empty(len(words), dtype=torch.int64, device=words.device)
    first, second = multipliers
    for part, key in zip(words.split(rows(words)), keys.split(rows(words)), strict=True):
        mixed = part * first
        mixed ^= mixed >> 32  # a product carries upwards only: bring the high half down before the second
        torch.sum(mixed.mul_(second), dim=1, out=key)
    return keys


def _multipliers(n_words: int, seed: int) -> Tensor:
    """Odd 64-bit numbers, ``(2, n_words)``."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**63), 2**63 - 1, (2, n_words), generator=generator, device="cpu") | 1
