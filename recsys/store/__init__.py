"""The DuckDB offline store. The only home of duckdb and SQL."""

from recsys.store.store import Store

__all__ = ["Store"]
