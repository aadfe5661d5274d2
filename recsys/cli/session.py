"""One run of the command line: its shared options, its store, and what it says where."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recsys.cli import configuration
from recsys.cli.encoding import to_json_value
from recsys.core.errors import NotFoundError

if TYPE_CHECKING:
    from recsys.cli.failures import Failure
    from recsys.cli.progress import TerminalProgress
    from recsys.core.progress import ProgressCallback
    from recsys.display import View
    from recsys.store import Store

_MOST_ROWS = 200  # of a table on a terminal, which would scroll what came before out of reach


class Session:
    """What one command shares with its helpers: options in, text and JSON out.

    Parameters
    ----------
    words : sequence of str
        The words of the command line. ``--json`` and ``--debug`` are looked up here too, because a command line that
        cannot be parsed has no options yet.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        self.options: dict[str, Any] = {}
        self.emitted = False
        self._words = tuple(words)
        self._warnings: list[str] = []
        self._bar: TerminalProgress | None = None
        self._logger = logging.getLogger("recsys")
        self._handlers: list[logging.Handler] = []

    @property
    def as_json(self) -> bool:
        """Whether stdout takes one JSON document."""
        return "json" in self.options or "--json" in self._words

    @property
    def debug(self) -> bool:
        """Whether errors show their traceback."""
        return "debug" in self.options or "--debug" in self._words

    @property
    def quiet(self) -> bool:
        """Whether stderr stays empty unless something fails."""
        return "quiet" in self.options

    def open_store(self) -> Store:
        """Return the store that options, environment and folders agree on; see `recsys.cli.configuration`."""
        settings = self.apply_settings()
        folder = configuration.find_store(settings)

        from recsys.store import Store  # after what can go wrong without it

        return Store(folder, create=False, lock_timeout=settings.lock_timeout)

    def has_store(self) -> bool:
        """Return whether a store is named, or found; see `open_store`."""
        try:
            configuration.find_store(self.apply_settings())
        except NotFoundError:
            return False
        return True

    def apply_settings(self) -> configuration.Settings:
        """Read recsys.toml; set the number of threads and the logging of this process."""
        settings = configuration.read_settings(self.options)
        configuration.export(settings)
        if ("verbose" in self.options or self.debug) and len(self._handlers) == 1:
            self._logger.setLevel(logging.DEBUG if self.debug else logging.INFO)
            self._listen(configuration.log_handler())
        return settings

    @property
    def progress(self) -> ProgressCallback:
        """A callback that draws on a terminal, and does nothing elsewhere."""
        from recsys.core.progress import silent

        if self.quiet or not sys.stderr.isatty():
            return silent
        if self._bar is None:
            from recsys.cli.progress import TerminalProgress

            self._bar = TerminalProgress()
        return self._bar

    def spelled(self, advice: str) -> str:
        """Return advice of the library in the words of this command line; see `recsys.cli.spelling`."""
        if "=" not in advice and "_" not in advice and "(" not in advice:
            return advice
        from recsys.cli.application import option_names
        from recsys.cli.spelling import in_words_of, verb_of

        return in_words_of(advice, option_names(verb_of(self._words)))

    def end_progress(self) -> None:
        """Take the progress bar off the terminal."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def note(self, text: str) -> None:
        """Tell people something, on stderr."""
        self.end_progress()
        if not self.quiet:
            sys.stderr.write(f"{text}\n")

    def warn(self, text: str) -> None:
        """Warn people on stderr and programs in the JSON document."""
        text = self.spelled(text)
        if text in self._warnings:
            return
        self._warnings.append(text)
        self.note(f"recsys: warning: {text}")

    def emit(self, command: str, data: Any, shown: View | str, *, plain: str = "") -> None:
        """Print the result of a command: the envelope under ``--json``, else the view or the text.

        Parameters
        ----------
        command : str
            The name in the envelope's schema.
        data : object
            What the JSON document holds.
        shown : View or str
            What people see.
        plain : str
            Lines that people see below it as they are, neither wrapped nor elided.
        """
        self.end_progress()
        self.emitted = True
        if self.as_json:
            envelope = {"schema": f"recsys/{command}/1", "data": to_json_value(data), "warnings": self._warnings}
            _write(json.dumps(envelope, ensure_ascii=False, allow_nan=False))
        elif isinstance(shown, str):
            _write(shown)
        else:
            notes = (self.spelled(note) if note.startswith("warning: ") else note for note in shown.notes)
            _write_view(replace(shown, notes=tuple(notes)), whole=self.quiet)
        if plain and not self.as_json:
            _write(f"\n{plain}")

    def emit_error(self, failure: Failure) -> None:
        """Print the JSON document of a command that failed."""
        self.emitted = True
        error = {**failure._asdict(), "message": failure.line}
        envelope = {"schema": "recsys/error/1", "data": None, "error": error, "warnings": self._warnings}
        _write(json.dumps(envelope, ensure_ascii=False))

    @contextmanager
    def warnings_heard(self) -> Iterator[None]:
        """Pass on, as one-line warnings, what the library warns of or logs as a warning while the block runs."""

        def hear(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
            if issubclass(category, UserWarning):
                self.warn(" ".join(str(message).split()))

        level = self._logger.level
        self._listen(_WarningHandler(self))
        try:
            with warnings.catch_warnings():
                warnings.showwarning = hear
                yield
        finally:
            self._logger.setLevel(level)
            while self._handlers:
                self._logger.removeHandler(self._handlers.pop())

    def _listen(self, handler: logging.Handler) -> None:
        self._handlers.append(handler)
        self._logger.addHandler(handler)


class _WarningHandler(logging.Handler):
    """Hands the library's logged warnings to the session."""

    def __init__(self, session: Session) -> None:
        super().__init__(logging.WARNING)
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        self._session.warn(record.getMessage())


def _write_view(view: View, *, whole: bool) -> None:
    from recsys.display import to_rich, to_text

    width = shutil.get_terminal_size((120, 24)).columns
    if not sys.stdout.isatty():
        _write(_encodable(to_text(view, width)))
        return
    longest = max((len(table.rows) for table in view.tables), default=0)
    if longest > _MOST_ROWS and not whole:
        tables = tuple(replace(table, rows=table.rows[:_MOST_ROWS]) for table in view.tables)
        note = f"only the first {_MOST_ROWS} of {longest:,} rows: -q, --json or a pipe gets all of them"
        view = replace(view, tables=tables, notes=(*view.notes, note))
    from rich.console import Console

    console = Console(width=width)
    with console.capture() as capture:
        console.print(to_rich(view))
    _write(_encodable(capture.get()))


def _encodable(text: str) -> str:
    """Return text that stdout can take: in ASCII where it knows no drawings."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        from recsys.display import in_ascii

        return in_ascii(text)
    return text


def _write(text: str) -> None:
    """Write to stdout at once; a reader that has left does not want the rest, and that is no error."""
    try:
        sys.stdout.write(text.rstrip("\n") + "\n" if text else "")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
