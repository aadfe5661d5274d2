from __future__ import annotations

import logging
from pathlib import Path

import pytest

from recsys.core import memory
from recsys.core.errors import ArgumentError


def test_what_is_left_is_the_less_of_system_and_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9000 kB\nMemAvailable:    5000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available_bytes() == 5_120_000
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_bytes() == 5_120_000
    (tmp_path / "memory.max").write_text("4000\n")
    assert memory.available_bytes() == 3000


def test_the_peak_is_that_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t   90000 kB\nVmHWM:\t    2000 kB\nVmRSS:\t 1000 kB\n")
    monkeypatch.setattr(memory, "_STATUS", status)
    assert memory.peak_rss_mb() == 2.048
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "absent")
    assert memory.peak_rss_mb() > 10


def test_a_need_is_logged_and_refused_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**9)
    with caplog.at_level(logging.INFO, "recsys"):
        memory.refuse_beyond(5 * 10**8, "5 items", "use less")
    assert "5 items need 500.0 MB of memory" in caplog.text
    with pytest.raises(ArgumentError, match=r"need 800.0 MB of memory. At most 731.6 MB was expected. Hint: use less"):
        memory.refuse_beyond(8 * 10**8, "5 items", "use less")
    memory.refuse_beyond(8 * 10**8, "5 items", "use less", limit=0.9)
    with pytest.raises(ArgumentError, match="At most 700.0 MB"):
        memory.refuse_beyond(8 * 10**8, "5 items", "use less", limit=0.7)
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory.refuse_beyond(10**18, "5 items", "use less")
