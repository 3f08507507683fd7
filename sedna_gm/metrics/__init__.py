"""What Prometheus reads of the GlobalManager: the present state told at each scrape, and what has happened counted.

The one room that imports prometheus_client. `jobs` and `hosts` are pure: from resources to families of samples.
"""
