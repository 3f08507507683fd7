"""Algorithms that manifests choose by name; importing a package here registers its names."""
