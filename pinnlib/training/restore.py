"""Going on where a run stands, with its settings or, as a branch, with others."""

from __future__ import annotations

from dataclasses import replace

from ..runs import Run
from ..runs.settings import canonical
from .loop import Trainer

__all__ = ["begin_branch", "restore"]

#: What a branch cannot change, since its state would not fit: the network, the points, and what draws the data.
SAME_IN_BRANCHES = (
    *("width", "depth", "activation", "bias_init", "points", "data_points", "sampling"),
    *("seed", "start", "perturbation", "dtype"),
)


def restore(trainer: Trainer, run: Run) -> None:
    """Take over a run's state, history and snapshots.

    Raises:
        ValueError: the run was made compact.
    """
    if run.compact:
        raise ValueError(f"the run of step {run.step} was made compact and has lost Adam's moments: go on from a checkpoint")
    state, kept = trainer.state, {name: trainer.state.tensor(values) for name, values in run.state.items()}
    state.theta.copy_(kept["parameters"])
    state.attention.copy_(kept["rba"])
    state.step = run.step
    trainer.objective.take(replace(trainer.objective.collocation, points=state.tensor(run.points)))
    if state.step:
        trainer.adam.load(min(state.step, run.config.steps), kept)
    if trainer.finish and state.step > trainer.config.steps:
        trainer.finish.load(state.step - trainer.config.steps, kept)
    trainer.history.load(run)


def begin_branch(trainer: Trainer, run: Run) -> None:
    """Begin where a run stands, with other settings: its state, none of its history.

    Raises:
        ValueError: another problem, network or points than the run's, or a last step that the run has passed.
    """
    own, other = trainer.config, run.config
    differ = [name for name in SAME_IN_BRANCHES if getattr(own, name) != getattr(other, name)]
    if differ or canonical(run.problem_spec["settings"]) != canonical(trainer.problem.settings()):
        what = ", ".join(f"{name} = {getattr(other, name)!r}" for name in differ) or run.problem
        raise ValueError(
            f"a branch has another {', '.join(differ) or 'problem'} than the run that it begins from: "
            f"give it the run's own ({what})"
        )
    if (own.last_step if own.steps == run.step else own.steps) <= run.step:  # a finish alone may follow
        raise ValueError(f"steps = {own.steps}: the run that the branch begins from is at step {run.step}, give a later step")
    restore(trainer, run)
    trainer.history.begin_branch(run)
