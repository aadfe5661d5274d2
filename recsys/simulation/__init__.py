"""A simulated streaming service whose truth is known: tastes, exposure, position bias, the value of any policy."""

from recsys.simulation.experiments import SimulatedExperiment
from recsys.simulation.serving import Served
from recsys.simulation.simulation import Simulation, Written, simulate
from recsys.simulation.truth import Lift, Truth

__all__ = ["Lift", "Served", "SimulatedExperiment", "Simulation", "Truth", "Written", "simulate"]
