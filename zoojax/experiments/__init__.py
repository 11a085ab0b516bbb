"""Whole runs, put together from the lessons."""
