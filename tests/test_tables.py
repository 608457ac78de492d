"""Tables and stamps that the chapters share, letter by letter."""

from types import SimpleNamespace

import matplotlib as mpl
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt

import pinnlib as pl
from pinnlib import figures, verdicts

ORIGIN = "vanilla, 8 x 2 tanh, 64 points, 10 steps, "


def test_a_table_has_a_line_a_row():
    assert verdicts.markdown(("step", "", "error"), [(1, "a", "0.5"), ("2,000", "", "0.1")]).splitlines() == [
        "| step | | error |",
        "|---|---|---|",
        "| 1 | a | 0.5 |",
        "| 2,000 |  | 0.1 |",
    ]
    assert verdicts.markdown(["one"], []) == "| one |\n|---|"


@pytest.mark.parametrize("row", [("a",), ("a", "b", "c")])
def test_a_row_must_fit_its_head(row):
    with pytest.raises(ValueError, match="give one cell a column"):
        verdicts.markdown(("x", "y"), [row])


def test_claims_in_their_table():
    claims = [verdicts.Claim("rises", "p", "h", [True, False]), verdicts.Claim("falls", "p", "h", [])]
    assert verdicts.table(claims).splitlines() == [
        "| claim | paper | here | runs that show it | verdict |",
        "|---|---|---|---|---|",
        "| rises | p | h | 1 of 2 | **partly** |",
        "| falls | p | h | none made | **not assessed** |",
    ]


@pytest.fixture(scope="module")
def run():
    config = pl.Config(width=8, depth=2, points=64, data_points=8, batches=4, steps=10, seed=3, device="cpu")
    return pl.train(pl.problems.Helmholtz(a=(1, 1)), config, progress=False)


def stamped(shown, **options):
    fig = plt.figure()
    figures.stamp(fig, shown, **options)
    text = fig.get_supxlabel()
    plt.close(fig)
    return text


def of_seeds(*seeds):
    return [
        SimpleNamespace(config=pl.Config(width=8, depth=2, points=64, batches=4, steps=10, seed=seed, device="cpu"))
        for seed in seeds
    ]


def test_a_stamp_says_a_text_or_a_record(run):
    assert stamped("reference, Re = 100") == "reference, Re = 100"
    assert stamped(run) == f"record: {ORIGIN}seed 3"
    assert stamped(run, also=", thinned") == f"record: {ORIGIN}seed 3, thinned"


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ((0,), "seed 0"),
        ((0, 1), "seeds 0 to 1"),
        ((0, 1, 2, 3, 4), "seeds 0 to 4"),
        ((2, 0, 1), "seeds 0 to 2"),
        ((0, 2, 3), "seeds 0, 2, 3"),
        ((3, 3), "seed 3"),
        ((1, 10), "seeds 1, 10"),
    ],
)
def test_a_stamp_counts_the_seeds(seeds, words):
    assert stamped(of_seeds(*seeds)) == f"records: {ORIGIN}{words}"
    assert stamped(of_seeds(*seeds), also=", and Allen-Cahn") == f"records: {ORIGIN}{words}, and Allen-Cahn"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_pair_shows_each_run_under_its_name(run):
    fig, axes = figures.snr_pair({"vanilla": run, "RBA": run})
    assert [ax.get_title(loc="left") for ax in axes] == ["vanilla", "RBA"]
    for ax, name in zip(axes, ("vanilla", "RBA"), strict=True):
        raw = next(line for line in ax.lines if line.get_label() == "raw")
        assert raw.get_ydata().tolist() == run.history["snr"].tolist()
        assert raw.get_color() == figures.COLOURS[name]
    assert len(fig.legends) == 1
    plt.close(fig)
