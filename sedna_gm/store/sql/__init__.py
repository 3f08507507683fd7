"""The durable store: SQLite, opened and brought up to date through SQLAlchemy, read and written through its driver."""
