"""Advice of the library in the words of the command line: ``seen_data='allow'`` is ``--seen-data allow`` here.

The library does not know who calls it, and advises in Python. Its advice goes through one place, this one, before it is
printed. Only options that the verb has are named; where the command line has no such thing, it says what it can do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from recsys.cli.catalogue import VERBS

# What is no argument of a verb: the advice, and what a terminal offers instead.
_PHRASES: tuple[tuple[str, str], ...] = (
    (
        r"use temporal_split; for a .* split say seen_data='disjoint'",
        "train with --holdout 14d; or say --seen-data disjoint",
    ),
    (r"use random_split(?: and evaluate)?", "recsys train MODEL --split random --holdout 0.2, then recsys evaluate"),
    (r"use history\.keep\(.*?\), or say", "say"),
    (r"drop repeated rows with frame\.unique\(\)", "take repeated rows out of the file"),
    (
        r"use pl\.from_epoch\(\.\.\.\) or str\.to_datetime\(\)",
        "write times as 2026-06-01T12:00:00, or use a file that has times, such as Parquet",
    ),
    (
        r"use feedback\.period\(since=…\), or RecommenderPolicy\(…, allow_training_period=True\) to value it anyway",
        "leave --since out, which takes later impressions alone, or name a later day",
    ),
    (r"known_layouts\(\) lists them", "recsys datasets list shows them"),
    (r"load_layout\('([\w-]+)', path\)", r"recsys datasets load \1 PATH"),
    (r"store\.snapshot\('(\w+)', event='(\w+)'\)", r"recsys snapshot create \1 --event \2"),
    (r"(?:store\.)?revert\((\d+)\)", r"recsys revert \1"),
    (r"exclude_seen=False", "--include-seen"),
    (r"\bparams=\{'(\w+)': ([^}]*)\}", r"--set \1=\2"),
    (r"use compare\(…, baseline='…'\)", "use recsys compare, which has a baseline"),
    (r"use at=datetime\.now\(UTC\) or at=", "use at="),
    (r", or give history=$", "; recsys recommend has --history now"),
    (r"set until=, which", "set --until, which"),
    (r"then use url=$", "then use --url ADDRESS"),
    (r"name it with url=$", "name it with --url ADDRESS"),
    (r"\bLabel\((\w+='\w*')\)", r"\1"),
    (r"lower Relevance\(at_least=…\)", "train with a lower --relevance-at-least"),
    (r"\btransform=None", "no --label-transform"),
    (r"\bseeds=\((\d+), (\d+), (\d+)\)", r"--seed \1 --seed \2 --seed \3"),
    (r"map=\{[^}]*\} \((--map [^()]*)\)", r"\1"),
    (r"map=\{'(\w+)': '([^']*)'\}", r"--map \1=\2"),
)
# Arguments that only some verbs have as an option: elsewhere, advice that names one cannot be followed.
_ONLY_IN_PYTHON = ("on_unknown", "history")
_ARGUMENT = re.compile(r"""(?<!--set )(?<!--map )\b([a-z]+(?:_[a-z]+)*)=(?:\[?(['"])(.*?)\2\]?|([\w.-]+)|(?= \(--))""")
_TWICE = re.compile(r"(--[a-z][^()]*?) \(\1[^()]*\)")


def verb_of(words: Sequence[str]) -> str:
    """Return the verb that a command line names; empty when it names none.

    Examples
    --------
    >>> verb_of(["--store", "shop", "runs", "list", "--limit", "3"])
    'runs list'
    """
    plain = [word for word in words if not word.startswith("-")]
    for first, second in zip(plain, [*plain, ""][1:], strict=True):
        for verb in (f"{first} {second}", first):
            if verb in VERBS:
                return verb
    return ""


def in_words_of(advice: str, options: Collection[str]) -> str:
    """Return advice with its Python spelled as options.

    Parameters
    ----------
    advice : str
        A hint of the library.
    options : collection of str
        The names of the verb's options, as Python spells them.

    Examples
    --------
    >>> in_words_of("say seen_data='allow' to get a result that is marked", ["seen_data"])
    'say --seen-data allow to get a result that is marked'
    """
    if "split" in options:  # the verb can do itself what others need a training for
        advice = re.sub(r"use random_split\b", "use --split random --holdout 0.2", advice)
    for pattern, words in _PHRASES:
        advice = re.sub(pattern, words, advice)
    named = {found[1] for found in _ARGUMENT.finditer(advice)}
    if any(name in _ONLY_IN_PYTHON and name not in options for name in named):
        return ""
    spelled = _ARGUMENT.sub(lambda found: _option(found, options), advice)
    for name in options:
        if "_" in name:
            spelled = re.sub(rf"(?<![\w-]){name}(?![\w=])", _flag(name), spelled)
    return _TWICE.sub(r"\1", spelled)


def _option(found: re.Match[str], options: Collection[str]) -> str:
    name, value = found[1], found[3] or found[4] or ""
    known = next((full for full in (name, f"label_{name}", f"relevance_{name}") if full in options), None)
    if known is None:
        return found[0]
    if value == "True":  # a switch
        return _flag(known)
    shown = f"'{value}'" if re.search(r"[\s<>*]", value) else value
    return f"{_flag(known)} {shown}".rstrip()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
