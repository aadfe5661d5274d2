"""The DuckDB offline store. The only home of duckdb and SQL."""

from recsys.store.recipes import DataRecipe
from recsys.store.runs import Run
from recsys.store.snapshots import Snapshot
from recsys.store.store import Store

__all__ = ["DataRecipe", "Run", "Snapshot", "Store"]
