from __future__ import annotations

from pathlib import Path

import pytest

from recsys.cli.configuration import Settings, find_store, read_settings
from recsys.core.errors import ArgumentError, NotFoundError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RECSYS_STORE", "RECSYS_LOCK_TIMEOUT", "RECSYS_THREADS"):
        monkeypatch.delenv(name, raising=False)


def make_store(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "store.duckdb").touch()
    return folder


def found(folder: Path, **options: object) -> Path:
    return find_store(read_settings(options, folder), folder)


def test_option_beats_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recsys.toml").write_text('store = "from_file"\nlock_timeout = 3\nthreads = 2\n')
    assert found(tmp_path) == tmp_path / "from_file"
    monkeypatch.setenv("RECSYS_STORE", "from_environment")
    monkeypatch.setenv("RECSYS_LOCK_TIMEOUT", "5")
    assert found(tmp_path) == Path("from_environment")
    assert found(tmp_path, store="from_option") == Path("from_option")
    settings = read_settings({"lock_timeout": 7.0}, tmp_path)
    assert settings.lock_timeout == 7.0
    assert settings.threads == 2
    assert read_settings({}, tmp_path).lock_timeout is None  # left to the environment


def test_the_nearest_file_counts_and_its_store_is_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text('store = "shop"\n')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert found(deep) == tmp_path / "shop"


def test_inside_a_store(tmp_path: Path) -> None:
    shop = make_store(tmp_path / "shop")
    (shop / "artifacts").mkdir()
    assert found(shop / "artifacts") == shop


def test_the_only_store_in_this_folder(tmp_path: Path) -> None:
    shop = make_store(tmp_path / "shop")
    assert found(tmp_path) == shop


def test_several_stores_are_never_guessed(tmp_path: Path) -> None:
    make_store(tmp_path / "one")
    make_store(tmp_path / "two")
    with pytest.raises(ArgumentError, match=r"several stores could be meant: one, two\..*--store one"):
        found(tmp_path)
    (tmp_path / "recsys.toml").write_text('store = "two"\n')
    assert found(tmp_path) == tmp_path / "two"


def test_a_file_and_an_enclosing_store_that_disagree(tmp_path: Path) -> None:
    make_store(tmp_path / "one")
    two = make_store(tmp_path / "two")
    (tmp_path / "recsys.toml").write_text('store = "one"\n')
    with pytest.raises(ArgumentError, match="several stores"):
        found(two)
    (tmp_path / "recsys.toml").write_text('store = "two"\n')
    assert found(two) == two


def test_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="recsys init shop"):
        find_store(Settings(None, None, None, None, None), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stor = 'shop'", "did you mean 'store'"),
        ("store = 3", "store is 3 in .* a text was expected"),
        ("threads = 'two'", "a number was expected"),
        ("store =", "is not readable"),
    ],
)
def test_a_bad_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recsys.toml").write_text(text)
    with pytest.raises(ArgumentError, match=f"(?i){message}"):
        read_settings({}, tmp_path)


@pytest.mark.parametrize(("option", "value"), [("threads", 0), ("lock_timeout", -1.0)])
def test_a_bad_option(tmp_path: Path, option: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=f"{option} is {value}"):
        read_settings({option: value}, tmp_path)
