"""A `View` as plain text: aligned columns, wrapped cells, tables too wide for the line split into blocks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from recsys.display.view import Table, View

GAP = "  "
NARROWEST = 8
LONGEST_WORD = 32  # a run id, a name, "1,885/13,204": what is not broken as long as there is another way


def to_text(view: View, width: int = 80) -> str:
    """Return the view as text of lines of at most `width` characters; nothing is cut off, longer words are broken.

    Examples
    --------
    >>> print(to_text(View("Evaluation", (Table(("model", "ndcg@10"), (("als", 0.12),)),), ("ties: by item code",))))
    Evaluation
    <BLANKLINE>
    model  ndcg@10
    ─────  ───────
    als     0.1200
    <BLANKLINE>
    · ties: by item code
    """
    parts = ["\n".join(wrap(view.title, width))] if view.title else []
    parts += [table_text(table, width) for table in view.tables]
    if view.notes:
        parts.append("\n".join(line for note in view.notes for line in _bullet(note, width)))
    return "\n\n".join(parts)


class Block(NamedTuple):
    """Some columns of a table, drawn: lines of the header, the rule below it, lines of the rows."""

    header: list[str]
    rule: str
    rows: list[str]


def table_text(table: Table, width: int = 80) -> str:
    """Return one table as text; where it is too wide, further columns follow in blocks that repeat the first ones.

    Examples
    --------
    >>> print(table_text(Table(("item", "n"), (("a", 1), ("b", 20)))))
    item   n
    ────  ──
    a      1
    b     20
    """
    caption = wrap(table.caption, width) if table.caption else []
    blocks = ["\n".join([*block.header, block.rule, *block.rows]) for block in table_blocks(table, width)]
    return "\n".join([*caption, "\n\n".join(blocks)])


def table_blocks(table: Table, width: int) -> list[Block]:
    """Return one table in blocks of columns that fit the line; names of columns break at spaces and underscores.

    Each block repeats the first column, or the first two where only both tell the rows apart.
    """
    texts, right = table.texts(), table.right_aligned()
    cells = [(name, *(row[place] for row in texts)) for place, name in enumerate(table.columns)]
    natural = [max(map(line_width, column)) for column in cells]
    # Numbers stay whole, so that only the name above them may be broken.
    whole = [max(map(line_width, [*column[1:], *_parts(column[0])]), default=0) for column in cells]
    least = [
        size if at_right else min(longest, max(NARROWEST, min(_longest_word(column), LONGEST_WORD)))
        for column, size, longest, at_right in zip(cells, whole, natural, right, strict=True)
    ]
    drawn = []
    for places in _blocks(least, width, _leading(texts, least, width)):
        widths = [natural[place] for place in places]
        # At the last even numbers are broken: a sparkline may be longer than a narrow line.
        kept = [size if at_right else NARROWEST for size, at_right in zip(whole, right, strict=True)]
        for floors in (least, kept, [NARROWEST] * len(least)):
            widths = _shrunk(widths, [floors[place] for place in places], width)
        columns = [table.columns[place] for place in places]
        rows = [[row[place] for place in places] for row in texts]
        drawn.append(_block(columns, rows, widths, [right[place] for place in places]))
    return drawn


def line_width(text: str) -> int:
    """Return how many terminal cells a text takes: wide characters two, combining ones none.

    Examples
    --------
    >>> line_width("映画"), line_width("e\u0301")
    (4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def wrap(text: str, width: int) -> list[str]:
    """Return the text in lines of at most `width` cells, broken at spaces.

    Longer words are broken behind an underscore, or where a line ends.

    Examples
    --------
    >>> wrap("one two incomprehensibilities", 8)
    ['one two', 'incompre', 'hensibil', 'ities']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and line_width(lines[-1]) + 1 + line_width(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines += _pieces(word, width)
    return lines or [""]


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    for part in _parts(word):
        if pieces[-1] and line_width(pieces[-1] + part) > width:
            pieces.append("")
        for sign in part:
            if pieces[-1] and line_width(pieces[-1] + sign) > width:
                pieces.append("")
            pieces[-1] += sign
    return pieces


def _parts(text: str) -> list[str]:
    """Return what a text may be broken into: words, and those behind each underscore."""
    return [part for word in text.split() for part in re.findall(r"[^_]*_|[^_]+", word)]


def _longest_word(cells: Iterable[str]) -> int:
    return max((line_width(word) for cell in cells for word in cell.split()), default=0)


def _bullet(note: str, width: int) -> list[str]:
    first, *rest = wrap(note, width - 2)
    return [f"· {first}", *(f"  {line}" for line in rest)]


def _leading(rows: Sequence[Sequence[str]], least: Sequence[int], width: int) -> int:
    """Return how many columns each block begins with: two where both fit and tell rows apart that one does not."""
    apart = [len({tuple(row[:count]) for row in rows}) for count in (1, 2)]
    return 2 if apart[0] < apart[1] == len(rows) and sum(least[:2]) <= width // 2 else 1


def _blocks(least: Sequence[int], width: int, leading: int) -> list[list[int]]:
    """Return the columns of each block: as many as fit at their narrowest, the leading ones in every block."""
    blocks: list[list[int]] = []
    for place in range(len(least)):
        if blocks and sum(least[at] + len(GAP) for at in blocks[-1]) + least[place] <= width:
            blocks[-1].append(place)
        else:
            blocks.append([*range(leading), place] if blocks else [place])
    return blocks


def _shrunk(widths: Sequence[int], floors: Sequence[int], width: int) -> list[int]:
    """Take cells from the widest column that is above its floor, one at a time, until the line fits."""
    fitted = list(widths)
    while sum(fitted) + len(GAP) * (len(fitted) - 1) > width:
        soft = [place for place, floor in enumerate(floors) if fitted[place] > floor]
        if not soft:
            return fitted
        fitted[max(soft, key=lambda place: fitted[place])] -= 1
    return fitted


def _block(columns: Sequence[str], rows: list[list[str]], widths: Sequence[int], right: Sequence[bool]) -> Block:
    rule = GAP.join("─" * size for size in widths)
    return Block(_row(columns, widths, right), rule, [line for row in rows for line in _row(row, widths, right)])


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    wrapped = [
        [cell] if line_width(cell) <= size else wrap(cell, size) for cell, size in zip(cells, widths, strict=True)
    ]
    lines = []
    for place in range(max(map(len, wrapped))):
        parts = [cell[place] if place < len(cell) else "" for cell in wrapped]
        padded = [_padded(*part) for part in zip(parts, widths, right, strict=True)]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _padded(text: str, width: int, at_right: bool) -> str:
    blank = " " * (width - line_width(text))
    return blank + text if at_right else text + blank
