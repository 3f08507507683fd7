"""Numbered files, run in order, each once: the schema's history. A released file is never edited."""
