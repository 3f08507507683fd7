"""The door: Kubernetes' HTTP conventions over admission and the store. Decides nothing about jobs."""
