"""Every wrong turn is answered by one helpful line and the right exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import recsys as rs
from recsys.cli import main

REPOSITORY = Path(__file__).parents[2]
Cli = Callable[..., "Outcome"]


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with event, item and user files of a small simulated service."""
    folder = tmp_path_factory.mktemp("world")
    service = rs.simulate(users=150, items=60, days=40, seed=3, start="2025-01-01", impressions=False)
    service.events().write_parquet(folder / "events.parquet")
    service.events().head(50).write_csv(folder / "events.csv")
    service.items().write_parquet(folder / "items.parquet")
    service.users().write_parquet(folder / "users.parquet")
    return folder


@pytest.fixture(scope="module")
def shop(world: Path) -> Path:
    """A store with events and two trained models: ``popularity`` tested on the last days, ``everything`` not."""
    store = rs.Store(world / "shop")
    store.ingest("events", world / "events.parquet")
    store.ingest("items", world / "items.parquet")
    store.ingest("users", world / "users.parquet")
    candidate = store.train("popularity", recipe=rs.store.DataRecipe(event="play"), holdout="7d")
    everything = store.train("popularity", recipe=rs.store.DataRecipe(event="play"))
    (world / "candidate").write_text(candidate.run.run_id)
    (world / "everything").write_text(everything.run.run_id)
    return world / "shop"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Run a command line in an empty folder."""
    for name in ("RECSYS_STORE", "RECSYS_LOCK_TIMEOUT", "RECSYS_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    yield run
    os.environ.pop("RECSYS_THREADS", None)


def one_line(outcome: Outcome, code: int, *parts: str) -> None:
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert outcome.err.startswith("recsys: ")
    assert outcome.err.count("\n") == 1, outcome.err
    for part in parts:
        assert part.lower() in outcome.err.lower()


def test_no_store(cli: Cli) -> None:
    one_line(cli("describe"), 3, "there is no store", "recsys init shop")


def test_a_named_store_that_is_not_there(cli: Cli) -> None:
    one_line(cli("describe", "--store", "nowhere"), 3, "nowhere", "recsys init nowhere")


def test_two_candidate_stores(cli: Cli) -> None:
    assert cli("init", "one", "--no-config", "-q").code == 0
    assert cli("init", "two", "--no-config", "-q").code == 0
    one_line(cli("describe"), 2, "several stores could be meant: one, two", "--store one")


def test_init_never_overwrites_another_configuration(cli: Cli) -> None:
    assert cli("init", "one", "-q").code == 0
    assert cli("init", "one", "-q").code == 0
    one_line(cli("init", "two"), 2, "recsys.toml names another store", "--no-config")


def test_not_a_store(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    one_line(cli("init", "photos"), 2, "photos is not a store")


def test_a_file_that_is_no_database(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "store.duckdb").write_bytes(b"not a database" * 1000)
    one_line(cli("describe", "--store", "shop"), 5, "cannot be opened")


def test_a_store_of_a_newer_version(cli: Cli, tmp_path: Path) -> None:
    assert cli("init", "shop", "-q").code == 0
    with rs.Store("shop").write() as con:
        con.execute("UPDATE meta SET schema_version = 999")
    outcome = cli("describe")
    assert outcome.code in (1, 5)
    one_line(outcome, outcome.code, "newer")


def test_missing_file(cli: Cli) -> None:
    assert cli("init", "shop", "-q").code == 0
    one_line(cli("ingest", "events", "none.csv"), 3, "none.csv")


def test_wrong_table(cli: Cli, world: Path) -> None:
    assert cli("init", "shop", "-q").code == 0
    one_line(cli("ingest", "event", world / "events.csv"), 2, "did you mean 'events'")


def test_wrong_column_name(cli: Cli, world: Path) -> None:
    assert cli("init", "shop", "-q").code == 0
    one_line(cli("ingest", "events", world / "events.csv", "--map", "user_id=memberr"), 3, "memberr")


def test_what_is_named_what_a_file_lacks_and_what_cannot_be_have_three_codes(cli: Cli, shop: Path, world: Path) -> None:
    (world / "titles.csv").write_text("title\nAlien\n")
    one_line(cli("ingest", "events", world / "titles.csv", "--store", shop), 5, "no column 'user_id'")
    run, train = (world / "candidate").read_text(), ("train", "als", "--event", "play", "--store", shop)
    one_line(
        cli("recommend", run, "--user", "1", "--deny", world / "titles.csv", "--store", shop), 5, "no column 'item_id'"
    )
    one_line(cli(*train, "--holdout", "99999d"), 2, "choose a cut in between")
    one_line(cli(*train, "--until", "1980-01-01"), 2, "no event is left")
    one_line(cli(*train, "--min-user-events", "99999"), 2, "lower the numbers")
    one_line(cli("backtest", "als", "--event", "play", "--test", "99999d", "--store", shop), 2, "use a shorter test")


def test_bad_rows_stop_an_ingest(cli: Cli, tmp_path: Path) -> None:
    assert cli("init", "shop", "-q").code == 0
    (tmp_path / "bad.csv").write_text("user_id,item_id,ts\n1,2,2025-01-01\n,3,2025-01-01\n4,5,yesterday\n")
    outcome = cli("ingest", "events", "bad.csv")
    one_line(outcome, 5, "quarantine")
    assert cli("ingest", "events", "bad.csv", "--on-bad-rows", "quarantine", "-q").code == 0
    shown = json.loads(cli("quarantine", "--json").out)
    assert len(shown["data"]) == 2


def test_empty_data(cli: Cli, tmp_path: Path) -> None:
    assert cli("init", "shop", "-q").code == 0
    one_line(cli("train", "popularity"), 5, "event")
    (tmp_path / "empty.csv").write_text("")
    one_line(cli("ingest", "events", "empty.csv"), 5, "empty.csv is empty")


def test_unknown_model_parameter_and_metric(cli: Cli, shop: Path, world: Path) -> None:
    run = (world / "candidate").read_text()
    one_line(cli("train", "alz", "--event", "play", "--store", shop), 2, "no model 'alz'", "did you mean 'als'")
    one_line(cli("train", "als", "--event", "play", "--set", "factor=8", "--store", shop), 2, "did you mean 'factors'")
    one_line(cli("train", "als", "--event", "play", "--set", "factors", "--store", shop), 2, "--set name=value")
    one_line(cli("evaluate", run, "--metrics", "ndgc@10", "--store", shop), 2, "ndgc", "did you mean 'ndcg")


def test_unknown_event(cli: Cli, shop: Path) -> None:
    outcome = cli("train", "popularity", "--event", "plai", "--store", shop)
    one_line(outcome, 3, "plai", "did you mean 'play'")


def test_unknown_run(cli: Cli, shop: Path) -> None:
    one_line(cli("runs", "show", "zzzz", "--store", shop), 3, "zzzz", "recsys runs list")
    one_line(cli("evaluate", "zzzz", "--store", shop), 3, "zzzz")


def test_testing_on_days_that_the_model_has_seen(cli: Cli, shop: Path, world: Path) -> None:
    one_line(cli("evaluate", (world / "everything").read_text(), "--store", shop), 5, "recsys: ")


def test_no_recommendations_asked_for(cli: Cli, shop: Path, world: Path) -> None:
    run = (world / "candidate").read_text()
    one_line(cli("recommend", run, "--k", "0", "--out", "recs.parquet", "--store", shop), 2, "k is 0")
    one_line(cli("recommend", run, "--store", shop), 2, "--out")
    assert not Path("recs.parquet").exists()


def test_unknown_user(cli: Cli, shop: Path, world: Path) -> None:
    run = (world / "candidate").read_text()
    one_line(cli("recommend", run, "--user", "424242", "--on-unknown", "raise", "--store", shop), 3, "424242")


def test_a_failed_gate(cli: Cli, shop: Path, world: Path) -> None:
    run = (world / "candidate").read_text()
    outcome = cli("evaluate", run, "--fail-on", "ndcg@10 < 2", "--store", shop, "--json")
    assert outcome.code == 6
    assert json.loads(outcome.out)["schema"] == "recsys/evaluate/1"
    assert outcome.err.count("\n") == 1
    assert cli("evaluate", run, "--fail-on", "ndcg@10 < -1", "--store", shop, "-q").code == 0
    one_line(cli("evaluate", run, "--fail-on", "ndcg@10 is bad", "--store", shop), 2, "ndcg@10 is bad")


def test_a_locked_store(cli: Cli, shop: Path) -> None:
    script = (
        "import sys, time, recsys as rs\n"
        "with rs.Store(sys.argv[1]).write():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(shop)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            outcome = cli("describe", "--store", shop, "--lock-timeout", "0.2")
        finally:
            holder.terminate()
    one_line(outcome, 4, f"process {holder.pid}", "--lock-timeout")


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "recsys", *map(str, words)]


def test_a_reader_that_leaves_early_is_no_error(shop: Path) -> None:
    line = f"{sys.executable} -m recsys runs list --store {shop} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stderr == ""
    assert done.stdout.strip() == "0"


def wait_until_training(pid: int) -> None:
    """Wait until a process has loaded what it trains with, where the system tells, and a little longer."""
    maps = Path(f"/proc/{pid}/maps")
    deadline = time.monotonic() + 30
    while maps.exists() and "implicit" not in maps.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1 if maps.parent.parent.exists() else 6)


def test_an_interrupted_training_leaves_nothing_half_written(shop: Path) -> None:
    before = sorted((shop / "artifacts").iterdir())
    words = ("train", "als", "--set", "iterations=100000", "--event", "play", "--store", shop)
    with subprocess.Popen(command(*words), stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) as job:
        wait_until_training(job.pid)
        job.send_signal(signal.SIGINT)
        _, err = job.communicate(timeout=30)
    assert job.returncode == 130
    assert err.splitlines()[-1].startswith("recsys: interrupted")
    assert "Traceback" not in err
    assert sorted((shop / "artifacts").iterdir()) == before


def test_a_pipe_or_a_link_to_one_is_never_replaced(cli: Cli, shop: Path, world: Path, tmp_path: Path) -> None:
    run = (world / "candidate").read_text()
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    for name in ("pipe", "link"):
        outcome = cli("recommend", run, "--store", shop, "--out", name, "--format", "csv")
        one_line(outcome, 2, f"out is '{name}'", "use --out -")
    for name in (".", ""):
        outcome = cli("recommend", run, "--store", shop, "--out", name, "--format", "csv")
        one_line(outcome, 2, "out names no file: it is empty or a folder")
    assert Path("pipe").is_fifo()
    assert Path("link").is_symlink()


def test_a_file_of_users_without_users(cli: Cli, shop: Path, world: Path) -> None:
    run = (world / "candidate").read_text()
    Path("nobody.txt").write_text("\n")
    outcome = cli("recommend", run, "--store", shop, "--users", "nobody.txt", "--out", "recs.csv")
    one_line(outcome, 5, "holds no ids")
    assert not Path("recs.csv").exists()


def test_more_users_than_a_screen_takes(cli: Cli, shop: Path, world: Path) -> None:
    run = (world / "candidate").read_text()
    outcome = cli("recommend", run, "--store", shop, "--since", "2025-01-01")
    one_line(outcome, 2, "users were asked for", "--out recs.parquet")


@pytest.mark.parametrize(("option", "value"), [("--threads", 0), ("--threads", -3), ("--min-user-events", 0)])
def test_nought_is_a_value(cli: Cli, shop: Path, option: str, value: int) -> None:
    name = option.strip("-").replace("-", "_")
    one_line(cli("train", "popularity", "--event", "play", "--store", shop, option, value), 2, f"{name} is {value}")


def test_a_lock_timeout_of_nought_does_not_wait(cli: Cli, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[float | None] = []
    monkeypatch.setattr(
        rs.store.Store, "__init__", lambda self, path, *, create, lock_timeout: heard.append(lock_timeout)
    )
    cli("describe", "--store", shop, "--lock-timeout", "0")
    assert heard == [0]


def test_a_log_without_times_has_a_way_to_a_result(cli: Cli, world: Path, tmp_path: Path) -> None:
    rs.Store(tmp_path / "timeless").ingest("events", rs.store.Store(world / "shop").events().drop("ts"))
    words = ("--event", "play", "--store", "timeless")
    one_line(cli("train", "popularity", "--holdout", "14d", *words), 2, "no times", "--split random --holdout 0.2")
    run = cli("train", "popularity", "--split", "random", "--holdout", "0.2", *words).out.strip()
    outcome = cli("evaluate", run, "--store", "timeless", "--metrics", "ndcg@10")
    assert outcome.code == 0
    assert "warning: the data has no times" in " ".join(outcome.out.split())


def test_hints_are_in_the_words_of_the_command_line(cli: Cli, shop: Path, world: Path) -> None:
    candidate, everything = ((world / name).read_text() for name in ("candidate", "everything"))
    outcome = cli("compare", candidate, everything, "--store", shop)
    one_line(outcome, 5, "--seen-data disjoint")
    assert "seen_data=" not in outcome.err
    one_line(cli("evaluate", everything, "--store", shop, "--seen-data", "allow"), 5, "whatever --seen-data says")
    one_line(cli("train", "als", "--snapshot", "june", "--store", shop), 3, "recsys snapshot create june --event play")
