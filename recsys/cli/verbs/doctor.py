"""`recsys doctor`: the state of the installation and of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.core.errors import NotFoundError, RecsysError

if TYPE_CHECKING:
    from recsys.cli.diagnosis import Check
    from recsys.cli.session import Session
    from recsys.display import View

EXAMPLES = """
recsys doctor
recsys doctor --fix           # sweep what killed jobs left behind
recsys doctor --json
"""


def command(
    ctx: typer.Context,
    fix: Annotated[bool, typer.Option("--fix", help="Sweep artefacts that no run names.")] = False,
) -> None:
    """Check the installation and the store.

    The exit code is 1 when something is not well.
    """
    session: Session = ctx.obj
    session.apply_settings()
    from recsys.cli.diagnosis import Check, check_installation, check_store

    checks = check_installation()
    try:
        checks += check_store(session.open_store(), fix=fix)
    except NotFoundError as error:
        if "store" in session.options or fix:
            raise
        checks.append(Check("store", "folder", "none here", True, error.hint))
    session.emit("doctor", checks, _view(checks))
    ill = [check for check in checks if not check.well]
    if ill:
        raise RecsysError(f"not well: {'; '.join(f'{check.name}: {check.found}' for check in ill)}", "", ill[0].hint)


def _view(checks: list[Check]) -> View:
    from recsys.display import Table, View

    rows = tuple(("ok" if check.well else "ILL", check.part, check.name, check.found) for check in checks)
    hints = tuple(f"{check.name}: {check.hint}" for check in checks if check.hint)
    return View("recsys doctor", (Table(("", "part", "what", "found"), rows),), hints)
