"""The theme's search is a dialog without a name; readers of screens are told one."""

from __future__ import annotations

UNNAMED = 'data-md-component="search" role="dialog"'


def on_post_page(output: str, **_: object) -> str:
    """Return the page with a name for the search."""
    return output.replace(UNNAMED, f'{UNNAMED} aria-label="Search"')
