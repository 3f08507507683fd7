"""Checks and completes what comes in, before the store sees it."""
