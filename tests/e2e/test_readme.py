"""The README: what stands at its top, and what it links. Its blocks are executed by test_pages."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_two_commands_stand_at_the_top():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    top = text[:4000]
    assert "make demo" in top
    assert "make test" in top


def test_every_file_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert linked
    assert not [target for target in linked if not (ROOT / target).exists()]
