"""Benchmarks: scripts to run by hand; nothing here is imported by the packages."""
