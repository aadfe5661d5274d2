"""A process that has recsys imported, and forks for what it is asked to run: ``page_server.py ADDRESS``.

A page with twenty commands would import everything twenty times; that this works is what `test_cli_startup` and
`test_cli_journey` are for. Nothing runs before a fork, so no thread pool exists that a child could miss.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import runpy
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

ROOMS = ("cli.verbs", "workflows", "store", "models", "evaluation", "experiment", "ope", "simulation", "reporting")
DRIVER = Path(__file__).with_name("page_driver.py")


def serve(address: str) -> None:
    """Answer until the process is ended."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        preload()
        while True:
            line, _ = door.accept()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:  # those that have ended
                    pass
            if os.fork() == 0:
                door.close()
                answer(line)
            line.close()


def preload() -> None:
    for name in ("scipy.stats", "duckdb", "polars"):
        importlib.import_module(name)
    for room in ROOMS:
        package = importlib.import_module(f"recsys.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"recsys.{room}.{module.name}")


def answer(line: socket.socket) -> None:
    """Become the process that was asked for, and never return."""
    _, files, _, _ = socket.recv_fds(line, 1, 3)
    asked = json.loads(b"".join(iter(lambda: line.recv(1 << 16), b"")))
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    code = run(asked["run"], asked["arguments"])
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    line.sendall(str(code).encode())
    os._exit(0)


def run(what: str, arguments: list[str]) -> int:
    """Run the command line or a page, and return the exit code."""
    sys.argv = [what, *arguments]
    try:
        if what == "recsys":
            from recsys.cli import main

            return main()
        sys.path.insert(0, "")
        runpy.run_path(str(DRIVER), run_name="__main__")
    except SystemExit as done:
        if done.code is None or isinstance(done.code, int):
            return done.code or 0
        sys.stderr.write(f"{done.code}\n")
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
