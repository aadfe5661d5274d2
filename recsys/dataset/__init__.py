"""Vocabularies, the Dataset, labels and relevance, splits."""

from recsys.dataset.columns import align_attributes
from recsys.dataset.dataset import Dataset, concat
from recsys.dataset.labels import Label, Relevance
from recsys.dataset.splitting import Split, leave_last_out, random_split, temporal_split, user_split
from recsys.dataset.vocabulary import Vocabulary, id_series

__all__ = [
    "Dataset",
    "Label",
    "Relevance",
    "Split",
    "Vocabulary",
    "align_attributes",
    "concat",
    "id_series",
    "leave_last_out",
    "random_split",
    "temporal_split",
    "user_split",
]
