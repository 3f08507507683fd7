"""The example's detector: a compact anchor-free network in Keras, and everything around it that is plain numpy."""
