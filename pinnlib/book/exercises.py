"""Exercises that check themselves: a reader's answer beside the truth, which the chapter computes."""

import math


def check(answer: float | None, truth: float, *, within: float = 0.05) -> None:
    """Print whether an answer is right, as one sentence.

    Args:
        answer: the reader's number, or None while there is none.
        truth: what the chapter has computed.
        within: how far off a right answer may be, relative to the truth; absolute where the truth is zero.
    """
    if answer is None:
        print("No answer yet: write a number in place of None, and run both cells again.")
        return
    try:
        value = float(answer)
    except (TypeError, ValueError):
        value = math.nan
    if math.isnan(value):
        print(f"An answer is one number, and {answer!r} is none.")
    elif abs(value - truth) <= within * (abs(truth) or 1.0):
        print(f"Right: {truth:.3g}.")
    else:
        print(f"Not yet: {value:.3g} is too {'large' if value > truth else 'small'}.")
