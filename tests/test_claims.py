"""The paper's claims on runs whose history was written by hand."""

import dataclasses

import numpy as np
import pytest

import pinnlib as pl
from pinnlib import claims, verdicts
from pinnlib.book import authors

STEP = np.array([0, *np.unique(np.geomspace(1, 10_000, 300).round().astype(int))])


@pytest.fixture(scope="module")
def blank():
    config = pl.Config(width=4, depth=1, points=8, data_points=8, batches=2, steps=1, device="cpu")
    return pl.train(pl.problems.Helmholtz(), config, progress=False)


def written(blank, seed, *, fitting, onset, end, order):
    """SNR 10, 0.1 and 10 with sharp boundaries; an error of 1 that falls to ``end`` within a tenth of a decade at the onset."""
    snr = np.where(fitting > STEP, 10.0, 0.1)
    if onset:
        snr = np.where(onset <= STEP, 10.0, snr)
    where = np.clip((np.log10(np.maximum(STEP, 1)) - np.log10(onset or 1e9)) / 0.1, 0.0, 1.0)
    history = {"step": STEP, "snr": snr, "rel_l2": end**where, "order_residual": np.full(len(STEP), order)}
    return dataclasses.replace(blank, config=dataclasses.replace(blank.config, seed=seed), history=history)


def test_what_is_read_from_a_run(blank):
    run = written(blank, 0, fitting=50, onset=1000, end=0.01, order=0.8)
    assert claims.of_phases(run).sequence == claims.PHASES
    assert claims.onset(run) == pytest.approx(1000, rel=0.05)
    assert claims.rise(run) < 1.2
    assert claims.steepest_fall(run) == pytest.approx(1000 * 10**0.05, rel=0.25)
    assert claims.homogeneity(run) == pytest.approx(0.8)
    assert claims.first_below(run, 0.5) == pytest.approx(1040, rel=0.05)
    assert claims.first_below(run, 1e-3) is None
    without = written(blank, 0, fitting=50, onset=None, end=1.0, order=0.8)
    assert claims.onset(without) is None
    assert claims.rise(without) is None


def test_verdicts_by_hand(blank):
    vanilla = [written(blank, s, fitting=50, onset=5000, end=0.1, order=0.5) for s in range(5)]
    rba = [written(blank, s, fitting=50, onset=1000 if s else 8000, end=0.01, order=0.9) for s in range(5)]
    found = claims.summary(vanilla, rba, {"onset": "1,000 against 19,000"}, (2_000, 10_000))
    by_text = {claim.text: claim for claim in found}
    assert by_text["three phases, in this order"].verdict == "reproduced"
    accuracy = by_text["RBA is more accurate at equal steps"]
    assert list(accuracy.holds) == [False, True, True, True, True]  # seed 0 has not begun at step 2,000
    assert "10 (8.67 to 10) times at step 10,000" in accuracy.here  # that of seed 0 has not ended its fall
    earlier = by_text["RBA's SNR rises earlier"]
    assert list(earlier.holds) == [False, True, True, True, True]
    assert earlier.paper == "1,000 against 19,000"
    assert by_text["residuals are more homogeneous with RBA"].verdict == "reproduced"
    assert by_text["the error falls fastest at that rise"].verdict == "reproduced"
    with pytest.raises(ValueError, match="different seeds: give them in pairs"):
        claims.summary(vanilla[1:], rba[:-1], {}, (100,))


def test_a_changed_record_changes_the_scorecard(blank):
    """The matrix of verdicts is made from the runs: exchange the two kinds, and what RBA gained it loses."""
    vanilla = [written(blank, s, fitting=50, onset=5000, end=0.1, order=0.5) for s in range(5)]
    rba = [written(blank, s, fitting=50, onset=1000, end=0.01, order=0.9) for s in range(5)]
    one, other = (
        verdicts.matrix({"made up": claims.summary(*kinds, {}, (10_000,))}) for kinds in ((vanilla, rba), (rba, vanilla))
    )
    row = "| residuals are more homogeneous with RBA | "
    assert row + "**reproduced** 5/5 |" in one
    assert row + "**not** 0/5 |" in other
    few = [dataclasses.replace(rba[0], history=rba[0].history | {"rel_l2": np.ones(len(STEP))}), *rba[1:]]
    changed = verdicts.matrix({"made up": claims.summary(vanilla, few, {}, (10_000,))})
    assert "more accurate at equal steps | **reproduced** 4/5 |" in changed


def test_shares_by_hand(blank):
    def runs(*ends):
        return [written(blank, seed, fitting=50, onset=1000, end=end, order=0.5) for seed, end in enumerate(ends)]

    vanilla, rba = runs(1.0, 0.1, 0.1), runs(0.01, 0.001, 0.095)
    assert claims.shares(vanilla, runs(0.1, 0.1, 0.05), rba, 10_000) == pytest.approx([0.5, 0.0])  # seed 2 gains too little
    assert claims.shares(vanilla, runs(1e-3, 0.2, 0.1), rba, 10_000) == pytest.approx([1.5, -np.log10(2) / 2])
    assert claims.shares(vanilla, rba, rba, 10_000) == pytest.approx([1.0, 1.0])
    assert claims.shares(vanilla, rba, rba, 100) == []  # nothing has happened yet
    with pytest.raises(ValueError, match="different seeds: give them in triples"):
        claims.shares(vanilla, rba[:2], rba, 100)


def test_runs_that_end_before_the_authors_step_do_not_count_for_the_rise(blank):
    def at_step(run, step):
        return dataclasses.replace(run, state=run.state | {"step": np.array(step)})

    vanilla = [at_step(written(blank, s, fitting=50, onset=None, end=0.5, order=0.5), 10_000) for s in range(5)]
    rba = [at_step(written(blank, s, fitting=50, onset=1000, end=0.01, order=0.9), 10_000) for s in range(5)]

    def words(draws, runs=(vanilla, rba)):
        found = claims.summary(*runs, {}, (10_000,), draws=draws)
        return {claim.text: (claim.verdict, len(claim.holds)) for claim in found}

    everything = words((0, 0))
    assert everything["SNR rises above 1 again"] == ("partly", 10)
    late = words((90_000, 1_000))
    assert late["SNR rises above 1 again"] == ("reproduced", 5)
    assert late["three phases, in this order"] == ("reproduced", 5)
    assert late["RBA is more accurate at equal steps"] == ("reproduced", 5)
    near = words((90_000, 9_000))  # the rise could be seen, a stay after it not
    assert near["SNR rises above 1 again"] == ("reproduced", 5)
    assert near["and stays there for a stretch: total diffusion"] == ("cannot tell", 10)
    unknown = words(None, (vanilla, vanilla))
    assert unknown["SNR rises above 1 again"] == ("cannot tell", 10)
    assert unknown["residuals are more homogeneous with RBA"] == ("not", 5)


def test_every_claim_of_a_summary_names_its_scale(blank):
    runs = [written(blank, s, fitting=50, onset=1000, end=0.01, order=0.9) for s in range(2)]
    for claim in claims.summary(runs, runs, {}, (10_000,), scale=verdicts.LAPTOP):
        assert claim.verdict.endswith(", at a laptop's size") or claim.verdict == "cannot tell"
        assert claim.scale == verdicts.LAPTOP


@pytest.mark.parametrize(("fall", "holds"), [(420, False), (580, True), (2_000, True), (2_200, False)])
def test_the_error_falls_at_the_rise_within_a_factor_of_two(blank, fall, holds):
    """The SNR rises at step 1,023, the error falls fastest near ``fall``."""
    run = written(blank, 0, fitting=50, onset=1000, end=0.01, order=0.5)
    other = written(blank, 0, fitting=50, onset=fall, end=0.01, order=0.5)
    run = dataclasses.replace(run, history=run.history | {"rel_l2": other.history["rel_l2"]})
    assert claims.steepest_fall(run) == pytest.approx(fall, rel=0.06)
    (claim,) = (c for c in claims.summary([run], [run], {}, (10_000,)) if c.text == "the error falls fastest at that rise")
    assert list(claim.holds) == [holds, holds]


@pytest.mark.parametrize(("span", "holds"), [(1.9, True), (2.1, False)])
def test_a_rise_spans_less_than_a_factor_of_two_which_does_not_show_that_it_is_abrupt(blank, monkeypatch, span, holds):
    run = written(blank, 0, fitting=50, onset=1000, end=0.01, order=0.5)
    monkeypatch.setattr(claims, "rise", lambda run: span)
    (claim,) = (c for c in claims.summary([run], [run], {}, (10_000,)) if c.text == "that rise is abrupt")
    assert list(claim.holds) == [holds, holds]
    assert claim.verdict == "cannot tell"


def test_published_series_are_judged_by_the_same_rules_and_by_all_their_probes():
    """Their order parameter is another one."""
    kinds = [[authors.series(f"allen_cahn_{kind}")] for kind in ("vanilla", "rba")]
    found = {claim.text: claim for claim in claims.summary(*kinds, {}, (15_000, 30_000), draws=(91_700, 11_100))}
    assert found["three phases, in this order"].holds == [False, True]  # by the parts alone both would have them
    assert found["RBA is more accurate at equal steps"].holds == [True]
    assert [claims.onset(one) for (one,) in kinds] == [59_400, 3_200]
    assert "residuals are more homogeneous with RBA" not in found
    assert "RBA's SNR rises earlier" in found
    alike = claims.summary(*kinds, {}, (15_000,), draws=(20_000, 20_000))
    assert "RBA's SNR rises earlier" not in {claim.text for claim in alike}  # where the authors draw the same step
    short = claims.summary(*kinds, {}, (15_000,), draws=(400_000, 400_000))  # as if they ended before
    assert {c.verdict for c in short if c.text == "SNR rises above 1 again"} == {"reproduced"}  # a yes still counts


def test_the_residual_has_fallen(blank):
    loss = np.geomspace(1.0, 1e-2, len(STEP))
    run = dataclasses.replace(blank, history={"step": STEP, "loss_residual": loss})
    at = claims.residual_fallen(run)
    assert at == STEP[np.flatnonzero(loss < 0.1)[0]]
    assert claims.residual_fallen(run, by=at - 1) is None
    assert claims.residual_fallen(run, by=at) == at
