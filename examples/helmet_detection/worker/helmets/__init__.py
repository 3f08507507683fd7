"""The example's detector: a compact anchor-free network in Keras, and everything around it that is plain numpy."""

from __future__ import annotations

import os

# TensorFlow reads these once, when it is imported, so they stand before anything of this package imports it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A worker shares its host; two threads are its fair part.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")
