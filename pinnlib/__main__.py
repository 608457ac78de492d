"""Command line: ``python -m pinnlib train``, ``sweep``, ``info``, ``compare`` and ``compact``."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import problems, weightings
from .config import Config
from .rba import NORMALIZATIONS, RBA
from .runs import Run, report
from .training import TrainingDiverged, forecast, manifest, resume, sweep, train, train_ensemble

# The assignment is what the name of the weighting says.
RBA_FIELDS = [item for item in dataclasses.fields(RBA) if item.name != "assignment"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, OSError, TrainingDiverged) as error:
        print(f"pinnlib: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pinnlib", description="Train PINNs and look at what they do while they learn."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    training = commands.add_parser("train", help="train a benchmark and save the run as a record")
    kinds = training.add_subparsers(required=True, metavar="PROBLEM", dest="problem")
    for name, problem in problems.KNOWN.items():
        one = kinds.add_parser(
            name, help=(problem.__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        _add_problem(one, problem)
        _add_config(one)
        one.add_argument("--out", type=Path, required=True, help="the record; renewed at every checkpoint")
        one.add_argument(
            "--seeds", type=int, nargs="+", metavar="SEED", help="several at once, instead of --seed; put {seed} into --out"
        )
        one.add_argument("--resume", action="store_true", help="go on from the record if it exists")
        one.add_argument("--checkpoint-every", type=float, default=60.0, metavar="SECONDS", help="time between two checkpoints")
        one.add_argument("--forecast", action="store_true", help="only say how long it would take, from a few steps made here")
        one.add_argument("--threads", type=int, default=None, help="CPU threads; torch's choice unless told")
        one.set_defaults(command=_train)

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


def _add_problem(parser: argparse.ArgumentParser, problem: type[problems.Problem]) -> None:
    group = parser.add_argument_group("problem")
    for name, parameter in inspect.signature(problem).parameters.items():
        default = parameter.default
        kind: dict[str, Any] = {"nargs": len(default), "type": float} if isinstance(default, tuple) else {"type": type(default)}
        group.add_argument(f"--{name.replace('_', '-')}", default=default, help=" ", **kind)


def _add_config(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training", "see pinnlib.Config for what each setting means")
    for item in dataclasses.fields(Config):
        flag = f"--{item.name.replace('_', '-')}"
        if item.name == "weighting":
            group.add_argument(flag, choices=tuple(weightings.NAMED), default="vanilla", help="of the residuals")
        elif "bool" in item.type:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=item.default, help=" ")
        else:
            group.add_argument(flag, type=type(item.default), default=item.default, help=" ")
    group = parser.add_argument_group("residual-based attention", "used with --weighting rba, ramp, permuted; see pinnlib.RBA")
    for item in RBA_FIELDS:
        choices: dict[str, Any] = {"choices": NORMALIZATIONS} if item.name == "normalization" else {}
        kind = float if item.default is None else type(item.default)
        group.add_argument(f"--{item.name.replace('_', '-')}", type=kind, default=item.default, help=" ", **choices)


def _settings(options: argparse.Namespace) -> tuple[problems.Problem, Config]:
    """The problem and the config that the options describe."""
    given = {f.name: getattr(options, f.name) for f in dataclasses.fields(Config) if f.name != "weighting"}
    of_rba = {f.name: getattr(options, f.name) for f in RBA_FIELDS}
    RBA(**of_rba)  # says what is wrong with them, even where they are not used
    rule = weightings.made(options.weighting, of_rba if options.weighting in manifest.OF_RBA else {})
    config = Config(**given, weighting=rule)
    kind = problems.KNOWN[options.problem]
    return kind(**{name: getattr(options, name) for name in inspect.signature(kind).parameters}), config


def _train(options: argparse.Namespace) -> int:
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    out: Path = options.out
    saving = {"checkpoint": out, "checkpoint_every": options.checkpoint_every}
    problem, config = _settings(options)
    if options.forecast:
        print(forecast(problem, config))
        return 0
    if options.seeds:
        return _train_seeds(problem, config, options)
    if out.exists() and not options.resume:
        raise ValueError(f"{out} exists already: pass --resume to go on from it, or choose another --out")
    if out.exists():
        stored = Run.load(out)
        free = {"steps": 0, "device": ""}  # what may change on the way
        asked, had = config.as_dict() | free, stored.config.as_dict() | free
        other = [name for name in asked if asked[name] != had[name]]
        if repr(stored.problem) != repr(problem):
            other.append("problem")
        if other:
            raise ValueError(
                f"{out} was trained with other settings of {', '.join(other)}: give the same, or choose another --out"
            )
        run = resume(stored, steps=config.steps, device=config.device, **saving)
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
    there = [f for f in (str(options.out).replace("{seed}", str(seed)) for seed in options.seeds) if Path(f).exists()]
    if there:
        raise ValueError(
            f"{there[0]} exists already: go on from it with --seed and --resume, one seed at a time, or choose another --out"
        )
    runs = train_ensemble(problem, config, options.seeds, checkpoint=options.out, checkpoint_every=options.checkpoint_every)
    for run in runs:
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
        print(f"{entry.name:<{wide}}  {found.kind:<8} {found.step:>9,} of {entry.config.steps:,} steps  {cost:>9}  {found.why}")
    print(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    return 0 if set(kinds) <= {"done"} else 1


def _info(options: argparse.Namespace) -> int:
    print(report.summary(Run.load(options.record)))
    return 0


def _compact(options: argparse.Namespace) -> int:
    for path in options.records:
        before = path.stat().st_size
        target = Run.load(path).compacted(rows=options.rows, snapshots=options.snapshots).save(options.folder / path.name)
        print(f"{target}: {before / 1e3:,.0f} kB before, {target.stat().st_size / 1e3:,.0f} kB now")
    return 0


def _compare(options: argparse.Namespace) -> int:
    paths = options.records
    print(report.compare([Run.load(path) for path in paths], [path.stem for path in paths]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
