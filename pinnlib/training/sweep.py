"""Making all runs of a list: what is done is skipped, what is half done goes on, what fails is named.

Every run is a process of its own, or a task of a Dask cluster.  A run's bits do not depend on what runs beside it.
A problem that is not named, such as one of a class in a notebook, is pickled on its way to the process, and never in a file.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import selectors
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import cloudpickle
import torch
from tqdm import tqdm

from ..problems import Problem
from ..runs import Run
from .checkpoint import TrainingDiverged
from .loop import Trainer
from .manifest import Entry, path_of, state
from .restore import begin_branch, restore

__all__ = ["Outcome", "sweep", "work"]

#: Seconds that a run may take to save when the time is over.
SAVING = 20.0


@dataclass
class Outcome:
    """What a sweep did, by the names of records; of those that failed, which because their loss is no longer finite."""

    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    diverged: list[str] = field(default_factory=list)

    def fail(self, name: str, why: str, diverged: bool) -> None:
        """Take down a failure."""
        self.failed[name] = why
        if diverged:
            self.diverged.append(name)


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

    A problem that cannot be sent to another process is trained in this one, and a warning says so.  A request to terminate is
    one to save and stop, as Ctrl-C is.

    Args:
        entries: see :func:`pinnlib.training.manifest.read`.
        folder: where the records are and come to be.
        jobs: processes at work at once.
        scheduler: address of a Dask scheduler, whose workers see the same folder; instead of processes.
        checkpoint_every: seconds between two checkpoints of a run.
        seconds: to stop after, for a machine that is lent for a while; what is half done is saved, within 20 seconds more.  Not
            with a scheduler.
        progress: show a progress bar on stderr.

    Raises:
        OSError: the folder cannot be written, or another sweep is at work in it.
        ValueError: fewer than 1 job, no time, or a time and a scheduler.
        KeyboardInterrupt: Ctrl-C, or a request to terminate; what was trained is kept.
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
        try:
            with bar:
                if scheduler is None:
                    unsent = _local(todo, Path(folder), jobs, checkpoint_every, seconds, outcome, bar)
                    with _terminated_as_at_ctrl_c():
                        _here([entry for entry in todo if entry.name in unsent], Path(folder), checkpoint_every, outcome, bar)
                else:
                    _cluster(todo, Path(folder), scheduler, checkpoint_every, outcome, bar)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; what was trained is in {folder}, and the same sweep goes on from there") from None
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


@contextmanager
def _terminated_as_at_ctrl_c(at_work: Iterable[subprocess.Popen[str]] = ()) -> Iterator[None]:
    """Turn a request to terminate into Ctrl-C, here and in the processes at work, which hear nothing of it else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_terminate(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # timeout sends two, and the second must not end the saving
        for process in at_work:
            process.terminate()
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, on_terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _local(todo: list[Entry], folder: Path, jobs: int, every: float, seconds: float, outcome: Outcome, bar: tqdm) -> set[str]:
    """Keep ``jobs`` processes at work, and read what they say; returns names of those whose problem cannot be sent to one."""
    waiting, unsent = list(todo), set[str]()

    def not_sent(entry: Entry, why: str) -> None:
        if not unsent:
            warnings.warn(
                f"{type(entry.given).__name__} cannot be sent to another process ({why}): its runs are trained in this one, one "
                "after the other",
                stacklevel=4,
            )
        others = [one for one in waiting if one.given is entry.given]
        unsent.update(one.name for one in [entry, *others])
        waiting[:] = [one for one in waiting if one not in others]

    at_work: dict[subprocess.Popen[str], Entry] = {}
    steps = {entry.name: 0 for entry in todo}
    said: dict[str, dict[str, Any]] = {}
    end, over = time.monotonic() + seconds, False
    with _terminated_as_at_ctrl_c(at_work), selectors.DefaultSelector() as selector:
        try:
            while waiting or at_work:
                while waiting and len(at_work) < jobs:
                    entry = waiting.pop(0)
                    try:
                        parcel = _parcel(entry)
                    except Exception as error:  # a problem may hold anything
                        not_sent(entry, said_of(error))
                        continue
                    process = _start(entry, folder, every, parcel)
                    at_work[process] = entry
                    assert process.stdout is not None  # a pipe
                    selector.register(process.stdout, selectors.EVENT_READ, process)
                if time.monotonic() > end:  # each saves, says so and ends; or is killed
                    for process in at_work:
                        process.kill() if over else process.terminate()
                    waiting[:], end, over = [], time.monotonic() + SAVING, True
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
                    last = said.get(entry.name, {})
                    if "unsent" in last:
                        not_sent(entry, last["unsent"])
                    _ended(entry, process, last, outcome)
        finally:  # Ctrl-C has reached them too, and they are saving
            for process in at_work:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10.0)
                process.kill()
                process.wait()
    return unsent


def _parcel(entry: Entry) -> bytes:
    """A problem that is not named, behind the places where its modules are looked for."""
    return b"" if entry.given is None else cloudpickle.dumps(sys.path) + cloudpickle.dumps(entry.given)


def _start(entry: Entry, folder: Path, every: float, parcel: bytes) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pinnlib.training.sweep", entry.to_json(), str(path_of(entry, folder)), str(every)]
    command += ["sent"] * bool(parcel)
    # one thread from the start: a pool of threads that is made larger first is not made smaller later
    environment = os.environ | {"OMP_NUM_THREADS": str(entry.threads), "MKL_NUM_THREADS": str(entry.threads)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    if parcel:  # which a pipe may not hold, before the process reads
        threading.Thread(target=_send, args=(process.stdin, parcel), daemon=True).start()
    return process


def _send(pipe: IO[str], parcel: bytes) -> None:
    with suppress(OSError, ValueError):  # the process has ended, and says why
        pipe.buffer.write(parcel)  # type: ignore[attr-defined]
        pipe.flush()


def _ended(entry: Entry, process: subprocess.Popen[str], last: dict[str, Any], outcome: Outcome) -> None:
    status = process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with suppress(OSError):  # a parcel that was not read
            pipe.close()
    if "unsent" in last:
        return
    if last.get("error"):
        outcome.fail(entry.name, last["error"], last["diverged"])
    elif status:
        outcome.failed[entry.name] = f"its process ended with status {status}"
    elif not last.get("complete"):
        outcome.failed[entry.name] = f"stopped at step {last.get('step', 0)}: the same sweep goes on from there"
    else:
        outcome.done.append(entry.name)


def _here(todo: list[Entry], folder: Path, every: float, outcome: Outcome, bar: tqdm) -> None:
    """One after the other, in this process."""
    threads = torch.get_num_threads()
    try:
        for entry in todo:
            done = state(entry, folder).step  # which the bar has

            def report(step: int) -> None:
                nonlocal done
                bar.update(step - done)
                done = step

            try:
                complete = work(entry, str(path_of(entry, folder)), every, report)
            except Exception as error:
                outcome.fail(entry.name, said_of(error), isinstance(error, TrainingDiverged))
                continue
            if not complete:  # a training ends in good order at Ctrl-C, and those to come must not begin
                raise KeyboardInterrupt
            outcome.done.append(entry.name)
    finally:
        torch.set_num_threads(threads)


def said_of(error: BaseException) -> str:
    """What an error says; with its kind, where that is not a sentence of this library."""
    if str(error) and isinstance(error, ValueError | OSError | RuntimeError):
        return str(error)
    return f"{type(error).__name__}: {error}".rstrip(": ")


def work(entry: Entry, path: str, every: float, report: Callable[[int], None] = lambda step: None) -> bool:
    """Make one record, or go on with it; returns whether it is complete."""
    stored = Run.load(path, entry.given) if Path(path).exists() else None
    if stored and stored.complete:  # and only yet to be made small, for which no device is needed
        entry.finished(stored).save(path)
        return True
    torch.set_num_threads(entry.threads)
    trainer = Trainer(entry.build(), entry.config)
    if stored:
        restore(trainer, stored)
    elif entry.branch:
        beside_list, beside_runs = Path(entry.branch), Path(path).parent / Path(entry.branch).name
        begin_branch(trainer, Run.load(beside_list if beside_list.exists() else beside_runs))
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


def _received() -> Problem:
    """What :func:`_parcel` has packed, from this process's parent."""
    sys.path[:] = pickle.load(sys.stdin.buffer)
    return pickle.load(sys.stdin.buffer)


def _main(text: str, path: str, every: str, sent: str = "") -> int:
    """The process of one run: says its step, or at the end its error, line by line; ends when its parent does.

    A request to terminate is one to save and stop, as Ctrl-C is.  Before a run begins it ends the process at once.  A shell has
    its background processes ignore Ctrl-C, and those that they start would ignore it too.
    """

    def on_terminate(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the group's and the parent's may both come
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, on_terminate)

    def orphaned() -> None:
        sys.stdin.read()
        os._exit(1)

    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get among the messages

    def say(**message: Any) -> None:
        print(json.dumps(message), file=channel, flush=True)

    try:
        given = _received() if sent else None
    except Exception as error:
        say(step=0, unsent=said_of(error))
        return 1
    threading.Thread(target=orphaned, daemon=True).start()
    step = 0

    def report(now: int) -> None:
        nonlocal step
        step = now
        say(step=step)

    try:
        complete = work(Entry.from_json(text, given), path, float(every), report)
        say(step=step, complete=complete)
    except Exception as error:
        say(step=step, error=said_of(error), diverged=isinstance(error, TrainingDiverged))
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
                outcome.fail(entry.name, said_of(why), isinstance(why, TrainingDiverged))
            bar.update(entry.config.last_step)
            bar.set_description(f"{len(outcome.done)} of {len(todo)} done", refresh=False)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
