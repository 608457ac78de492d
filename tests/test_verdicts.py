"""The rule that turns counts into verdicts."""

import pytest

from pinnlib import verdicts


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ([True] * 5, "reproduced"),
        ([True] * 4 + [False], "reproduced"),
        ([True] * 3 + [False] * 2, "partly"),
        ([True] * 2 + [False] * 3, "partly"),
        ([True] + [False] * 4, "not"),
        ([False], "not"),
        ([], "not assessed"),
    ],
)
def test_rule(holds, verdict):
    claim = verdicts.Claim("a", "b", "c", holds)
    assert claim.verdict == verdict
    assert f"**{verdict}**" in verdicts.table([claim])


def test_spread_counts_what_is_missing():
    assert verdicts.spread([3.0, 1.0, 2.0]) == "2 (1 to 3)"
    assert verdicts.spread([3.0, None, 1.0]) == "2 (1 to 3, none in 1 of 3)"
    assert verdicts.spread([None, float("nan")]) == "none in 2"


def test_a_matrix_has_a_row_a_claim_and_a_column_a_benchmark():
    yes, no = verdicts.Claim("rises", "p", "h", [True] * 5), verdicts.Claim("falls", "p", "h", [False] * 4)
    assert verdicts.matrix({"A": [yes, no], "B": [yes]}).splitlines() == [
        "| claim | A | B |",
        "|---|---|---|",
        "| rises | **reproduced** 5/5 | **reproduced** 5/5 |",
        "| falls | **not** 0/4 |  |",
    ]


def test_a_verdict_names_the_scale_that_it_rests_on():
    small, plain = (
        verdicts.at([verdicts.Claim("a", "b", "c", [False])], verdicts.LAPTOP)[0],
        verdicts.Claim("a", "b", "c", [False]),
    )
    assert small.verdict == "not, at a laptop's size"
    assert plain.verdict == "not"
    assert "**not, at a laptop's size**" in verdicts.table([small])
    assert verdicts.Claim("a", "b", "c", [], scale=verdicts.LAPTOP).verdict == "not assessed"


@pytest.mark.parametrize(
    ("holds", "verdict"), [([True] * 5, "reproduced"), ([True, False], "cannot tell"), ([False], "cannot tell")]
)
def test_runs_that_end_too_soon_refute_nothing(holds, verdict):
    assert verdicts.Claim("a", "b", "c", holds, short=True).verdict == verdict


def test_an_open_question_has_no_other_verdict():
    for holds in ([True] * 5, [False] * 5, [True, False]):
        assert verdicts.Claim("a", "b", "c", holds, scale=verdicts.LAPTOP, open=True).verdict == "cannot tell"
    assert verdicts.Claim("a", "b", "c", [], open=True).verdict == "not assessed"
