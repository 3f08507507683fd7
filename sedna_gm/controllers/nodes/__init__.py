"""Decides whether a node is Ready, and lets go of the workers of nodes that are gone."""
