from __future__ import annotations

from datetime import datetime

import pytest

from recsys.cli.application import option_names
from recsys.cli.spelling import in_words_of, verb_of
from recsys.core.errors import DataError
from recsys.ope import LoggedFeedback
from recsys.ope.recommending import refuse_training_period


@pytest.mark.parametrize(
    ("verb", "advice", "told"),
    [
        (
            "evaluate",
            "use temporal_split; for a random, leave-last-out or user split say seen_data='disjoint'",
            "train with --holdout 14d; or say --seen-data disjoint",
        ),
        (
            "compare",
            "use history.keep(history.times < cut), or say seen_data='allow' to get a result that is marked",
            "say --seen-data allow to get a result that is marked",
        ),
        ("ingest", "replace whole days (replace_partition)", "replace whole days (--replace-partition)"),
        ("evaluate", "whatever seen_data says", "whatever --seen-data says"),
        ("evaluate", "or use on_cold='skip'", "or use --on-cold skip"),
        ("evaluate", "use exclude_seen=False", "use --include-seen"),
        ("evaluate", "use metrics=['ndcg@10']", "use --metrics ndcg@10"),
        ("evaluate", "lower Relevance(at_least=…), or test", "train with a lower --relevance-at-least, or test"),
        ("train", "use random_split", "use --split random --holdout 0.2"),
        ("tune", "use random_split", "use --split random --holdout 0.2"),
        (
            "backtest",
            "use random_split and evaluate",
            "recsys train MODEL --split random --holdout 0.2, then recsys evaluate",
        ),
        ("train", "holdout='14d'", "--holdout 14d"),
        ("train", "or use Label(transform='binary')", "or use --label-transform binary"),
        ("train", "weights were expected by transform='log1p'", "weights were expected by --label-transform log1p"),
        ("train", "use event='play' (--event play)", "use --event play"),
        ("train", "recsys train als --set factors=64", "recsys train als --set factors=64"),
        ("backtest", "use windows=3, or a shorter test", "use --windows 3, or a shorter test"),
        ("similar", "use on_unknown='skip'", ""),
        (
            "recommend",
            "use on_unknown='fallback' or 'skip', or give history=",
            "use --on-unknown fallback or 'skip'; recsys recommend has --history now",
        ),
        ("recommend", "or say format='parquet'", "or say --format parquet"),
        ("revert", "revert(6) brings its rows back", "recsys revert 6 brings its rows back"),
        ("datasets load", "known_layouts() lists them", "recsys datasets list shows them"),
        (
            "datasets load",
            "name it, as in load_layout('movielens-1m', path), or ingest",
            "name it, as in recsys datasets load movielens-1m PATH, or ingest",
        ),
        (
            "train",
            "take one with store.snapshot('june', event='play')",
            "take one with recsys snapshot create june --event play",
        ),
        (
            "ingest",
            'mend the file, or store the good rows only with on_bad_rows="quarantine" (--on-bad-rows quarantine)',
            "mend the file, or store the good rows only with --on-bad-rows quarantine",
        ),
        ("ingest", "say otherwise with time_unit= (--time-unit)", "say otherwise with --time-unit"),
        ("ingest", "at least 3 were expected (expect_rows)", "at least 3 were expected (--expect-rows)"),
        ("describe", "wait longer with lock_timeout=60 (--lock-timeout 60)", "wait longer with --lock-timeout 60"),
        ("describe", "use factors=64", "use factors=64"),
        (
            "replay",
            "was an item logged twice? drop repeated rows with frame.unique()",
            "was an item logged twice? take repeated rows out of the file",
        ),
        (
            "replay",
            "use pl.from_epoch(...) or str.to_datetime()",
            "write times as 2026-06-01T12:00:00, or use a file that has times, such as Parquet",
        ),
    ],
)
def test_advice_is_told_in_options(verb: str, advice: str, told: str) -> None:
    assert in_words_of(advice, option_names(verb)) == told


def test_the_advice_on_a_leak_is_one_that_the_command_line_can_follow() -> None:
    log = LoggedFeedback.from_frame(
        {"item_id": ["a"], "click": [1], "propensity_position": [0.5], "ts": [datetime(2026, 6, 1)]}
    )
    with pytest.raises(DataError) as error:
        refuse_training_period(int(log.times[0]), log, "als")
    assert "RecommenderPolicy(…, allow_training_period=True)" in error.value.hint
    told = in_words_of(error.value.hint, option_names("replay"))
    assert told == "leave --since out, which takes later impressions alone, or name a later day"


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("train als", "train"),
        ("--store shop runs list --limit 3", "runs list"),
        ("runs", ""),
        ("--version", ""),
        ("--json datasets load auto x", "datasets load"),
    ],
)
def test_the_verb_of_a_command_line(words: str, verb: str) -> None:
    assert verb_of(words.split()) == verb


def test_a_mapping_of_several_columns_is_told_once() -> None:
    advice = "map={'user_id': 'userid', 'ts': 'timestamp'} (--map user_id=userid --map ts=timestamp)"
    assert in_words_of(advice, ["map"]) == "--map user_id=userid --map ts=timestamp"
