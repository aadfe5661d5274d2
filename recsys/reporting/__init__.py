"""Documents to send around: results and runs as one HTML file, Markdown or JSON. Nothing is computed here."""

from recsys.reporting.composing import compose
from recsys.reporting.document import Document, Section
from recsys.reporting.writing import report

__all__ = ["Document", "Section", "compose", "report"]
