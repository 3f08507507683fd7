"""Incremental learning: a model that goes on learning from the hard examples it meets."""

from sedna.core.incremental_learning.incremental_learning import IncrementalLearning

__all__ = ("IncrementalLearning",)
