"""The GlobalManager: HTTP door, admission, store and the controllers that decide about jobs."""
