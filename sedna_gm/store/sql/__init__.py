"""The durable store: SQLAlchemy Core over SQLite, in SQL that PostgreSQL understands too."""
