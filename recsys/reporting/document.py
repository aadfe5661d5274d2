"""`Document`: what a report says, in which order — without saying how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from recsys.core.errors import ArgumentError
from recsys.display import View
from recsys.store.versions import versions

SCHEMA = "recsys/document/1"
WARNING = "warning: "


class Fact(NamedTuple):
    """A row of the method part: what it is, and its value; `code` is to be typed as it stands.

    Attributes
    ----------
    name : str
        What it is.
    value : str
        Its value.
    code : bool
        Whether it is to be typed as it stands.
    """

    name: str
    value: str
    code: bool = False


@dataclass(frozen=True)
class Section:
    """One result.

    Parameters
    ----------
    title : str
        What kind of thing it is: ``"Comparison"``.
    view : View
        Its title is the conclusion; then the evidence.
    method : tuple of Fact
        How it came about and how to repeat it.

    Examples
    --------
    >>> Section("Comparison", View("als beats pop")).conclusion
    'als beats pop'
    """

    title: str
    view: View
    method: tuple[Fact, ...] = ()

    @property
    def conclusion(self) -> str:
        """What was found, in a sentence."""
        return self.view.title

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes that call for care, without the word."""
        return tuple(note.removeprefix(WARNING) for note in self.view.notes if note.startswith(WARNING))

    @property
    def notes(self) -> tuple[str, ...]:
        """The other notes: conventions."""
        return tuple(note for note in self.view.notes if not note.startswith(WARNING))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, the view as `View.to_dict` gives it."""
        return {
            "title": self.title,
            "view": self.view.to_dict(),
            "method": [fact._asdict() for fact in self.method],
        }


@dataclass(frozen=True)
class Document:
    """A report: the conclusion first, then the evidence, then how to repeat it.

    Parameters
    ----------
    title : str
        The heading.
    lead : str
        What was found, in a sentence or two.
    sections : tuple of Section
        One for each result.
    method : tuple of Fact
        What holds for all sections: versions.

    Examples
    --------
    >>> document = Document("Comparison", "als beats pop", (Section("Comparison", View("als beats pop")),))
    >>> document.to_dict()["schema"], len(document.sections)
    ('recsys/document/1', 1)
    """

    title: str
    lead: str
    sections: tuple[Section, ...]
    method: tuple[Fact, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "lead": self.lead,
            "sections": [section.to_dict() for section in self.sections],
            "method": [fact._asdict() for fact in self.method],
        }


def assembled(sections: Sequence[Section], title: str | None = None, lead: str = "") -> Document:
    """Return sections as a document; versions stand once where no section has its own.

    Raises
    ------
    ArgumentError
        There is no section.
    """
    if not sections:
        raise ArgumentError("there is nothing to report", "a result, a run or a view was expected")
    alone = len(sections) == 1
    told = all(section.method for section in sections)
    return Document(
        title or (sections[0].title if alone else "Report"),
        lead or (sections[0].conclusion if alone else ""),
        tuple(sections),
        () if told else version_facts(versions()),
    )


def version_facts(versions: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return versions in one row, recsys first.

    Examples
    --------
    >>> version_facts({"numpy": "2.4", "recsys": "0.1"})[0].value
    'recsys 0.1, numpy 2.4'
    """
    order = ["recsys", "python", *sorted(set(versions) - {"recsys", "python", "cpu"}), "cpu"]
    known = [f"{name} {versions[name]}" for name in order if name in versions]
    return (Fact("versions", ", ".join(known)),) if known else ()
