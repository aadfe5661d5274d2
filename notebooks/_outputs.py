"""What a notebook's outputs are allowed to hold, and when two of them say the same."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

MOST_BYTES = 160_000
CHART = re.compile(r"application/vnd\.vegalite\.v\d+\+json")
DURATION = re.compile(r"\b\d[\d,]*(?:\.\d+)? (?:s|ms|min|h)\b")
NUMBER = re.compile(r"(?<![\w.])[-−+]?(?:\d[\d,]*)?\.?\d+(?:e[-+]?\d+)?(?!\w)")
ADDRESS = re.compile(r"\bat 0x[0-9a-f]+|\b0x[0-9a-f]{8,}")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PROMISE = re.compile(r"# → (.*)")


def texts(outputs: list[dict[str, Any]]) -> str:
    """Return all that the outputs of a cell say as text."""
    said = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
    return "\n".join("".join(part) for part in said)


def charts(outputs: list[dict[str, Any]]) -> list[Any]:
    """Return the rows that each chart of a cell's outputs draws."""
    specs = (spec for output in outputs for kind, spec in output.get("data", {}).items() if CHART.fullmatch(kind))
    return [list(_rows(spec)) for spec in specs]


def _rows(spec: Any) -> Iterator[Any]:
    """Yield every data set of a chart, wherever it stands in its specification; names made of hashes do not count."""
    if isinstance(spec, list):
        for part in spec:
            yield from _rows(part)
    elif isinstance(spec, dict):
        for name, part in spec.items():
            if name == "datasets":
                yield from part.values()
            elif name == "values" and isinstance(part, list) and part and isinstance(part[0], dict):
                yield part
            else:
                yield from _rows(part)


def differences(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """Say where two outputs of a cell differ in a way that matters.

    Words are the same to the letter, whole numbers to the digit, other numbers to the last place that is shown: another
    processor may round it the other way. Durations may be any. Of a chart its data counts; HTML and pictures show the
    same once more.
    """
    found = _text_difference(texts(old), texts(new))
    before, after = charts(old), charts(new)
    if len(before) != len(after):
        found.append(f"{len(before)} charts became {len(after)}")
    elif not all(same_data(*pair) for pair in zip(before, after, strict=True)):
        found.append("the data of a chart changed")
    return found


def _text_difference(old: str, new: str) -> list[str]:
    before, after = (" ".join(DURATION.sub("(a while)", text).split()) for text in (old, new))
    if before == after or same_text(before, after):
        return []
    place = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    window = slice(max(0, place - 40), place + 40)
    return [f"…{before[window]}… became …{after[window]}…"]


def same_text(old: str, new: str) -> bool:
    """Return whether two texts have the same words, and numbers that differ by one in the last place at most."""
    if NUMBER.sub("#", old) != NUMBER.sub("#", new):
        return False
    return all(_same_number(a, b) for a, b in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True))


def _same_number(old: str, new: str) -> bool:
    before, after = (text.replace("−", "-").replace(",", "") for text in (old, new))
    if before == after:
        return True
    if "." not in before or "." not in after:
        return False
    mantissa, _, exponent = before.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return math.isclose(float(before), float(after), rel_tol=0, abs_tol=1.001 * unit)


def same_data(old: Any, new: Any) -> bool:
    """Return whether two charts draw the same: floats to six digits, all else equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same_data(old[name], new[name]) for name in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(same_data(*pair) for pair in zip(old, new, strict=True))
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(old, str) and isinstance(new, str):
        return same_text(old, new)
    return bool(old == new)


def unmet(source: str, outputs: list[dict[str, Any]]) -> list[str]:
    """Say what a cell promises behind ``# →`` and its outputs do not hold."""
    said = " ".join(texts(outputs).split())
    promises = [" ".join(promise.split()) for promise in PROMISE.findall(source)]
    return [f"does not say {promise!r} but {said[:300]!r}" for promise in promises if promise not in said]


def unfit(outputs: list[dict[str, Any]], folders: list[str]) -> list[str]:
    """Say what must not stand in committed outputs: addresses of objects, folders of this machine, stderr."""
    everything = json.dumps(outputs, ensure_ascii=False)
    found = [f"an object's address, {address}" for address in ADDRESS.findall(everything)[:1]]
    found += [f"a folder of this machine, {folder}" for folder in folders if folder != "/" and folder in everything]
    found += [f"on stderr: {texts([output])[:300]}" for output in outputs if output.get("name") == "stderr"]
    return found
