"""The search itself: batches of trials climb the rungs, on threads that compute while one coordinator decides."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from recsys.core.errors import DataError, RecsysError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.threads import single_threaded_blas, thread_count, thread_limit
from recsys.evaluation.proposing import Candidate, Chosen, Proposal, Rotation
from recsys.evaluation.rungs import GROWTH, Rung, take_look
from recsys.evaluation.tuning_result import Look, Trial, TrialStatus, settings_text
from recsys.metrics import MetricSpec

BATCH = 6
_logger = logging.getLogger("recsys")


class _StoppedError(Exception):
    """Ends a training from its progress callback: the search is over."""


@dataclass(eq=False)
class _Running:
    """A trial under way."""

    number: int
    candidate: Candidate
    chosen: Chosen
    looks: list[Look] = field(default_factory=list)
    seconds: float = 0.0

    def over(self, status: TrialStatus, error: str = "") -> Trial:
        params = self.candidate.params(self.chosen)
        if status == "finished" and self.looks[-1].epochs is not None:
            params["iterations"] = self.looks[-1].epochs
        return Trial(
            self.number,
            self.candidate.name,
            dict(self.chosen),
            params,
            status,
            tuple(self.looks),
            self.seconds,
            error,
        )


class Search:
    """Tries settings until there are enough, none is left, or the time is up.

    The trials are made in batches of six. All of a batch take their first look on the smallest rung; the best third of
    all trials that ever looked at a rung, and every model as it came, go on to the next (successive halving, Jamieson
    and Talwalkar 2016, with the promotions of Li et al. 2020). What is proposed and who goes on depends on the numbers
    of the trials alone, never on which of them was ready first: one thread and many find the same.

    Parameters
    ----------
    rotation : Rotation
        What is proposed.
    rungs : sequence of Rung
        The smallest first.
    metric : MetricSpec
    jobs : int
        Trials at a time; the threads of the process are divided among them.
    deadline : float, optional
        When to stop, by `time.monotonic`.
    known : iterable of Trial
        Trials that are over already: not repeated, their numbers stand.
    on_trial : callable, optional
        Told of every new trial that is over, in the thread that called `run`.
    progress : callable
        Told the same.
    """

    def __init__(
        self,
        rotation: Rotation,
        rungs: Sequence[Rung],
        metric: MetricSpec,
        *,
        jobs: int = 1,
        deadline: float | None = None,
        known: Iterable[Trial] = (),
        on_trial: Callable[[Trial], None] | None = None,
        progress: ProgressCallback = silent,
    ) -> None:
        self._rotation, self._rungs, self._metric = rotation, rungs, metric
        self._jobs, self._deadline = jobs, deadline
        self._known = {trial.number: trial for trial in known}
        self._on_trial, self._progress = on_trial, progress
        self._share = max(1, thread_count() // jobs)
        self._sign = 1 if metric.metric.better == "lower" else -1
        self._values: list[list[tuple[float, int]]] = [[] for _ in rungs]
        self._stop = threading.Event()
        self._made: dict[int, Trial] = {}
        self._total = 0

    @property
    def stopped(self) -> bool:
        """Whether the search ended before its time."""
        return self._stop.is_set()

    def run(self, trials: int) -> tuple[Trial, ...]:
        """Return the trials that are over, in the order of their numbers.

        Raises
        ------
        DataError
            A known trial is not the one that this search would have made.
        """
        self._total = trials
        # The limit of BLAS is one for the whole process: threads that set and restored it each for itself would leave
        # it wrong.
        with single_threaded_blas(), ThreadPoolExecutor(self._jobs, thread_name_prefix="recsys-trial") as pool:
            for start in range(0, trials, BATCH):
                numbers = range(start, min(start + BATCH, trials))
                asked = {number: found for number in numbers if (found := self._rotation.ask(number)) is not None}
                self._climb(pool, asked)
                if self._stop.is_set() or len(asked) < len(numbers):
                    break
                for number in numbers:
                    self._rotation.tell(self._made[number])
        return tuple(self._made[number] for number in sorted(self._made))

    def _climb(self, pool: ThreadPoolExecutor, asked: Mapping[int, Proposal]) -> None:
        """Bring a batch up the rungs, until all of it is over or the search is stopped."""
        for number in asked:
            if number in self._known:
                self._made[number] = _same(self._known[number], asked[number])
        climbing = [_Running(number, *asked[number]) for number in asked if number not in self._made]
        for place, rung in enumerate(self._rungs):
            last = place == len(self._rungs) - 1
            climbing = self._look(pool, rung, climbing, last=last)
            if last or self._stop.is_set():
                return
            climbing = self._promote(place, climbing, asked)

    def _promote(self, place: int, climbing: list[_Running], asked: Mapping[int, Proposal]) -> list[_Running]:
        """Return who goes on to the next rung; the others are over."""
        looked: dict[int, Sequence[Look]] = {
            **{number: self._made[number].looks for number in asked if number in self._known},
            **{one.number: one.looks for one in climbing},
        }
        values = self._values[place]
        values += [(self._sign * looks[place].value, number) for number, looks in looked.items() if len(looks) > place]
        values.sort()
        best = {number for _, number in values[: math.ceil(len(values) / GROWTH)]}
        going = [one for one in climbing if one.number in best or one.chosen == one.candidate.start]
        for one in climbing:
            if one not in going:
                self._settle(one.over("pruned"))
        return going

    def _look(
        self, pool: ThreadPoolExecutor, rung: Rung, climbing: Iterable[_Running], *, last: bool
    ) -> list[_Running]:
        """Have trials look at a rung; return those that are not broken, in their order."""
        futures = {pool.submit(self._work, rung, one): one for one in climbing}
        left = None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)
        ready: list[_Running] = []
        try:
            for future in as_completed(futures, timeout=left):
                one, found = futures[future], future.result()
                if isinstance(found, str):
                    self._settle(one.over("failed", found))
                    continue
                one.looks.append(found)
                ready.append(one)
                if last:
                    self._settle(one.over("finished"))
        except TimeoutError:
            self._stop.set()
        except BaseException:  # Ctrl-C first of all: the trainings under way end at their next step
            self._stop.set()
            raise
        finally:
            if self._stop.is_set():
                for future in futures:
                    future.cancel()
        return sorted(ready, key=lambda one: one.number)

    def _work(self, rung: Rung, one: _Running) -> Look | str:
        """Take one look; what is wrong with the trial is told, not raised."""
        began = time.perf_counter()

        def check(_: Progress) -> None:
            if self._stop.is_set():
                raise _StoppedError

        try:
            with thread_limit(self._share):
                model = one.candidate.base.clone(**one.chosen)
                watch = model.learns_in_epochs and "iterations" not in one.candidate.space
                found = take_look(model, rung, self._metric, watch_epochs=watch, progress=check)
        except _StoppedError:
            raise
        except Exception as error:
            _logger.debug("trial %d failed", one.number, exc_info=True)
            return str(error) if isinstance(error, RecsysError) else f"{type(error).__name__}: {error}"
        finally:
            one.seconds += time.perf_counter() - began
        return found if math.isfinite(found.value) else f"{self._metric.name} is {found.value}"

    def _settle(self, trial: Trial) -> None:
        """Keep a trial that is over, and tell of it."""
        self._made[trial.number] = trial
        if self._on_trial is not None:
            self._on_trial(trial)
        values = [self._sign * one.value for one in self._made.values() if one.status == "finished"]
        shown = {f"best {self._metric.name}": self._sign * min(values)} if values else {}
        self._progress(Progress("tune", len(self._made), self._total, "trials", shown))


def _same(known: Trial, proposal: Proposal) -> Trial:
    """Return a known trial if it is what the search proposes."""
    if (known.model, dict(known.chosen)) == (proposal.candidate.name, dict(proposal.chosen)):
        return known
    now = f"{proposal.candidate.name} {settings_text(proposal.chosen)}"
    raise DataError(
        f"trial {known.number} was {known.model} {settings_text(known.chosen)}, and would now be {now}",
        "the same sequence of trials was expected",
        "another version proposes other settings: start a new search",
    )
