"""How a worker talks: HTTP with deadlines, and reports that are neither waited for nor lost."""
