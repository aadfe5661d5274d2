"""Run the benchmarks named on the command line, or all of them, and sum them up in one table."""

from __future__ import annotations

import argparse
import os
import pkgutil
import sys
import traceback
from importlib import import_module

import benchmarks
from benchmarks._summary import summarise
from benchmarks._timing import run_cases

NO_BENCHMARKS = {"search", "settings", "error_rates"}  # what chooses settings, what it chose, and correctness


def main() -> None:
    modules = {module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")}
    known = sorted(modules - NO_BENCHMARKS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)}; all of them by default")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller data")
    parser.add_argument("--train", metavar="FILE", help="a log to fit on: Parquet (user and item codes first) or .npz")
    parser.add_argument("--test", metavar="FILE", help="what the same users did later")
    wanted = parser.parse_args()
    if unknown := sorted(set(wanted.names) - set(known)):
        parser.error(f"there is no benchmark {unknown[0]!r}; one of {', '.join(known)} was expected")
    chosen = {"EVENTS": wanted.train, "TEST": wanted.test, "QUICK": "1" if wanted.quick else None}
    os.environ.update({f"RECSYS_BENCH_{name}": value for name, value in chosen.items() if value})
    names = wanted.names or known
    failed = [name for name in names if not _ran(name)]
    print(f"\n{summarise(name for name in names if name not in failed)}")
    if failed:
        sys.exit(f"these did not run to their end: {', '.join(failed)}")


def _ran(name: str) -> bool:
    """Run one benchmark; what ends it is told, and does not end the others."""
    print(f"\n== {name}", flush=True)
    try:
        module = import_module(f"benchmarks.{name}")
        if hasattr(module, "cases"):
            run_cases(name, module.cases(), getattr(module, "GOALS", ()))
        else:
            module.main()
    except (Exception, SystemExit) as error:
        traceback.print_exception(error)
        return False
    return True


if __name__ == "__main__":  # a contestant in a process of its own imports this module too
    main()
