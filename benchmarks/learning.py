"""Learning policies: events per CPU second of the kernel, beside a numpy loop that scores all items of every event.

    python -m benchmarks learning

1M events of an even logger, one thread. The loop has the same rules (Sherman and Morrison, batches of one) and takes
the first thousandths of the events; both accept the same ones.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks._results import Outcome, keep
from benchmarks._timing import quick
from recsys.kernels import BanditEvents, BanditRule, replay_bandit

EVENTS = 100_000 if quick() else 1_000_000
LOOPED = 2_000 if quick() else 10_000
CASES = ((10, 10), (100, 10), (100, 20))
RULES = {
    "linucb": BanditRule(alpha=0.5),
    "linear thompson": BanditRule(noise=0.3),
    "epsilon-greedy": BanditRule(epsilon=0.1),
    "thompson": BanditRule("beta"),
}


def made(n: int, n_arms: int, d: int) -> BanditEvents:
    """Return an evenly random log of clicks that depend on context and item."""
    rng = np.random.default_rng(1)
    contexts = np.hstack([np.ones((n, 1)), rng.normal(size=(n, d - 1))])
    actions = rng.integers(n_arms, size=n).astype(np.int32)
    taste = 0.3 * rng.normal(size=(n_arms, d))
    chance = 1 / (1 + np.exp(2 - (contexts * taste[actions]).sum(axis=1)))
    items = np.arange(n_arms, dtype=np.int32)
    return BanditEvents(
        contexts, actions, (rng.random(n) < chance).astype(np.float64), np.ones(n), np.zeros(n, np.int32),
        np.array([0, n_arms]), items,
    )  # fmt: skip


def looped(events: BanditEvents, alpha: float, n_arms: int) -> list[int]:
    """Return what LinUCB accepts: all items scored at once, one numpy call a step."""
    d = events.contexts.shape[1]
    inverse, theta = np.tile(np.eye(d), (n_arms, 1, 1)), np.zeros((n_arms, d))
    accepted = []
    for row, x in enumerate(events.contexts[:LOOPED]):
        moved = inverse @ x
        scores = theta @ x + alpha * np.sqrt(moved @ x)
        arm = int((scores > scores.max() - 1e-12).argmax())  # BLAS rounds equal scores apart
        if arm != events.actions[row]:
            continue
        accepted.append(row)
        scale = 1 / (1 + moved[arm] @ x)
        theta[arm] += moved[arm] * ((events.rewards[row] - theta[arm] @ x) * scale)
        inverse[arm] -= np.outer(moved[arm], moved[arm]) * scale
    return accepted


def main() -> None:
    """Print and keep CPU seconds for all events, and how many times as fast as the loop the kernel is."""
    outcomes = []
    for n_arms, d in CASES:
        events = made(EVENTS, n_arms, d)
        began = time.process_time()
        same = looped(events, 0.5, n_arms)
        per_event = (time.process_time() - began) / LOOPED
        for name, rule in RULES.items():
            began = time.process_time()
            run = replay_bandit(events, rule, n_arms=n_arms)
            spent = time.process_time() - began
            told, case = "", f"{name}, {n_arms} items, d = {d}, {EVENTS:,} events"
            outcome = Outcome(case, spent, "CPU s")
            if name == "linucb":
                if run.rows[run.rows < LOOPED].tolist() != same:
                    raise SystemExit("the kernel and the loop do not accept the same events")
                told = f"  {per_event * EVENTS / spent:6.1f}x a numpy loop ({per_event * 1e6:.0f} us an event)"
                looping = per_event * EVENTS
                outcome = outcome._replace(peer="numpy loop", theirs=looping, ratio=looping / spent)
            outcomes.append(outcome)
            print(f"{n_arms:4d} items, d = {d:2d}  {name:16s} {spent:6.2f} CPU s, {len(run.rows):,} accepted{told}")
    keep("learning", outcomes)


if __name__ == "__main__":
    main()
