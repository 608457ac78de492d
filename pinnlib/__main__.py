"""Command line: ``python -m pinnlib train``, ``sweep``, ``info``, ``compare`` and ``compact``.

The options of ``train`` are made from the settings themselves: names and defaults from signatures, help from docstrings.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import math
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from . import problems, weightings
from .config import Config
from .rba import NORMALIZATIONS, RBA
from .runs import Run, npz, report, settings
from .training import TrainingDiverged, forecast, manifest, resume, sweep, train, train_ensemble
from .version import __version__

# The assignment is what the name of the weighting says.
RBA_FIELDS = [item for item in dataclasses.fields(RBA) if item.name != "assignment"]
PROBLEM = "problem."  # before the names of a problem's arguments, which may be those of a setting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Args:
        arguments: the words behind ``python -m pinnlib``; those that the process was given unless told.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        own = {words[1]: _own_problem(words[1])} if words[:1] == ["train"] and ":" in "".join(words[1:2]) else {}
        options = _parser(own).parse_args(words)
        status = options.command(options)
        sys.stdout.flush()  # here, where it is known what to do if nobody reads it
        return status
    except BrokenPipeError as error:
        if not _unread():
            print(f"pinnlib: {error}", file=sys.stderr)
            return 1
        return 141  # as of a program that the signal SIGPIPE ends
    except (ValueError, OSError, TrainingDiverged) as error:
        print(f"pinnlib: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:  # a training ends in good order at Ctrl-C, and does not come here
        print(f"pinnlib: {str(stop) or 'stopped'}", file=sys.stderr)
        return 130


def _unread() -> bool:
    """Whether the reader of the output has gone, such as ``head``; what is left to say then goes nowhere."""
    try:
        print(flush=True)  # which fails, too, where nothing was kept back
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _own_problem(address: str) -> type[problems.Problem]:
    """A user's problem by ``module:Class``, from the current folder or Python's path.

    Raises:
        ValueError: there is no such module or class, or it is not a problem that can be trained.
        ModuleNotFoundError: the module imports one that is not there.
    """
    module_name, _, name = address.partition(":")
    if module_name.endswith(".py") or not all(part.isidentifier() for part in [*module_name.split("."), name]):
        raise ValueError(
            f"{address!r} is not the address of a problem: give module:Class, such as my_problem:Slab, without folders and .py"
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there, and what it imports is not
        raise ValueError(
            f"no module is called {error.name!r}: start from the folder of {error.name}.py, or add that to PYTHONPATH"
        ) from None
    found = getattr(module, name, None)
    if found is None:
        there = [key for key, value in vars(module).items() if _is_problem(value)]
        raise ValueError(f"the module {module_name} has no {name}: its problems are {', '.join(there) or 'none'}")
    if not _is_problem(found):
        raise ValueError(f"{address} is not a problem: give a class that derives from pinnlib.Problem")
    if missing := sorted(found.__abstractmethods__):
        raise ValueError(f"{address} is not complete: write its {' and '.join(missing)}")
    return found


def _is_problem(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, problems.Problem) and value is not problems.Problem


def _parser(own: dict[str, type[problems.Problem]] | None = None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pinnlib", description="Train PINNs and look at what they do while they learn."
    )
    parser.add_argument("--version", action="version", version=f"pinnlib {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="train a problem and save the run as a record"), problems.KNOWN | (own or {}))

    sweeping = commands.add_parser("sweep", help="make all records of a list; what is done is skipped, what is half done goes on")
    sweeping.add_argument("list", type=Path, help="a TOML file, see pinnlib.training.manifest")
    sweeping.add_argument("--folder", type=Path, default=None, help="of the records; that of the list unless told")
    sweeping.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at work at once")
    sweeping.add_argument("--scheduler", default=None, metavar="ADDRESS", help="of a Dask cluster, such as tcp://host:8786")
    sweeping.add_argument("--checkpoint-every", type=float, default=60.0, metavar="SECONDS", help="time between two checkpoints")
    sweeping.add_argument("--seconds", type=float, default=math.inf, help="stop after; what is half done is saved")
    sweeping.add_argument("--status", action="store_true", help="only say which records are there, and what they cost")
    sweeping.set_defaults(command=_sweep)

    info = commands.add_parser("info", help="say what a record holds")
    info.add_argument("record", type=Path)
    info.set_defaults(command=_info)

    compacting = commands.add_parser(
        "compact", help="make records small enough to publish; they can no longer be trained further"
    )
    compacting.add_argument("records", type=Path, nargs="+", metavar="RECORD")
    compacting.add_argument("--folder", type=Path, required=True, help="where the small ones go")
    compacting.add_argument("--rows", type=int, default=1000, help="most probes to keep")
    compacting.add_argument("--snapshots", type=int, default=None, help="most snapshots to keep; all unless told")
    compacting.set_defaults(command=_compact)

    comparing = commands.add_parser("compare", help="show two records side by side")
    comparing.add_argument("records", type=Path, nargs=2, metavar="RECORD")
    comparing.set_defaults(command=_compare)
    return parser


def _add_train(parser: argparse.ArgumentParser, kinds: dict[str, type[problems.Problem]]) -> None:
    parser.description = "Train a benchmark, or a problem of your own by module:Class, such as my_problem:Slab of my_problem.py."
    choices = parser.add_subparsers(required=True, metavar="PROBLEM", dest="problem")
    for name, kind in kinds.items():
        about = (kind.__doc__ or "").partition("\n")[0]
        one = choices.add_parser(name, help=_help(about), description=about, formatter_class=_Help)
        of_problem = one.add_argument_group("problem")
        _add_config(one)
        one.add_argument("--out", type=Path, metavar="RECORD", help="the record; renewed at every checkpoint")
        one.add_argument(
            "--seeds", type=int, nargs="+", metavar="SEED", help="several at once, instead of --seed; put {seed} into --out"
        )
        one.add_argument("--resume", action="store_true", help="go on from the record if it exists")
        one.add_argument("--checkpoint-every", type=float, default=60.0, metavar="SECONDS", help="time between two checkpoints")
        one.add_argument("--forecast", action="store_true", help="only say how long it would take, from a few steps made here")
        one.add_argument("--threads", type=int, help="CPU threads; torch's choice unless told")
        _add_problem(of_problem, kind)
        one.set_defaults(command=_train, kind=kind)


def _add_problem(group: argparse._ArgumentGroup, kind: type[problems.Problem]) -> None:
    texts = described(kind.__doc__) | described(kind.__init__.__doc__)
    for name, parameter in inspect.signature(kind).parameters.items():
        required = parameter.default is parameter.empty
        annotation = "" if parameter.annotation is parameter.empty else parameter.annotation
        how = _reading(None if required else parameter.default, annotation)
        if how is None or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        how |= {"dest": PROBLEM + name, "required": required, "help": _help(texts.get(name, ""))}
        how |= {} if required else {"default": parameter.default}
        flag = name.replace("_", "-")
        try:
            group.add_argument(f"--{flag}", **how)
        except argparse.ArgumentError:  # a setting of the training has this name
            group.add_argument(f"--problem-{flag}", **how)


def _add_config(parser: argparse.ArgumentParser) -> None:
    for owner, items, title, about in (
        (Config, dataclasses.fields(Config), "training", "see pinnlib.Config"),
        (RBA, RBA_FIELDS, "residual-based attention", "used with --weighting rba, ramp, permuted; see pinnlib.RBA"),
    ):
        group, texts = parser.add_argument_group(title, about), described(owner.__doc__)
        for item in items:
            flag, text = f"--{item.name.replace('_', '-')}", _help(texts.get(item.name, ""))
            if item.name == "weighting":
                group.add_argument(flag, choices=tuple(weightings.NAMED), default="vanilla", help="see pinnlib.weightings")
            elif item.name == "normalization":
                group.add_argument(flag, choices=NORMALIZATIONS, default=item.default, help=text)
            elif (how := _reading(item.default, item.type)) is not None:
                group.add_argument(flag, default=item.default, help=text, **how)


def _reading(default: object, annotation: object) -> dict[str, Any] | None:
    """How argparse reads a value, by its default and what it is annotated with; None where no command line can give it."""
    words = set(re.findall(r"\w+", str(annotation)))
    several = isinstance(default, tuple | list)
    if isinstance(default, bool) or ("bool" in words and not several):
        return {"action": argparse.BooleanOptionalAction}
    values = list(default) if isinstance(default, tuple | list) else [] if default is None else [default]
    if not all(isinstance(value, int | float | str) and not isinstance(value, bool) for value in values):
        return None
    kind: Any = next((kind for kind in (float, int, str) if kind.__name__ in words), None)
    if kind is None:
        kinds = {type(value) for value in values}
        only = next(iter(kinds)) if len(kinds) == 1 else _number_or_text
        kind = number if int in kinds and kinds <= {int, float} else only  # a default of 4 does not say that 4.5 is wrong
    if several or (default is None and words & {"Sequence", "tuple", "list"}):
        return {"type": kind, "nargs": len(values) or "*", "metavar": "VALUE"}
    return {"type": kind, "metavar": "VALUE"}


def number(word: str) -> int | float:
    """A whole number where it is one; argparse says the name of this function, where it is none."""
    try:
        return int(word)
    except ValueError:
        return float(word)


def _number_or_text(word: str) -> int | float | str:
    try:
        return number(word)
    except ValueError:
        return word


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, but not that there is none."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def described(docstring: str | None) -> dict[str, str]:
    """What the sections Args and Attributes of a Google-style docstring say, by name; without marks, each in one line."""
    found: dict[str, str] = {}
    inside, level, name = False, 0, ""
    for line in inspect.cleandoc(docstring or "").splitlines():
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if text and not indent:
            inside, level = text in ("Args:", "Attributes:"), 0
        elif text and inside:
            level = level or indent  # of the section's first entry
            entry = re.match(r"(\w+)(?: \([^)]*\))?: *(.*)", text) if indent == level else None
            name, text = entry.groups() if entry else (name, f"{found.get(name, '')} {text}")
            found[name] = text
    return {name: re.sub(r":\w+:`~?([^`]+)`|``([^`]*)``", r"\1\2", text) for name, text in found.items()}


def _help(text: str) -> str:
    """A text as argparse wants it: a per cent sign would begin a placeholder, and nothing would show no default."""
    return text.rstrip(".").replace("%", "%%") or " "


def _settings(options: argparse.Namespace) -> tuple[problems.Problem, Config]:
    """The problem and the config that the options describe."""
    given = vars(options)
    of_rba = {item.name: given[item.name] for item in RBA_FIELDS}
    RBA(**of_rba)  # says what is wrong with them, even where they are not used
    rule = weightings.made(options.weighting, of_rba if options.weighting in manifest.OF_RBA else {})
    names = [item.name for item in dataclasses.fields(Config) if item.name in given]
    config = Config(**{name: given[name] for name in names} | {"weighting": rule})
    of_problem = {name.removeprefix(PROBLEM): value for name, value in given.items() if name.startswith(PROBLEM)}
    return options.kind(**of_problem), config


def _train(options: argparse.Namespace) -> int:
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    problem, config = _settings(options)
    if options.forecast:
        print(forecast(problem, config))
        return 0
    if options.out is None:
        raise ValueError("the run has no place to be saved to: give --out RECORD, such as --out run.npz")
    if options.seeds:
        return _train_seeds(problem, config, options)
    out: Path = options.out
    saving = {"checkpoint": out, "checkpoint_every": options.checkpoint_every}
    if out.exists() and not options.resume:
        raise ValueError(f"{out} exists already: pass --resume to go on from it, or choose another --out")
    npz.check_place(out)
    if out.exists():
        stored = Run.load(out)
        free = {"steps": 0, "device": ""}  # what may change on the way
        asked, had = config.as_dict() | free, stored.config.as_dict() | free
        other = [name for name in asked if asked[name] != had[name]]
        if stored.problem is None:  # a user's own, which a file cannot make again
            settings.check_fits(stored.problem_spec, problem, str(out))
        elif repr(stored.problem) != repr(problem):
            other.append("problem")
        if other:
            raise ValueError(
                f"{out} was trained with other settings of {', '.join(other)}: give the same, or choose another --out"
            )
        run = resume(stored, problem=problem, steps=config.steps, device=config.device, **saving)
    else:
        run = train(problem, config, **saving)
    if int(os.environ.get("RANK", "0")):  # torchrun has several processes at one run, and the first one speaks
        return 0 if run.complete else 130
    run.save(out)
    print(run)
    print(f"saved to {out}")
    if not run.complete:
        print("stopped early: the same command with --resume goes on")
        return 130
    return 0


def _train_seeds(problem: problems.Problem, config: Config, options: argparse.Namespace) -> int:
    files = [Path(str(options.out).replace("{seed}", str(seed))) for seed in options.seeds]
    if there := [file for file in files if file.exists()]:
        raise ValueError(
            f"{there[0]} exists already: go on from it with --seed and --resume, one seed at a time, or choose another --out"
        )
    for file in files:
        npz.check_place(file)
    runs = train_ensemble(problem, config, options.seeds, checkpoint=options.out, checkpoint_every=options.checkpoint_every)
    for run, file in zip(runs, files, strict=True):
        run.save(file)  # raises where a checkpoint only warns
        print(run)
    if not all(run.complete for run in runs):
        print("stopped early: the same command with --seed and --resume goes on, one seed at a time")
        return 130
    return 0


def _sweep(options: argparse.Namespace) -> int:
    entries = manifest.read(options.list)
    folder = options.folder or options.list.parent
    if options.status:
        return _status(entries, folder)
    outcome = sweep.sweep(
        entries,
        folder,
        jobs=options.jobs,
        scheduler=options.scheduler,
        checkpoint_every=options.checkpoint_every,
        seconds=options.seconds,
    )
    print(f"{len(outcome.done)} made, {len(outcome.skipped)} there already, {len(outcome.failed)} failed")
    for name, why in outcome.failed.items():
        print(f"failed: {name}: {why}", file=sys.stderr)
    return 1 if outcome.failed else 0


def _status(entries: list[manifest.Entry], folder: Path) -> int:
    wide = max(len(entry.name) for entry in entries)
    kinds: dict[str, int] = {}
    for entry in entries:
        found = manifest.state(entry, folder)
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
        cost = f"{found.seconds:,.0f} s" if found.seconds else ""
        print(
            f"{entry.name:<{wide}}  {found.kind:<8} {found.step:>9,} of {entry.config.last_step:,} steps  {cost:>9}  {found.why}"
        )
    print(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    return 0 if set(kinds) <= {"done"} else 1


def _info(options: argparse.Namespace) -> int:
    print(report.summary(Run.load(options.record)))
    return 0


def _compact(options: argparse.Namespace) -> int:
    targets = [options.folder / path.name for path in options.records]
    for target in targets:  # before the first, and what is there may be the very record that is read
        if target.exists():
            raise ValueError(f"{target} exists already: move it away, or choose another --folder")
        if targets.count(target) > 1:
            raise ValueError(f"two records would become {target}: make them small one at a time, each with a --folder of its own")
    for path, target in zip(options.records, targets, strict=True):
        before = path.stat().st_size
        Run.load(path).compacted(rows=options.rows, snapshots=options.snapshots).save(target)
        print(f"{target}: {before / 1e3:,.0f} kB before, {target.stat().st_size / 1e3:,.0f} kB now")
    return 0


def _compare(options: argparse.Namespace) -> int:
    paths = options.records
    print(report.compare([Run.load(path) for path in paths], [path.stem for path in paths]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
