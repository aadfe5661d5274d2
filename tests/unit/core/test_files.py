"""Names under which a file can appear, and refusals that say what is there."""

import os
from pathlib import Path

import pytest

from recsys.core.errors import ArgumentError
from recsys.core.files import replaceable, write_whole


def test_a_link_to_a_pipe_is_told_as_a_pipe(tmp_path):
    reading, writing = os.pipe()
    try:
        link = tmp_path / "stdout"
        link.symlink_to(f"/proc/self/fd/{writing}")  # what /dev/stdout is in front of a pipe
        with pytest.raises(ArgumentError, match="a device or a pipe, not a file"):
            replaceable(link)
    finally:
        os.close(reading)
        os.close(writing)


def test_a_link_that_leads_nowhere_or_in_a_circle_is_told(tmp_path):
    nowhere, circle = tmp_path / "nowhere", tmp_path / "circle"
    nowhere.symlink_to(tmp_path / "missing")
    circle.symlink_to(circle)
    for link in (nowhere, circle):
        with pytest.raises(ArgumentError, match="a link that leads nowhere"):
            replaceable(link)


def test_a_link_to_a_file_stays_a_link(tmp_path):
    link, real = tmp_path / "link.md", tmp_path / "real.md"
    real.write_text("old")
    link.symlink_to(real)
    assert replaceable(link) == real
    write_whole(link, b"new")
    assert real.read_text() == "new"


def test_no_name_is_refused_in_words():
    with pytest.raises(ArgumentError, match="out names no file"):
        replaceable(Path())
