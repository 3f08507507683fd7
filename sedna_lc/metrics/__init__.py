"""What Prometheus reads of this node. The one room of the LocalController that imports prometheus_client.

That import takes about 1 MB and 25 ms, so it is put off until the first scrape: `counting` does without it.
"""
