"""The command line: a verb parses, opens the store, calls one workflow, prints.

stdout carries data only; stderr carries people's text and progress. Exit codes: 0 ok, 1 error, 2 usage, 3 not found,
4 locked, 5 bad data, 6 a gate failed, 130 interrupted.
"""

from recsys.cli.main import main

__all__ = ["main"]
