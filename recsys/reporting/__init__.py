"""Documents to send around: results and runs as one HTML file, Markdown or JSON. Nothing is computed here."""

from recsys.reporting.composing import compose
from recsys.reporting.document import Document, Fact, Section
from recsys.reporting.index import of_store
from recsys.reporting.writing import format_of, report, write

__all__ = ["Document", "Fact", "Section", "compose", "format_of", "of_store", "report", "write"]
