"""How things stand with workers, told to the GM while they change: how far a training is, how inferences go.

Unlike reports nothing of this is kept on disk: only the newest counts, and what is lost is lost. `curves` makes many
numbers few, `pacing` says when they are told, `telling` tells them.
"""
