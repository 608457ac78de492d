"""What a reader is told about an answer."""

import pytest

from pinnlib.book.exercises import check


@pytest.mark.parametrize(
    ("answer", "truth", "said"),
    [
        (None, 1.0, "No answer yet: write a number in place of None, and run both cells again."),
        (0.18, 0.1796, "Right: 0.18."),
        (0.3, 0.18, "Not yet: 0.3 is too large."),
        (-2, -1.0, "Not yet: -2 is too small."),
        (0.01, 0.0, "Right: 0."),
        ("many", 0.18, "An answer is one number, and 'many' is none."),
        (float("nan"), 0.18, "An answer is one number, and nan is none."),
    ],
)
def test_an_answer_gets_one_sentence(answer, truth, said, capsys):
    check(answer, truth)
    assert capsys.readouterr().out == said + "\n"
