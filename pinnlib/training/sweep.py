"""Making all runs of a list: what is done is skipped, what is half done goes on, what fails is named.

Every run is a process of its own, or a task of a Dask cluster.  A run's bits do not depend on what runs beside it.
"""

from __future__ import annotations

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..runs import Run
from .loop import Trainer
from .manifest import Entry, path_of, state
from .restore import begin_branch, restore

__all__ = ["Outcome", "sweep", "work"]


@dataclass
class Outcome:
    """What a sweep did, by the names of records."""

    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def sweep(
    entries: Sequence[Entry],
    folder: str | os.PathLike[str],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    checkpoint_every: float = 60.0,
    seconds: float = math.inf,
    progress: bool = True,
) -> Outcome:
    """Make all records of a list that are not there yet.

    Args:
        entries: see :func:`pinnlib.training.manifest.read`.
        folder: where the records are and come to be.
        jobs: processes at work at once.
        scheduler: address of a Dask scheduler, whose workers see the same folder; instead of processes.
        checkpoint_every: seconds between two checkpoints of a run.
        seconds: to stop after, for a machine that is lent for a while; what is half done is saved.  Not with a scheduler.
        progress: show a progress bar on stderr.

    Raises:
        OSError: the folder cannot be written, or another sweep is at work in it.
        ValueError: fewer than 1 job, no time, or a time and a scheduler.
    """
    if jobs < 1:
        raise ValueError(f"jobs = {jobs}: give at least 1")
    if not seconds > 0.0:
        raise ValueError(f"seconds = {seconds}: give a positive time")
    if scheduler is not None and seconds < math.inf:
        raise ValueError(f"seconds = {seconds} with a scheduler: a cluster's workers are not stopped, leave one of the two out")
    outcome = Outcome()
    with _alone(Path(folder)):
        todo, already = [], 0
        for entry in entries:
            found = state(entry, folder)
            if found.kind == "done":
                outcome.skipped.append(entry.name)
            elif found.kind in ("stale", "damaged"):
                outcome.failed[entry.name] = f"{found.why}: move {path_of(entry, folder)} away to make it anew"
            else:
                todo.append(entry)
                already += found.step
        bar = tqdm(
            total=sum(entry.config.last_step for entry in todo),
            initial=already,
            disable=not progress,
            file=sys.stderr,
            mininterval=1.0,
            unit="step",
            leave=False,
        )
        with bar:
            if scheduler is None:
                _local(todo, Path(folder), jobs, checkpoint_every, seconds, outcome, bar)
            else:
                _cluster(todo, Path(folder), scheduler, checkpoint_every, outcome, bar)
    return outcome


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it when this process ends, however it ends."""
    if os.name != "posix":
        raise OSError(f"a sweep needs Linux or macOS, and this is {sys.platform}: train the runs one by one")
    import fcntl

    lock = folder / ".sweep.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OSError(f"cannot write into {folder} ({error.strerror}): choose another folder") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"another sweep is at work in {folder}: wait for it, or choose another folder") from None
        yield  # the file stays: taken away, it would let a third process lock another of the same name
    finally:
        os.close(handle)


# ---- processes of this machine


def _local(todo: list[Entry], folder: Path, jobs: int, every: float, seconds: float, outcome: Outcome, bar: tqdm) -> None:
    """Keep ``jobs`` processes at work, and read what they say."""
    waiting = list(todo)
    at_work: dict[subprocess.Popen[str], Entry] = {}
    steps = {entry.name: 0 for entry in todo}
    said: dict[str, dict[str, Any]] = {}
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or at_work:
                while waiting and len(at_work) < jobs:
                    entry = waiting.pop(0)
                    process = _start(entry, folder, every)
                    at_work[process] = entry
                    assert process.stdout is not None  # a pipe
                    selector.register(process.stdout, selectors.EVENT_READ, process)
                if time.monotonic() > end:  # each saves, says so and ends
                    for process in at_work:
                        process.send_signal(signal.SIGINT)
                    waiting, end = [], math.inf
                for key, _ in selector.select(1.0):
                    process = key.data
                    line = process.stdout.readline()
                    entry = at_work[process]
                    if line:
                        try:
                            message = json.loads(line)
                        except ValueError:  # some library's own words
                            continue
                        said[entry.name] = message
                        bar.update(message["step"] - steps[entry.name] if steps[entry.name] else 0)
                        steps[entry.name] = message["step"]
                        bar.set_description(f"{len(outcome.done)} of {len(todo)} done", refresh=False)
                        continue
                    selector.unregister(process.stdout)
                    del at_work[process]
                    _ended(entry, process, said.get(entry.name, {}), outcome)
        finally:  # Ctrl-C has reached them too, and they are saving
            for process in at_work:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10.0)
                process.kill()
                process.wait()


def _start(entry: Entry, folder: Path, every: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pinnlib.training.sweep", entry.to_json(), str(path_of(entry, folder)), str(every)]
    # one thread from the start: a pool of threads that is made larger first is not made smaller later
    environment = os.environ | {"OMP_NUM_THREADS": str(entry.threads), "MKL_NUM_THREADS": str(entry.threads)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)


def _ended(entry: Entry, process: subprocess.Popen[str], last: dict[str, Any], outcome: Outcome) -> None:
    status = process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
    if last.get("error"):
        outcome.failed[entry.name] = last["error"]
    elif status:
        outcome.failed[entry.name] = f"its process ended with status {status}"
    elif not last.get("complete"):
        outcome.failed[entry.name] = f"stopped at step {last.get('step', 0)}: the same sweep goes on from there"
    else:
        outcome.done.append(entry.name)


def work(entry: Entry, path: str, every: float, report: Callable[[int], None] = lambda step: None) -> bool:
    """Make one record, or go on with it; returns whether it is complete."""

    torch.set_num_threads(entry.threads)
    trainer = Trainer(entry.build(), entry.config)
    if Path(path).exists():
        restore(trainer, Run.load(path))  # a complete one was skipped
    elif entry.branch:
        begin_branch(trainer, Run.load(entry.branch))
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            report(trainer.state.step)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        (run,) = trainer.run([path], every, None, False)
    finally:
        ended.set()
        watcher.join()
        report(trainer.state.step)
    entry.finished(run).save(path)  # raises where a checkpoint only warns
    return run.complete


def _main(text: str, path: str, every: str) -> int:
    """The process of one run: says its step, or at the end its error, line by line; ends when its parent does."""

    def orphaned() -> None:
        sys.stdin.read()
        os._exit(1)

    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get among the messages

    def say(**message: Any) -> None:
        print(json.dumps(message), file=channel, flush=True)

    threading.Thread(target=orphaned, daemon=True).start()
    step = 0

    def report(now: int) -> None:
        nonlocal step
        step = now
        say(step=step)

    try:
        complete = work(Entry.from_json(text), path, float(every), report)
        say(step=step, complete=complete)
    except Exception as error:
        say(step=step, error=str(error) or type(error).__name__)
        return 1
    return 0


# ---- a Dask cluster


def _cluster(todo: list[Entry], folder: Path, scheduler: str, every: float, outcome: Outcome, bar: tqdm) -> None:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError("--scheduler needs Dask: pip install 'pinnlib[cluster]'") from error
    try:
        client = Client(scheduler, timeout=30)
    except OSError as error:
        raise OSError(f"no Dask scheduler answers at {scheduler} ({error}): start one with dask scheduler") from error
    with client:
        entries = {
            client.submit(
                work, entry, str(path_of(entry, folder.resolve())), every, key=f"{entry.name}-{time.time()}", pure=False
            ): entry
            for entry in todo
        }
        for future in as_completed(entries):
            entry = entries[future]
            if future.status == "finished":
                outcome.done.append(entry.name)
            else:
                why = future.exception()
                outcome.failed[entry.name] = str(why) or type(why).__name__
            bar.update(entry.config.last_step)
            bar.set_description(f"{len(outcome.done)} of {len(todo)} done", refresh=False)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
