"""The bandit kernel against its twin, and against a plain loop that inverts every matrix anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recsys.core.errors import ArgumentError, DataError, RecsysError
from recsys.kernels import BanditEvents, BanditRule, BanditRun, _bandit, replay_bandit
from recsys.kernels import _reference_bandit as reference


def made_events(rng: np.random.Generator, n: int, n_arms: int, d: int, *, whole: bool = False) -> BanditEvents:
    """Two candidate sets; contexts with zeros and repeats, so that scores tie."""
    contexts = np.hstack([np.ones((n, 1)), rng.integers(-1, 2, (n, d - 1)) * 0.5])
    sets = [np.arange(n_arms), np.sort(rng.choice(n_arms, max(1, n_arms - 1), replace=False))]
    of_row = rng.integers(2, size=n)
    return BanditEvents(
        contexts,
        np.array([rng.choice(sets[one]) for one in of_row], np.int32).reshape(n),
        (rng.random(n) < 0.4).astype(float) if whole else rng.normal(size=n),
        rng.choice([0.3, 1.0], n),
        of_row.astype(np.int32),
        np.append(0, np.cumsum([len(one) for one in sets])).astype(np.int64),
        np.concatenate(sets).astype(np.int32),
        np.sort(rng.integers(0, 3 * n + 1, n)),
    )


@st.composite
def requests(draw: st.DrawFn) -> tuple[BanditEvents, BanditRule, dict[str, Any]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["linear", "linear", "beta"]))
    n_arms = draw(st.sampled_from([1, 2, 5]))
    n, d = draw(st.sampled_from([0, 1, 40, 700])), draw(st.sampled_from([1, 2, 4]))
    rule = BanditRule(
        kind,
        draw(st.sampled_from([0.0, 0.7])),
        draw(st.sampled_from([0.0, 0.3])),
        draw(st.sampled_from([0.0, 0.2])),
        draw(st.sampled_from([0.1, 1.0])),
        draw(st.sampled_from([(1.0, 1.0), (3.5, 20.0)])),
    )
    options: dict[str, Any] = {"n_arms": n_arms, "seed": draw(st.integers(-(2**63), 2**64 - 1))}
    options["update_every"] = draw(st.sampled_from([1, 7]))
    events = made_events(rng, n, n_arms, d, whole=kind == "beta")
    how = draw(st.sampled_from(["order", "delay", "periods", "drawn", "wrong"]))
    if how == "delay":
        options["delay"] = 20
    elif how == "periods":
        events = events._replace(periods=np.sort(rng.integers(0, 9, n)))
        options["delay_events"] = 3
    elif how == "drawn":
        options |= {"draw": 2 * n + 1, "jitter": 0.1, "delay_events": draw(st.sampled_from([0, 2])), "horizon": n + 1}
    elif how == "wrong":
        broken = [
            events._replace(actions=events.actions + n_arms),
            events._replace(chances=events.chances + 0.5),
            events._replace(rewards=events.rewards * np.nan),
            events._replace(contexts=events.contexts.astype(np.float32)),
            events._replace(times=events.times[::-1].copy() if events.times is not None else None),
            events._replace(set_starts=events.set_starts + 1),
        ]
        events = broken[draw(st.integers(0, len(broken) - 1))]
    return events, rule, options


def outcome(events: BanditEvents, rule: BanditRule, options: dict[str, Any]) -> tuple[Any, ...]:
    try:
        rows, steps, learned, batches = replay_bandit(events, rule, **options)
    except RecsysError as error:
        return type(error), str(error)
    return rows.tolist(), steps.tolist(), learned, batches


@settings(max_examples=60, deadline=None)
@given(requests())
def test_kernel_equals_its_twin(request: tuple[BanditEvents, BanditRule, dict[str, Any]]) -> None:
    compiled = outcome(*request)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference")
        assert outcome(*request) == compiled


def plain_linear(events: BanditEvents, alpha: float, ridge: float, n_arms: int, every: int, delay: int) -> list[int]:
    """LinUCB as the paper writes it, one matrix inversion an arm and event; learns batches after a delay in events."""
    d = events.contexts.shape[1]
    gram, moment = [ridge * np.eye(d) for _ in range(n_arms)], [np.zeros(d) for _ in range(n_arms)]
    accepted: list[int] = []
    learned = 0
    for row, x in enumerate(events.contexts):
        arrived = max(len(accepted) - delay, 0)
        if arrived - learned >= every:
            for past in accepted[learned:arrived]:
                gram[events.actions[past]] += np.outer(events.contexts[past], events.contexts[past])
                moment[events.actions[past]] += events.rewards[past] * events.contexts[past]
            learned = arrived
        code = events.sets[row]
        candidates = events.set_items[events.set_starts[code] : events.set_starts[code + 1]]
        inverses = [np.linalg.inv(gram[arm]) for arm in candidates]
        scores = [
            float(x @ inverse @ moment[arm] + alpha * np.sqrt(x @ inverse @ x))
            for arm, inverse in zip(candidates, inverses, strict=True)
        ]
        near = [arm for arm, score in zip(candidates, scores, strict=True) if score > max(scores) - 1e-9]
        if events.chances[row] == 1 and near[0] == events.actions[row]:
            accepted.append(row)
    return accepted


@pytest.mark.parametrize(("every", "delay"), [(1, 0), (10, 5)])
def test_linucb_equals_a_plain_loop(every: int, delay: int) -> None:
    rng = np.random.default_rng(5)
    events = made_events(rng, 6000, 4, 5)._replace(chances=np.ones(6000))
    events = events._replace(contexts=np.hstack([np.ones((6000, 1)), rng.normal(size=(6000, 4))]))
    found = replay_bandit(events, BanditRule(alpha=0.5), n_arms=4, update_every=every, delay_events=delay)
    expected = plain_linear(events, 0.5, 1.0, 4, every, delay)
    assert len(expected) > 1200  # several arms pass the 256 events after which matrices are solved anew
    assert found.rows.tolist() == expected


def test_sherman_morrison_stays_at_the_ridge_solution() -> None:
    """After some thousand updates with nearly collinear features, θ and A⁻¹ are those of a fresh solution."""
    rng = np.random.default_rng(2)
    n = 3000
    base = rng.normal(size=(n, 1))
    contexts = np.hstack([np.ones((n, 1)), base, base + 1e-3 * rng.normal(size=(n, 1))])
    arrays = reference.Arrays(
        contexts, np.zeros(n, np.int32), rng.normal(size=n), np.ones(n), np.zeros(n, np.int32),
        np.array([0, 1]), np.zeros(1, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64),
    )  # fmt: skip
    setting = reference.Setting(reference.LINEAR, 0, 0, 0, 1.0, 1, 1, 0, 0, 0, 1, n, False, 0.0)
    bandit = reference.Bandit(arrays, setting, 1)
    bandit.run(0, n)
    past = contexts[: bandit.learned]
    gram = np.eye(3) + past.T @ past
    # Sherman and Morrison lose about κ·ε an update: κ ≈ 1e6 here and at most 256 updates in a row
    np.testing.assert_allclose(bandit.inverse[0], np.linalg.inv(gram), rtol=1e-7)
    np.testing.assert_allclose(
        bandit.theta[0], np.linalg.solve(gram, past.T @ arrays.rewards[: bandit.learned]), rtol=1e-7
    )


def test_normal_draws_are_normal_quantiles() -> None:
    places = np.concatenate([np.logspace(-300, -1, 400), np.linspace(0.01, 0.99, 400), 1 - np.logspace(-15, -2, 100)])
    # AS 241 promises 1e-16; a last place of log and of each polynomial is added
    np.testing.assert_allclose([reference.normal(p) for p in places], stats.norm.ppf(places), rtol=5e-15)


def test_draws_of_the_kernel_are_those_of_the_twin_bit_for_bit() -> None:
    for number in range(3000):
        key = reference.mixed(number)
        assert _bandit.draws("normal", key) == reference.normal(reference.uniform(key, 0))
        assert _bandit.draws("beta", key, 1.0, 1.0 + number / 7) == reference.beta(key, 1.0, 1.0 + number / 7)


@pytest.mark.parametrize("shapes", [(1.0, 1.0), (1.0, 40.0), (2.5, 7.0), (900.0, 30_000.0)])
def test_beta_draws_have_their_distribution(shapes: tuple[float, float]) -> None:
    drawn = [_bandit.draws("beta", reference.mixed(number), *shapes) for number in range(20_000)]
    assert stats.kstest(drawn, stats.beta(*shapes).cdf).pvalue > 1e-3  # fixed seeds: one number, not a chance


def test_equal_scores_go_to_the_lowest_code() -> None:
    """Without rewards all scores are equal for ever: only the first candidate is ever chosen."""
    rng = np.random.default_rng(0)
    events = made_events(rng, 500, 5, 3)._replace(rewards=np.zeros(500), chances=np.ones(500))
    found = replay_bandit(events, BanditRule(), n_arms=5)
    first = events.set_items[events.set_starts[events.sets]]
    assert found.rows.tolist() == np.flatnonzero(events.actions == first).tolist()


def test_one_result_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    events = made_events(np.random.default_rng(1), 3000, 4, 3)
    whole = replay_bandit(events, BanditRule(noise=0.2), n_arms=4)
    monkeypatch.setattr("recsys.kernels.bandit._STEPS_PER_CHUNK", 17)
    told: list[int] = []
    parts = replay_bandit(events, BanditRule(noise=0.2), n_arms=4, on_done=told.append)
    assert parts.rows.tolist() == whole.rows.tolist()
    assert told[-1] == 3000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delay": 5, "delay_events": 1}, "both given"),
        ({"draw": 10, "delay": 5}, "no order in time"),
        ({"jitter": 0.1}, "without draw"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        replay_bandit(made_events(np.random.default_rng(0), 20, 2, 2), BanditRule(), n_arms=2, **options)


def test_rewards_of_a_beta_model_are_0_or_1() -> None:
    with pytest.raises(DataError, match="neither 0 nor 1"):
        replay_bandit(made_events(np.random.default_rng(0), 20, 2, 2), BanditRule("beta"), n_arms=2)


def test_matrices_that_fill_the_memory_are_refused() -> None:
    events = made_events(np.random.default_rng(0), 20, 2, 40)
    with pytest.raises(ArgumentError, match="fewer features"):
        replay_bandit(events, BanditRule(), n_arms=10_000_000)


def test_same_bytes_as_ever() -> None:
    """A trajectory written down: neither a version of numpy nor a machine changes it."""
    place = np.arange(400)
    events = BanditEvents(
        np.stack([np.ones(400), (place * 7 % 13) / 13], axis=1),
        (place * 5 % 3).astype(np.int32), ((place * 11) % 4 == 0).astype(float), np.ones(400),
        np.zeros(400, np.int32), np.array([0, 3]), np.arange(3, dtype=np.int32),
    )  # fmt: skip
    runs: dict[str, BanditRun] = {
        "linucb": replay_bandit(events, BanditRule(alpha=1.0), n_arms=3, seed=1),
        "thompson": replay_bandit(events, BanditRule(noise=0.5), n_arms=3, seed=1),
        "beta": replay_bandit(events, BanditRule("beta"), n_arms=3, seed=1),
    }
    marks = {name: (len(run.rows), int(run.rows @ np.arange(1, len(run.rows) + 1))) for name, run in runs.items()}
    assert marks == {"linucb": (148, 2869072), "thompson": (137, 2508868), "beta": (128, 2245557)}
