"""The command line, as a user calls it."""

import dataclasses
import inspect
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import pinnlib as pl
from pinnlib import training
from pinnlib.__main__ import described, main

BASE = [
    "train",
    "helmholtz",
    "--a",
    "1",
    "1",
    "--width",
    "8",
    "--depth",
    "1",
    "--points",
    "32",
    "--data-points",
    "8",
    "--batches",
    "4",
    "--device",
    "cpu",
]


def test_train_info_and_resume(tmp_path, capsys):
    out = tmp_path / "record.npz"
    command = [*BASE, "--weighting", "rba", "--decay", "0.99", "--seed", "3", "--out", str(out)]
    assert main([*command, "--steps", "20"]) == 0
    run = pl.Run.load(out)
    assert run.config.weighting == pl.RBA(decay=0.99)
    assert run.config.seed == 3
    assert run.problem.a == (1.0, 1.0)
    assert main(["info", str(out)]) == 0
    text = capsys.readouterr().out
    assert "Run of Helmholtz(a=(1.0, 1.0), k=1.0)" in text
    assert "weighting" in text
    assert main([*command, "--steps", "40", "--resume"]) == 0
    assert main([*command[:-1], str(tmp_path / "whole.npz"), "--steps", "40"]) == 0
    a, b = pl.Run.load(out), pl.Run.load(tmp_path / "whole.npz")
    assert np.array_equal(a.state["parameters"], b.state["parameters"])
    assert np.array_equal(a.history["step"], b.history["step"])


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--steps", "0"], "steps = 0: give a whole number"),
        (["--batches", "5"], "batches = 5 do not cut 32 points"),
        (["--dtype", "float16"], "dtype 'float16'"),
        (["--decay", "1.5"], "RBA decay = 1.5"),
    ],
)
def test_bad_settings_are_one_sentence(tmp_path, capsys, extra, message):
    assert main([*BASE, "--out", str(tmp_path / "r.npz"), *extra]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "r.npz").exists()


def test_nothing_is_overwritten(tmp_path, capsys):
    out = tmp_path / "r.npz"
    assert main([*BASE, "--steps", "2", "--out", str(out)]) == 0
    before = out.read_bytes()
    assert main([*BASE, "--steps", "2", "--out", str(out)]) == 1
    assert "pass --resume" in capsys.readouterr().err
    assert main([*BASE, "--steps", "4", "--lr", "0.1", "--out", str(out), "--resume"]) == 1
    assert "trained with other settings of lr" in capsys.readouterr().err
    assert out.read_bytes() == before


@pytest.mark.parametrize("more", [[], ["--seeds", "0", "1"]])
def test_a_place_that_cannot_be_written_is_said_before_the_first_step(tmp_path, capsys, monkeypatch, more):
    (tmp_path / "file").write_text("not a folder")
    out = tmp_path / "file" / "run{seed}.npz"
    monkeypatch.setattr(training, "Trainer", None)  # nothing is trained
    assert main([*BASE, "--steps", "2", "--out", str(out), *more]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"pinnlib: .*run(0|\{seed\})\.npz could not be written \(File exists\): choose another place\n", error)


@pytest.mark.parametrize("more", [[], ["--seeds", "0", "1"]])
def test_a_run_that_could_not_be_saved_is_no_success(tmp_path, capsys, monkeypatch, more):
    def full(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert main([*BASE, "--steps", "2", "--out", str(tmp_path / "run{seed}.npz"), *more]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_info_of_a_foreign_file(tmp_path, capsys):
    (tmp_path / "x.npz").write_text("hello")
    assert main(["info", str(tmp_path / "x.npz")]) == 1
    assert "x.npz is not a pinnlib run" in capsys.readouterr().err


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_goes_ends_it_quietly(tmp_path, buffered):
    out = tmp_path / "r.npz"
    assert main([*BASE, "--steps", "2", "--out", str(out)]) == 0
    command = [sys.executable, "-m", "pinnlib", "info", str(out)]
    gone, end = os.pipe()
    os.close(gone)  # as head does, when it has seen enough
    try:
        done = subprocess.run(
            command, stdout=end, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": buffered}
        )
    finally:
        os.close(end)
    assert (done.stderr, done.returncode) == ("", 141)


def test_another_broken_pipe_is_an_error(tmp_path, capsys, monkeypatch):
    def broken(path):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(pl.Run, "load", broken)
    assert main(["info", str(tmp_path / "r.npz")]) == 1
    assert "Broken pipe" in capsys.readouterr().err


def test_as_a_module(tmp_path):
    done = subprocess.run([sys.executable, "-m", "pinnlib", "train", "--help"], capture_output=True, text=True, check=True)
    assert "helmholtz" in done.stdout


def test_several_seeds_at_once(tmp_path, capsys):
    command = [*BASE, "--steps", "5", "--seeds", "2", "0", "--out"]
    assert main([*command, str(tmp_path / "run.npz")]) == 1
    assert "put {seed} into its name" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "run{seed}.npz")]) == 0
    assert [pl.Run.load(tmp_path / f"run{seed}.npz").config.seed for seed in (2, 0)] == [2, 0]
    assert main([*command, str(tmp_path / "run{seed}.npz")]) == 1
    assert "run2.npz exists already" in capsys.readouterr().err


def test_a_setting_of_two_words_has_a_dash(tmp_path):
    out = tmp_path / "c.npz"
    sizes = BASE[BASE.index("--width") :]
    assert main(["train", "cavity", "--wall-layer", "0.2", *sizes, "--steps", "2", "--out", str(out)]) == 0
    assert pl.Run.load(out).problem.wall_layer == 0.2


def help_of(capsys, *words):
    """By option, without line breaks; what comes before the first one is called "usage"."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    parts = re.split(r"\n  (?=-)", capsys.readouterr().out)
    return {re.match(r"(?:-h, )?[\w-]*", part)[0].removeprefix("-h, --"): " ".join(part.split()) for part in parts}


@pytest.mark.parametrize("problem", list(pl.problems.KNOWN))
def test_help_says_what_each_setting_is_and_its_default_once(capsys, problem):
    said = help_of(capsys, "train", problem)
    for item in dataclasses.fields(pl.Config):
        about = said[f"--{item.name.replace('_', '-')}"]
        default = "vanilla" if item.name == "weighting" else item.default
        assert about.count("(default: ") == (default is not None), about
        assert default is None or f"(default: {default})" in about
    for name in inspect.signature(pl.problems.KNOWN[problem]).parameters:
        assert re.match(r"--[\w-]+( VALUE)+ .{5,} \(default: ", said[f"--{name.replace('_', '-')}"])
    text = " ".join(said.values())
    assert "units of a hidden layer (default: 64)" in text
    assert "gamma, what is kept of a weight in one step, in [0, 1) (default: 0.999)" in text
    assert "default: None" not in text
    assert ":class:" not in text
    assert "``" not in text


def test_help_of_a_problem_is_its_docstring(capsys):
    assert help_of(capsys, "train", "helmholtz")["--k"].startswith("--k VALUE wave number (default: 1.0)")
    said = help_of(capsys, "train", "perivascular")
    assert "In a mouse it is 0.1 to 0.3, where only g / nu can be told (default: 7.0)" in said["--womersley"]
    assert said["--radii"].startswith("--radii VALUE VALUE of the artery")


def test_a_docstring_is_read_by_its_sections():
    text = """Head: not an entry.

    Args:
        a (float): first, 5%
            and more: of it.
        b: ``code`` and :class:`~x.Y`.

    Returns:
        c: nothing of this.
    Attributes:
        d: last."""
    assert described(text) == {"a": "first, 5% and more: of it.", "b": "code and x.Y.", "d": "last."}
    assert described(None) == {}


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"pinnlib {pl.__version__}\n"


def test_only_a_training_needs_a_place(capsys):
    assert main([*BASE, "--steps", "5", "--forecast"]) == 0
    assert "5 steps" in capsys.readouterr().out
    assert main([*BASE, "--steps", "5"]) == 1
    assert "give --out RECORD" in capsys.readouterr().err


SLAB = '''
"""A user's module."""
import numpy as np
import pinnlib as pl

class Slab(pl.Problem):
    """A slab that reacts, 100% of it.

    Args:
        speed: of the reaction, 5% or more.
        ends: where it ends.
        layered: whether it has layers.
        seed: of its noise.
    """

    coordinates, fields, domain, partials = ("x",), ("u",), ((0.0, 1.0),), ("u", "u_xx")

    def __init__(self, speed: float, ends: tuple[int, int] = (0, 1), layered=False, seed=0, label="a", scale=None, shape=np.sin):
        self.speed, self.ends, self.layered, self.seed, self.label, self.scale = speed, ends, layered, seed, label, scale

    def residual(self, points, d):
        return d.u_xx - self.speed * d.u + 1.0

    def data(self, n, seed):
        return np.array([[0.0], [1.0]]), np.zeros((2, 1))

class Burgers(Slab):
    pass

class Bare(Slab):
    def __init__(self, w=4, box=(0, 1), mixed=(0, 0.5), k=1.0, n: int = 2):
        self.w, self.box, self.mixed, self.k, self.n, self.speed = w, box, mixed, k, n, 1.0

class Half(pl.Problem):
    pass

Other = 3
'''


@pytest.fixture
def slab(tmp_path, monkeypatch):
    """A folder with a user's module, whose name no other test has."""
    name = f"slab_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(SLAB)
    (tmp_path / "broken_slab.py").write_text("import not_installed_at_all")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_a_problem_of_ones_own(slab, capsys):
    sizes = BASE[BASE.index("--width") :]
    command = [
        "train",
        f"{slab}:Slab",
        "--speed",
        "2",
        "--ends",
        "0",
        "3",
        "--layered",
        "--problem-seed",
        "5",
        "--seed",
        "1",
        *sizes,
    ]
    assert main([*command, "--steps", "3", "--forecast"]) == 0
    assert main([*command, "--steps", "3", "--out", "a.npz"]) == 0
    run = pl.Run.load("a.npz")
    assert run.problem is None
    assert run.config.seed == 1
    expected = {
        "speed": 2.0,
        "ends": [0, 3],
        "layered": True,
        "seed": 5,
        "label": "a",
        "scale": None,
        "shape": {"unsaved": "ufunc"},
    }
    assert run.problem_spec["settings"] == expected
    assert main([*command, "--steps", "6", "--out", "a.npz", "--resume"]) == 0
    assert pl.Run.load("a.npz").step == 6
    command[command.index("--speed") + 1] = "3"
    assert main([*command, "--steps", "6", "--out", "a.npz", "--resume"]) == 1
    assert "a.npz was trained with speed = 2.0, and Slab(speed=3.0" in capsys.readouterr().err
    assert main([*command, "--steps", "6", "--out", "b.npz"]) == 0
    capsys.readouterr()
    assert main(["info", "a.npz"]) == 0
    assert "Run of slab" in capsys.readouterr().out
    assert main(["compare", "a.npz", "b.npz"]) == 0
    text = capsys.readouterr().out
    for speed in (2.0, 3.0):
        assert f"slab({', '.join(f'{k}={json.dumps(v)}' for k, v in (expected | {'speed': speed}).items())})" in text


def test_a_whole_default_without_an_annotation_takes_any_number(slab, capsys):
    sizes = BASE[BASE.index("--width") :]
    command = ["train", f"{slab}:Bare", *sizes, "--steps", "1", "--out", "c.npz"]
    given = ["--w", "4.5", "--box", "0", "1.5", "--mixed", "1", "2", "--k", "3", "--n", "5"]
    assert main([*command, *given]) == 0
    found = pl.Run.load("c.npz").problem_spec["settings"]
    assert json.dumps({name: found[name] for name in ("w", "box", "mixed", "k", "n")}) == json.dumps(
        {"w": 4.5, "box": [0, 1.5], "mixed": [1, 2], "k": 3.0, "n": 5}
    )
    for wrong in (["--n", "4.5"], ["--w", "four"]):
        with pytest.raises(SystemExit):
            main([*command, *wrong])
    error = capsys.readouterr().err
    assert "argument --n: invalid int value: '4.5'" in error
    assert "argument --w: invalid number value: 'four'" in error


def test_help_of_a_problem_of_ones_own(slab, capsys):
    said = help_of(capsys, "train", f"{slab}:Slab")
    assert "A slab that reacts, 100% of it." in " ".join(said.values())
    assert said["--speed"] == "--speed VALUE of the reaction, 5% or more"
    assert said["--ends"] == "--ends VALUE VALUE where it ends (default: (0, 1))"
    assert said["--layered"].startswith("--layered, --no-layered whether it has layers (default: False)")
    assert said["--problem-seed"] == "--problem-seed VALUE of its noise (default: 0)"
    assert said["--seed"].startswith("--seed VALUE of the network's weights")
    assert "--scale" in said
    assert "--shape" not in said  # no command line can give a function


def test_an_argument_without_a_default_is_required(slab, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", f"{slab}:Slab", "--out", "a.npz"])
    assert ended.value.code == 2
    assert "the following arguments are required: --speed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nowhere:Slab", "no module is called 'nowhere': start from the folder of nowhere.py"),
        ("{}:Slob", "has no Slob: its problems are Slab, Burgers, Bare, Half"),
        ("{}:Other", "is not a problem: give a class that derives from pinnlib.Problem"),
        ("{}:Half", "is not complete: write its "),
        ("{}.py:Slab", "without folders and .py"),
        ("./{}:Slab", "without folders and .py"),
        ("{}:", "is not the address of a problem"),
    ],
)
def test_a_wrong_address_is_one_sentence(slab, capsys, address, message):
    assert main(["train", address.format(slab), "--speed", "2", "--out", "a.npz"]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_what_a_module_of_ones_own_lacks_is_its_own_error(slab):
    with pytest.raises(ModuleNotFoundError, match="not_installed_at_all"):
        main(["train", "broken_slab:Slab"])


def test_as_an_installed_command_it_looks_in_the_current_folder(slab):
    code = "import sys; sys.path[:] = [p for p in sys.path if p]; from pinnlib.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "train", f"{slab}:Slab", "--help"], capture_output=True, text=True, check=True
    )
    assert "--speed" in done.stdout


def test_one_of_pinnlibs_by_its_address(tmp_path):
    out = tmp_path / "a.npz"
    assert main(["train", "pinnlib.problems:Helmholtz", *BASE[2:], "--steps", "2", "--out", str(out)]) == 0
    assert repr(pl.Run.load(out).problem) == "Helmholtz(a=(1.0, 1.0), k=1.0)"


def test_a_problem_of_ones_own_may_be_called_as_one_of_pinnlibs(slab, capsys):
    sizes = BASE[BASE.index("--width") :]
    command = ["train", f"{slab}:Burgers", "--speed", "2", *sizes, "--out", "a.npz"]
    assert main([*command, "--steps", "2"]) == 0
    assert main([*command, "--steps", "3", "--resume"]) == 0
    assert pl.Run.load("a.npz").problem is None
    assert main(["info", "a.npz"]) == 0


def test_ctrl_c_in_the_midst_of_anything_is_a_word(monkeypatch, capsys, tmp_path):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(pl.Run, "load", interrupted)
    assert main(["info", str(tmp_path / "run.npz")]) == 130
    assert capsys.readouterr().err == "pinnlib: stopped\n"
