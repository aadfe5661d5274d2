"""Progress on a terminal: one bar per stage, with rate and time left, gone when the work is done."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from recsys.core.progress import Progress as Step


class TerminalProgress:
    """A `ProgressCallback` that draws on stderr."""

    def __init__(self) -> None:
        self._display = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _Count(),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[values]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._stages: dict[str, TaskID] = {}
        self._display.start()

    def __call__(self, step: Step) -> None:
        """Show one step."""
        values = "  ".join(f"{name} {value:.4g}" for name, value in step.values.items())
        if step.stage not in self._stages:
            for earlier in self._stages.values():
                self._display.remove_task(earlier)
            self._stages = {step.stage: self._display.add_task(step.stage, total=step.total, values="", unit=step.unit)}
        self._display.update(self._stages[step.stage], completed=step.done, total=step.total, values=values)

    def close(self) -> None:
        """Take the bar off the terminal."""
        self._display.stop()


class _Count(ProgressColumn):
    """How much is done, of how much, and how fast."""

    def render(self, task: Task) -> Text:
        total = f"/{task.total:,.0f}" if task.total is not None else ""
        return Text(f"{task.completed:,.0f}{total} {task.fields['unit']}{rate_text(task.speed)}")


def rate_text(speed: float | None) -> str:
    """Return how fast work goes: so many a second, or, where it is slower than that, so many seconds each.

    Examples
    --------
    >>> rate_text(1234.5), rate_text(0.25), rate_text(None)
    ('  1,234/s', '  4.0 s each', '')
    """
    if not speed:
        return ""
    return f"  {speed:,.0f}/s" if speed >= 1 else f"  {1 / speed:,.1f} s each"
