import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.simulation import simulate


@pytest.mark.parametrize(
    "wrong",
    [
        {"users": 0},
        {"items": 3},  # fewer than the slots
        {"days": 0},
        {"events_per_user_day": 0},
        {"events_per_user_day": float("nan")},
        {"ids": "uuid"},
        {"slots": 21, "items": 100},
        {"shelf": 2},
        {"late_share": 1.5},
        {"position_bias": -1},
        {"seed": "seven"},
        {"seed": -1},
        {"start": "yesterday"},
    ],
)
def test_an_unusable_parameter_is_named(wrong):
    with pytest.raises(ArgumentError) as caught:
        simulate(**{"users": 10, "items": 20, "days": 5, **wrong})
    assert next(iter(wrong)) in str(caught.value) or "slots" in str(caught.value)


@pytest.mark.parametrize("seed", [7, [7, 8], np.random.SeedSequence(7).spawn(2)[1]])
def test_every_kind_of_seed_repeats(seed):
    first, second = (simulate(users=30, items=20, days=5, seed=seed).events() for _ in range(2))
    assert first.equals(second)


def test_seeds_differ():
    sequence = np.random.SeedSequence(7)
    seeds = [7, 8, [7, 8], sequence.spawn(1)[0], np.random.default_rng(7)]
    hashes = {simulate(users=30, items=20, days=5, seed=seed).events()["ts"].hash().sum() for seed in seeds}
    assert len(hashes) == len(seeds)


def test_a_generator_gives_one_world_whose_tables_agree():
    service = simulate(users=30, items=20, days=5, seed=np.random.default_rng(3))
    assert service.events().equals(service.events())


def test_no_seed_gives_a_fresh_world_that_agrees_with_itself():
    first, second = (simulate(users=30, items=20, days=5, seed=None) for _ in range(2))
    assert first.events().equals(first.events())
    assert not first.events().equals(second.events())
