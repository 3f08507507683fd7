"""The features that user scripts call: `sedna.core.incremental_learning`, on top of `sedna.core.base`."""
