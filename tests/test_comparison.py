"""pl.compare: verdicts by hand-made ratios, and real trainings that are resumed, stopped, lost and foreign."""

import dataclasses
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.comparison import Comparison, Verdict, measures, trying, verdict
from pinnlib.training import sweep

CONFIG = pl.Config(
    width=8, depth=2, points=64, data_points=2, batches=8, steps=30, snapshots=4, probe_every=10, device="cpu", compile=False
)


class Slab(pl.Problem):
    """u'' = u - force on [0, 1] with u = 0 at both ends; a formula in an attribute may be a lambda."""

    coordinates = ("x",)
    fields = ("u",)
    domain = ((0.0, 1.0),)
    partials = ("u", "u_xx")

    def __init__(self, force=None, k=1.0):
        self.force, self.k = force or (lambda x: torch.ones_like(x)), k

    def residual(self, points, d):
        return d.u_xx - self.k * d.u + self.force(points[..., 0])

    def data(self, n, seed):
        return np.array([[0.0], [1.0]]), np.zeros((2, 1))


class Known(Slab):
    def reference(self, points):
        return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)


class FailsAtSeedOne(Known):
    mended = False

    def data(self, n, seed):
        if seed == 1 and not self.mended:
            raise ZeroDivisionError("a fault of its own")
        return super().data(n, seed)


def known(**settings):
    """Its lambda can be sent; its generator cannot, so that it is trained in this process, which takes no time."""
    problem = Known(**settings)
    problem.unsendable = (k for k in ())
    return problem


def compared(problem, *arguments, **named):
    with pytest.warns(UserWarning, match=r"cannot be sent to another process .*: its runs are trained in this one"):
        return pl.compare(problem, *arguments, progress=False, **named)


def same(a, b):
    return np.array_equal(a.state["parameters"], b.state["parameters"])


# ---- the verdict


@pytest.mark.parametrize(
    ("ratios", "word", "reason"),
    [
        ([0.1, 0.5, 0.7, 0.9, 0.99], "helps", "all 5 ratios lie below 1, and their median below 0.8"),
        ([0.0, 0.0, 0.7, 0.9, 0.99], "helps", "below 0.8"),  # where the baseline diverged
        ([1.01, 1.1, 1.3, 2.0, 9.0], "harms", "all 5 ratios lie above 1, and their median above 1.25"),
        ([1.01, 1.1, 1.3, 2.0, math.inf], "harms", "above 1.25"),
        ([0.8, 0.9, 1.0, 1.1, 1.25], "no difference larger than 25%", "all 5 ratios lie from 0.8 to 1.25"),
        ([0.81, 0.85, 0.9, 0.95, 0.99], "no difference larger than 25%", "from 0.8 to 1.25"),
        ([0.1, 0.1, 0.1, 0.1, 1.01], "cannot tell", "the 5 ratios do not all lie on one side of 1"),
        ([0.1, 0.1, 0.1, 0.1, 1.0], "cannot tell", "one side of 1"),
        ([9.0, 9.0, 9.0, 9.0, 0.99], "cannot tell", "one side of 1"),
        ([0.5, 0.7, 0.81, 0.9, 0.99], "cannot tell", "one side of 1, but their median is between 0.8 and 1.25"),
        ([1.1, 1.1, 1.2, 1.3, 1.4], "cannot tell", "but their median"),
        ([0.1] * 4, "cannot tell", "a verdict needs at least 5 seeds, and not 4"),
        ([1.0] * 4, "cannot tell", "at least 5 seeds"),
        ([0.1, 0.1, 0.1, 0.1, math.nan], "cannot tell", "both runs diverged with 1 of 5 seeds"),
        ([0.1, 0.1, 0.1, 0.1, math.inf], "cannot tell", "one side of 1"),
        ([0.1] * 9, "helps", "all 9"),
    ],
)
def test_every_word(ratios, word, reason):
    found = verdict(ratios)
    assert found.word == word
    assert reason in found.reason


@pytest.mark.parametrize("ratios", [[], [1.0, -1.0]])
def test_ratios_that_are_none(ratios):
    with pytest.raises(ValueError, match=r"give one a seed, at least one, and none below 0"):
        verdict(ratios)


def fake(seed, errors, steps=(0, 10, 63, 64, 80, 100), **changes):
    """A run with these errors, and nothing else."""
    config = dataclasses.replace(CONFIG, seed=seed, steps=100, **changes)
    steps = np.array(steps[: len(errors)])
    history = {"step": steps, "rel_l2": np.array(errors, dtype=float), "snr": np.ones(len(steps))}
    return pl.Run(
        config,
        None,
        {"name": "known", "settings": {"k": 1.0}},
        history,
        np.empty((0, 1)),
        {},
        {"step": steps[-1]},
        provenance={"wall_time": 2.0 + seed},
    )


def level(seed, error, **changes):
    return fake(seed, [9.0, 9.0, 9.0, error, error, error], **changes)


def made(*ratios, base=(1.0, 2.0, 4.0, 8.0, 16.0)):
    """Rules whose errors are the baseline's times these ratios."""
    return {"base": [level(k, e) for k, e in enumerate(base)]} | {
        f"rule {n}": [level(k, e * own[k]) for k, e in enumerate(base)] for n, own in enumerate(ratios)
    }


def test_a_burst_at_the_end_does_not_decide():
    """The last fifth of a decade before step 100 begins at 63.1."""
    runs = {"a": [fake(0, [9.0, 9.0, 1e9, 2.0, 3.0, 1e6])], "b": [fake(0, [9.0, 9.0, 0.0, 6.0, 0.1, 60.0])]}
    found = Comparison(runs)
    assert found.measures[0].ends == {"a": [3.0], "b": [6.0]}
    assert found.measures[0].ratios == {"b": [2.0]}


def test_rules_are_paired_by_seed_with_the_baseline():
    found = Comparison(made([0.5, 0.6, 0.7, 0.5, 0.9], [1.0, 1.1, 0.9, 1.2, 0.81], [3.0, 0.5, 0.5, 0.5, 0.5]))
    assert found.measures[0].ratios["rule 0"] == pytest.approx([0.5, 0.6, 0.7, 0.5, 0.9])
    words = {label: one.word for label, one in found.verdicts.items()}
    assert words == {"rule 0": "helps", "rule 1": "no difference larger than 25%", "rule 2": "cannot tell"}
    base, first, _, third = found.table()
    assert base | {"rule": "base", "ratio": None, "smaller": None, "verdict": None} == base
    assert (base["error"], base["error_least"], base["error_largest"]) == (4.0, 1.0, 16.0)
    assert (first["ratio"], first["ratio_least"], first["ratio_largest"]) == pytest.approx((0.6, 0.5, 0.9))
    assert (first["smaller"], third["smaller"], first["seconds"], first["onset"], first["onsets"]) == (5, 4, 4.0, None, 0)
    assert all(type(value) in (str, int, float, type(None)) for row in found.table() for value in row.values())
    text = str(found)
    assert (
        "rule 0 against base: helps, since all 5 ratios lie below 1, and their median below 0.8. The relative L2 error is "
        in text
    )
    assert "0.6 (0.5 to 0.9) times that of base, and smaller with 5 of 5 seeds." in text
    assert "5 seeds agree by chance in 2/2^5 = 0.0625 of all comparisons, and one of 3 rules in at most 0.188." in text
    assert "All of this holds at this scale (100 steps, 64 points, 8 x 2 units), and says nothing of longer" in text
    assert "residual" not in text
    turned = found.against("rule 0")
    assert (turned.baseline, turned.verdicts["base"].word) == ("rule 0", "harms")
    with pytest.raises(ValueError, match=r"no rule is called 'rba': choose one of 'base', 'rule 0'"):
        found.against("rba")


def test_the_onset_of_total_diffusion_is_that_of_the_detector():
    steps = np.unique(np.geomspace(1, 10_000, 120).astype(int))
    phases = np.where(steps < 100, 5.0, np.where(steps < 2000, 0.1, 5.0))
    runs = made([0.5] * 5)
    for run in runs["rule 0"][:3]:
        run.history |= {"step": steps, "snr": phases, "rel_l2": np.full(len(steps), 0.1)}
        run.config = dataclasses.replace(run.config, steps=10_000)
        run.state["step"] = 10_000
    onset = pl.phases.detect(steps, phases).total_diffusion.step
    base, row = Comparison(runs).table()
    assert (base["onsets"], row["onsets"], row["onset"]) == (0, 3, float(onset))
    assert f"{onset:,}, 3 of 5" in str(Comparison(runs))


def test_runs_that_diverged_are_the_worst():
    runs = made([0.1] * 5, [0.1] * 5)
    runs["base"][2] = fake(2, [9.0, 8.0])
    runs["rule 0"][1] = fake(1, [9.0, 8.0])
    runs["rule 1"][2] = level(2, math.nan)  # complete, and no number
    found = Comparison(runs, frozenset({("base", 2), ("rule 0", 1)}))
    assert (
        found.measures[0].ends["base"][2]
        == found.measures[0].ends["rule 0"][1]
        == found.measures[0].ends["rule 1"][2]
        == math.inf
    )
    assert found.measures[0].ratios["rule 0"][1:3] == [math.inf, 0.0]
    assert math.isnan(found.measures[0].ratios["rule 1"][2])
    assert found.verdicts["rule 0"] == verdict([0.1, math.inf, 0.0, 0.1, 0.1])
    assert found.verdicts["rule 1"].reason == "both runs diverged with 1 of 5 seeds"
    assert [row["diverged"] for row in found.table()] == [1, 1, 1]
    assert "Of its runs 1 diverged, and count as the worst." in str(found)
    assert "Of the runs of base 1 diverged" in str(found)
    fig = found.plot()
    assert "diverged" in [text.get_text() for text in fig.axes[1].get_legend().get_texts()]
    plt.close(fig)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({"a": [level(0, 1.0)]}, "give at least two rules, the baseline first"),
        ({"a": [level(0, 1.0)], "b": []}, "each with a run a seed"),
        ({"a": [level(0, 1.0)], "b": [level(1, 1.0)]}, r"'b' has the seeds \[1\] and 'a' \[0\]: give pairs"),
        ({"a": [level(0, 1.0)], "b": [fake(0, [1.0, 1.0])]}, "'b' with seed 0 stands at step 10: end it by pl.resume"),
    ],
)
def test_runs_that_are_no_comparison(runs, message):
    with pytest.raises(ValueError, match=message):
        Comparison(runs)


def test_runs_of_two_problems():
    other = level(0, 1.0)
    for name, k, said in (("other", 1.0, "'other' with {\"k\": 1.0}"), ("known", 2.0, "'known' with {\"k\": 2.0}")):
        other.problem_spec = {"name": name, "settings": {"k": k}}
        message = f"'b' solves {said} and 'a' 'known' with {{\"k\": 1.0}}: give runs of one problem"
        with pytest.raises(ValueError, match=re.escape(message)):
            Comparison({"a": [level(0, 1.0)], "b": [other]})


def test_a_page_and_a_plot():
    runs = made([0.5] * 5, [2.0] * 5)
    runs["<script>"] = runs.pop("rule 1")
    found = Comparison(runs)
    page = found._repr_html_()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 2
    assert page.count("<tr>") == 4
    assert "color" not in page
    fig = found.plot()
    left, right = fig.axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("step", "relative L2 error, median and range")
    assert (left.get_xscale(), left.get_yscale(), right.get_yscale()) == ("log", "log", "log")
    assert right.get_ylabel() == "relative L2 error in the end, a line a seed"
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["base", "rule 0", "<script>"]
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["base", "rule 0", "<script>"]
    assert len({line.get_linestyle() for line in left.get_lines()}) == 3  # told apart in grey
    assert left.get_lines()[0].get_ydata()[-1] == 4.0  # the median
    assert left.get_lines()[0].get_xdata().tolist() == [10, 63, 64, 80, 100]
    assert right.get_lines()[0].get_ydata().tolist() == [1.0, 0.5, 2.0]  # of seed 0
    assert "baseline: vanilla, 8 x 2 tanh" in fig.get_suptitle()
    plt.close(fig)


def test_a_notebook_shows_a_plot_once(monkeypatch):
    before = plt.get_fignums()
    monkeypatch.setattr("matplotlib.get_backend", lambda: "inline")
    Comparison(made([0.5] * 5)).plot()
    assert plt.get_fignums() == before


# ---- what is asked for


def test_rules_by_name():
    own = dataclasses.replace(CONFIG, weighting=pl.RBA(decay=0.9), data_weight=3.0)
    names = ["vanilla", "rba", "ramp", "permuted", "self-adaptive", "rad", "constant", "data x 10", "data x 0.1"]
    found = trying._configs(Known(), own, names)
    assert list(found) == names
    assert found["vanilla"] == dataclasses.replace(own, weighting=None)
    assert found["rba"] == own
    assert found["ramp"].weighting == pl.RBA(decay=0.9, assignment="mean")
    assert found["permuted"].weighting == pl.RBA(decay=0.9, assignment="permuted")
    assert found["self-adaptive"].weighting == pl.weightings.SelfAdaptive()
    assert found["constant"] is None
    assert [(found[f"data x {k}"].data_weight, found[f"data x {k}"].weighting) for k in ("10", "0.1")] == [
        (30.0, None),
        (pytest.approx(0.3), None),
    ]
    plain = trying._configs(Known(), CONFIG, ["rba", "vanilla"])
    assert (plain["rba"].weighting, plain["vanilla"]) == (pl.RBA(), CONFIG)
    slower = dataclasses.replace(CONFIG, weighting=pl.weightings.RAD(every=7))
    assert trying._configs(Known(), slower, ["vanilla", "rad"])["rad"] == slower


class Bare(Slab):
    data = pl.Problem.data

    def transform(self, points, network):
        return points * (1.0 - points) * network


@pytest.mark.parametrize(
    ("problem", "rules", "settings", "message"),
    [
        (Known, "rba", {}, r"rules = 'rba': give at least two, the baseline first, such as \['vanilla', 'rba'\]"),
        (Known, [], {}, r"rules = \[\]: give at least two"),
        (Known, ["rba"], {}, r"rules = \['rba'\]: give at least two"),
        (Known, ["vanilla", "attention"], {}, "the rule 'attention' is unknown: use one of vanilla, rba, ramp, permuted"),
        (Known, ["vanilla", 3], {}, "the rule 3 is unknown"),
        (Known, ["rba", "vanilla", "rba"], {}, "the rule 'rba' is there twice: give each once"),
        (Known, ["vanilla", "data x 1"], {}, "the rules 'vanilla' and 'data x 1' have the same settings"),
        (Known, ["data x 10", "data x 10.0"], {}, "have the same settings: leave one of them out"),
        (Known, {"a": CONFIG, "b": CONFIG}, {}, "the rules 'a' and 'b' have the same settings"),
        (Known, {"a": CONFIG, "b": pl.RBA()}, {}, r"the rule 'b' is RBA\(.*\): give a pl.Config"),
        (
            Known,
            {"a b": CONFIG, "A_b": dataclasses.replace(CONFIG, lr=1e-4)},
            {},
            "the labels 'a b' and 'A_b' make the same name",
        ),
        (Known, {"...": CONFIG, "b": dataclasses.replace(CONFIG, lr=1e-4)}, {}, r"the label '\.\.\.' makes no name of a file"),
        (Known, ["vanilla", "data x 0"], {}, "the rule 'data x 0': give a positive number, such as 'data x 10'"),
        (Known, ["vanilla", "data x -2"], {}, "the rule 'data x -2': give a positive number"),
        (Known, ["vanilla", "data x ten"], {}, "the rule 'data x ten': give a positive number"),
        (Known, ["vanilla", "data x nan"], {}, "give a positive number"),
        (
            Known,
            ["vanilla", "constant"],
            {},
            "'constant' takes the weight that RBA has in the end: give 'rba' among the rules too",
        ),
        (Bare, ["vanilla", "data x 10"], {}, r"the rule 'data x 10': Bare\(.*\) has no conditions that could weigh more"),
        (Known, ["vanilla", "rba"], {"seeds": 0}, "seeds = 0: give at least 1, and 5 for a verdict"),
        (Known, ["vanilla", "rba"], {"seeds": []}, r"seeds = \[\]: give how many, or different whole numbers"),
        (Known, ["vanilla", "rba"], {"seeds": [1, 1]}, r"seeds = \[1, 1\]: give how many, or different"),
        (Known, ["vanilla", "rba"], {"seeds": [-1]}, r"seeds = \[-1\]: give how many"),
        (Known, ["vanilla", "rba"], {"seeds": 2.5}, "seeds = 2.5: give how many"),
        (Known, ["vanilla", "rba"], {"jobs": 0}, "jobs = 0: give a whole number of at least 1, or None for as many as there are"),
        (Known, ["vanilla", "rba"], {"jobs": 1.5}, "jobs = 1.5: give a whole number of at least 1"),
    ],
)
def test_bad_input(problem, rules, settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        pl.compare(problem(), CONFIG, rules, folder=tmp_path, progress=False, **settings)
    assert not list(tmp_path.iterdir())


def test_a_start_without_seeds():
    config = dataclasses.replace(CONFIG, start="authors")
    with pytest.raises(ValueError, match="start = 'authors' is the same for all seeds"):
        pl.compare(Known(), config, ["vanilla", "rba"], progress=False)


def test_a_problem_that_is_not_sound_is_said_before_a_process_begins(monkeypatch, tmp_path):
    monkeypatch.setattr(sweep, "sweep", None)
    problem = Known()
    problem.reference = lambda points: np.full((len(points), 1), np.nan)
    with pytest.raises(ValueError, match=r"reference is not finite at"):
        pl.compare(problem, CONFIG, ["vanilla", "rba"], folder=tmp_path, progress=False)


@pytest.mark.parametrize(("device", "asked", "jobs"), [("cpu", None, 3), ("cpu", 9, 9), ("cuda", None, 1), ("cuda", 2, 2)])
def test_processes_at_once(monkeypatch, tmp_path, device, asked, jobs):
    seen = []

    def swept(entries, folder, *, jobs, progress):
        seen.append(jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "sweep", swept)
    monkeypatch.setattr(trying, "_cores", lambda: 3)
    monkeypatch.setattr(trying, "_check", lambda entries, folder: None)
    monkeypatch.setattr(pl.Config, "torch_device", lambda config: torch.device(device))
    with pytest.raises(KeyboardInterrupt):
        pl.compare(Known(), CONFIG, ["vanilla", "rba"], seeds=5, folder=tmp_path, jobs=asked)
    assert seen == [jobs]


def test_seeds_follow_from_the_config():
    assert trying._seeds(3, dataclasses.replace(CONFIG, seed=4)) == [4, 5, 6]
    assert trying._seeds(np.array([7, 3]), CONFIG) == [7, 3]


# ---- trainings


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """In processes; this module is found there by the path that is sent."""
    folder = tmp_path_factory.mktemp("compare")
    problem = Known(force=lambda x: torch.ones_like(x))
    return folder, problem, pl.compare(problem, CONFIG, ["vanilla", "data x 10"], seeds=1, folder=folder, jobs=2, progress=False)


def test_runs_in_processes_are_those_of_train(trained):
    folder, problem, found = trained
    assert sorted(path.name for path in folder.glob("*.npz")) == ["data_x_10_seed0.npz", "vanilla_seed0.npz"]
    for label, config in {"vanilla": CONFIG, "data x 10": dataclasses.replace(CONFIG, data_weight=10.0)}.items():
        (run,) = found.runs[label]
        assert (run.config, run.problem, run.provenance["threads"]) == (config, problem, 1)
        alone = pl.train(problem, config, progress=False)
        assert np.allclose(run.history["loss"], alone.history["loss"], rtol=1e-3)
    last = found.runs["vanilla"][0].history
    assert found.measures[0].ends["vanilla"] == [np.median(last["rel_l2"][last["step"] >= 30 / 10**0.2])]


def test_what_is_there_is_read(trained, monkeypatch):
    folder, problem, found = trained
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    monkeypatch.setattr(sweep, "_start", None)
    again = pl.compare(problem, CONFIG, ["vanilla", "data x 10"], seeds=1, folder=folder, progress=False)
    assert again.measures[0].ends == found.measures[0].ends
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")} == before


def test_files_of_other_settings_or_another_problem(trained, monkeypatch, tmp_path):
    folder, problem, _ = trained
    monkeypatch.setattr(sweep, "sweep", None)  # before anything is trained

    def refused(problem, config, message):
        with pytest.raises(ValueError, match=message):
            pl.compare(problem, config, ["vanilla", "data x 10"], seeds=1, folder=folder, progress=False)

    refused(problem, dataclasses.replace(CONFIG, steps=40), r"vanilla_seed0.npz has other settings of steps: give another folder")
    refused(Known(problem.force, k=2.0), CONFIG, r"vanilla_seed0.npz was trained with k = 1.0.*or give another folder")
    refused(Slab(problem.force), CONFIG, r"vanilla_seed0.npz is of a problem with name = 'known'.*or give another folder")
    # a formula is in no file; what it gave at step 0 is
    message = r"vanilla_seed0.npz is of a problem that begins with other losses or errors: give another folder"
    refused(Known(lambda x: 1.1 * torch.ones_like(x)), CONFIG, message)
    (tmp_path / "vanilla_seed0.npz").write_bytes(b"nothing")
    folder = tmp_path
    refused(problem, CONFIG, r"vanilla_seed0.npz is not a pinnlib run or is damaged.*or give another folder")


def test_in_memory_with_a_constant_and_a_problem_that_cannot_be_sent(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    threads = torch.get_num_threads()
    config = dataclasses.replace(CONFIG, seed=3, data_weight=2.0, weighting=pl.RBA(decay=0.9, rate=0.05))
    torch.set_num_threads(2)
    try:
        found = compared(known(), config, ["vanilla", "rba", "constant"], seeds=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert not list(tmp_path.iterdir())
    assert found.runs["vanilla"][0].provenance["threads"] == 1
    assert found.seeds == [3, 4]
    assert (list(found.runs), found.baseline) == (["vanilla", "rba", "constant"], "vanilla")
    for rba, constant in zip(found.runs["rba"], found.runs["constant"], strict=True):
        assert constant.config.seed == rba.config.seed
        assert constant.config.weighting is None
        assert constant.config.data_weight == pytest.approx(2.0 / (rba.state["rba"].astype(float) ** 2).mean())
    assert same(found.runs["rba"][1], pl.train(known(), dataclasses.replace(config, seed=4), progress=False))
    assert "a verdict needs at least 5 seeds, and not 2" in str(found)


def test_an_rba_without_weights_has_no_constant(tmp_path):
    config = dataclasses.replace(CONFIG, weighting=pl.RBA(rate=0.0))
    with pytest.raises(
        RuntimeError, match=r"1 of 3 runs failed; (.|\n)*constant_seed0: .*have the mean 0.0 in the end, leave it"
    ):
        compared(known(), config, ["vanilla", "rba", "constant"], seeds=1, folder=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_ctrl_c_keeps_what_was_trained_and_the_same_command_goes_on(tmp_path):
    calls = 0

    def force(x):
        nonlocal calls
        calls += 1
        if calls == 150:
            signal.raise_signal(signal.SIGINT)
        return torch.ones_like(x)

    config = dataclasses.replace(CONFIG, steps=200)
    with pytest.raises(KeyboardInterrupt, match=r"what was trained is in .*, and the same command goes on"):
        compared(known(force=force), config, ["vanilla", "rba"], seeds=1, folder=tmp_path)
    (path,) = tmp_path.glob("*.npz")  # no other was begun
    half = pl.Run.load(path)
    assert 0 < half.step < 200
    half.provenance["wall_time"] = 1000.0
    half.save(path)
    found = compared(known(force=force), config, ["vanilla", "rba"], seeds=1, folder=tmp_path)
    assert found.runs["vanilla"][0].provenance["wall_time"] > 1000.0  # not from the start
    for label, weighting in {"vanilla": None, "rba": pl.RBA()}.items():
        (run,) = found.runs[label]
        assert run.complete
        assert same(run, pl.train(known(), dataclasses.replace(config, weighting=weighting), progress=False))


def test_without_a_folder_the_place_of_what_was_trained_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.mkdtemp", lambda prefix: str(tmp_path / "kept"))

    def stopped(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "sweep", stopped)
    with pytest.raises(
        KeyboardInterrupt, match=r"what was trained is in .*/kept, and the same command with folder='.*/kept' goes on"
    ):
        pl.compare(Known(), CONFIG, ["vanilla", "rba"], progress=False)


def test_a_run_that_fails_loses_no_other(tmp_path):
    problem = FailsAtSeedOne()
    problem.unsendable = (k for k in ())
    with pytest.raises(RuntimeError) as caught:
        compared(problem, CONFIG, ["vanilla", "rba"], seeds=3, folder=tmp_path)
    text = str(caught.value)
    assert f"2 of 6 runs failed; the others are kept in {tmp_path}, and the same command goes on:" in text
    assert "\n  vanilla_seed1: ZeroDivisionError: a fault of its own\n  rba_seed1: ZeroDivisionError" in text
    assert len(list(tmp_path.glob("*.npz"))) == 4
    problem.mended = True
    assert compared(problem, CONFIG, ["vanilla", "rba"], seeds=3, folder=tmp_path).seeds == [0, 1, 2]


def test_without_a_reference_the_residual_at_fresh_points_is_compared():
    problem = Slab()
    problem.unsendable = (k for k in ())
    found = compared(problem, CONFIG, ["vanilla", "rba"], seeds=1)
    (run,) = found.runs["rba"]
    points = torch.tensor(problem.collocation_points(64, 10**9), dtype=torch.float32, requires_grad=True)
    assert not np.isin(points.detach().numpy(), run.points).any()
    u = run.model()(points)
    (slope,) = torch.autograd.grad(u.sum(), points, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), points)
    by_hand = float(((bend - u + 1.0) ** 2).mean().detach())
    step, course = found.measures[0].courses["rba"][0]
    assert step[-1] == 30
    assert course[-1] == pytest.approx(by_hand, rel=1e-4)
    assert found.measures[0].ends["rba"] == [np.median(course[step >= 30 / 10**0.2])]
    row = found.table()[1]
    assert "error" not in row
    assert row["residual"] == found.measures[0].ends["rba"][0]
    last = run.history["step"] >= 30 / 10**0.2
    assert row["misfit"] == np.median(run.history["loss_data"][last])
    assert "these are a residual, and a misfit at points that are trained on, and not an error" in str(found)
    assert "The residual at fresh points is" in str(found)
    assert "error" not in " ".join(found._cells()[0])


class Held(Bare):
    """The conditions hold exactly, so there is no misfit."""


def test_without_conditions_the_residual_alone_is_compared():
    problem = Held()
    problem.unsendable = (k for k in ())
    found = compared(problem, CONFIG, ["vanilla", "rba"], seeds=1)
    assert [one.key for one in found.measures] == ["residual"]
    assert "misfit" not in found.table()[1]
    assert "this is a residual and not an error, and a small one does not prove a small error" in str(found)


FELL, GREW, SAME, MIXED = [0.5] * 5, [2.0] * 5, [1.0] * 5, [0.5, 0.5, 0.5, 0.5, 2.0]


@pytest.mark.parametrize(
    ("residual", "misfit", "word", "reason"),
    [
        (FELL, FELL, "helps", "all 5 ratios lie below 1, and their median below 0.8, of residual and misfit alike"),
        (GREW, GREW, "harms", "all 5 ratios lie above 1, and their median above 1.25, of residual and misfit alike"),
        (SAME, SAME, "no difference larger than 25%", "all 5 ratios lie from 0.8 to 1.25, of residual and misfit alike"),
        (GREW, FELL, "cannot tell", "the residual grew and the misfit fell"),
        (FELL, GREW, "cannot tell", "the residual fell and the misfit grew"),
        (FELL, SAME, "cannot tell", "the residual fell and the misfit hardly changed"),
        (FELL, [0.0] * 5, "helps", "all 5 ratios lie below 1, and their median below 0.8, of residual and misfit alike"),
        (
            MIXED,
            FELL,
            "cannot tell",
            "the residual does not tell (the 5 ratios do not all lie on one side of 1) and the misfit fell",
        ),
        (MIXED, MIXED, "cannot tell", "the 5 ratios do not all lie on one side of 1"),
        (GREW[:4], FELL[:4], "cannot tell", "a verdict needs at least 5 seeds, and not 4"),
    ],
)
def test_without_a_reference_residual_and_misfit_must_agree(monkeypatch, residual, misfit, word, reason):
    """Their sum at weight 1 is what vanilla minimizes: by it whatever weighs the conditions more would harm."""
    monkeypatch.setattr(measures, "_at_fresh_points", lambda run, config: (run.history["step"], run.history["fresh"]))

    def blind(seed, residual, misfit):
        run = fake(seed, [math.nan] * 6)
        ones = np.ones(len(run.history["step"]))
        run.history |= {"fresh": 4.0 * residual * ones, "loss_data": 8.0 * misfit * ones}
        return run

    pairs = list(zip(residual, misfit, strict=True))
    runs = {"base": [blind(k, 1.0, 1.0) for k in range(len(pairs))], "rule": [blind(k, *pair) for k, pair in enumerate(pairs)]}
    found = Comparison(runs)
    base, rule = found.table()
    assert found.verdicts["rule"] == Verdict(word, reason)
    assert f"rule against base: {word}, since {reason}. The residual at fresh points is {rule['ratio']:.3g}" in str(found)
    assert f"The misfit of the conditions is {rule['misfit_ratio']:.3g}" in str(found)
    assert (base["residual"], base["misfit"]) == (4.0, 8.0)
    assert rule["misfit_smaller"] == sum(one < 1.0 for one in misfit)
    assert found._cells()[0][1:6:3] == ["residual at fresh points", "misfit of the conditions"]
    assert len({len(row) for row in found._cells()}) == 1


def test_a_residual_and_a_misfit_have_a_row_of_a_plot_each():
    problem = Slab()
    problem.unsendable = (k for k in ())
    fig = compared(problem, CONFIG, ["vanilla", "rba"], seeds=1).plot()
    assert [ax.get_ylabel().split(",")[0] for ax in fig.axes] == [
        "residual at fresh points",
        "residual at fresh points in the end",
        "misfit of the conditions",
        "misfit of the conditions in the end",
    ]
    plt.close(fig)


def test_a_system_counts_all_its_equations():
    class System(Slab):
        def residual(self, points, d):
            return {"one": d.u_xx - d.u + 1.0, "two": 0.0 * d.u + 2.0}

    problem = System()
    problem.unsendable = (k for k in ())
    found = compared(problem, CONFIG, ["vanilla", "rba"], seeds=1)
    (run,) = found.runs["vanilla"]
    one, two = run.residual(points=problem.collocation_points(64, 10**9))
    assert found.measures[0].courses["vanilla"][0][1][-1] == pytest.approx((one**2).mean() + 4.0)
    assert np.all(two == 2.0)


SCRIPT = """
import dataclasses, sys
import numpy as np
import pinnlib as pl

class Mine(pl.Problem):
    coordinates, fields, domain, partials = ("x",), ("u",), ((0.0, 1.0),), ("u", "u_xx")
    force = staticmethod(lambda x: 0.0 * x + 1.0)
    def __init__(self, more): self.more = more
    def residual(self, points, d): return d.u_xx - d.u + self.force(points[..., 0]) + self.more(points[..., 0])
    def data(self, n, seed): return np.array([[0.0], [1.0]]), np.zeros((2, 1))
    def reference(self, points): return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)

config = pl.Config(width=8, depth=2, points=64, data_points=2, batches=8, steps=30, device="cpu", compile=False)
rules = {"calm": config, "wild": dataclasses.replace(config, lr=1e30)}
print(pl.compare(Mine(lambda x: 0.0 * x), config, rules, seeds=1, folder=sys.argv[1], jobs=2))
"""


def test_a_problem_with_lambdas_in_main_and_a_run_that_diverges(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(pl.__file__).parent.parent)},
    )
    assert ended.returncode == 0, ended.stderr
    rows = [line.split() for line in ended.stdout.splitlines()]
    assert rows[1][0] == "calm"
    assert rows[2][:3] == ["wild", "inf", "inf"]
    assert "Of its runs 1 diverged, and count as the worst." in ended.stdout
    assert "step/s" in ended.stderr  # the progress bar
    assert "Warning" not in ended.stderr  # of the processes too
    wild = pl.Run.load(tmp_path / "runs" / "wild_seed0.npz")
    assert not wild.complete
    assert np.isfinite(wild.state["parameters"]).all()


def test_what_cannot_be_made_again_in_the_process_is_trained_here(tmp_path):
    class Spoiled:
        def __reduce__(self):
            return int, ("no number",)  # can be sent, and not received

    problem = Known()
    problem.spoiled = Spoiled()
    with pytest.warns(UserWarning, match=r"Known cannot be sent to another process \(invalid literal for int"):
        found = pl.compare(problem, CONFIG, ["vanilla", "rba"], seeds=1, folder=tmp_path, jobs=1, progress=False)
    assert all(run.complete for runs in found.runs.values() for run in runs)


def test_a_residual_of_a_normalized_problem_is_in_the_units_of_its_loss():
    class Short(Slab):
        domain = ((0.0, 0.1),)
        normalize = True

        def data(self, n, seed):
            return np.array([[0.0], [0.1]]), np.zeros((2, 1))

    problem = Short()
    problem.unsendable = (k for k in ())
    assert problem.residual_outputs.scale > 100.0
    found = compared(problem, CONFIG, ["vanilla", "rba"], seeds=1)
    history = found.runs["vanilla"][0].history
    assert found.measures[0].courses["vanilla"][0][1][[0, -1]] == pytest.approx(history["loss_residual"][[0, -1]], rel=0.3)


def test_a_class_or_no_config_is_said():
    with pytest.raises(ValueError, match="give an instance of a problem, such as pl.problems.Burgers()"):
        pl.compare(pl.problems.Burgers, pl.Config(), ["vanilla", "rba"])
    with pytest.raises(ValueError, match="config is a NoneType: give a pl.Config"):
        pl.compare(pl.problems.Burgers(), None, ["vanilla", "rba"])
