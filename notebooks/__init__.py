"""Notebooks that begin with a question and end with an answer, and what runs them (``python -m notebooks``)."""
