"""The ledger: what offline estimates had said of two policies, beside what their A/B test found."""

from recsys.ledger.entries import Estimand, Outcome, Prediction, Scale
from recsys.ledger.result import Ledger, ledger
from recsys.ledger.scores import Score

__all__ = ["Estimand", "Ledger", "Outcome", "Prediction", "Scale", "Score", "ledger"]
