"""Neutral tools that both backends use: files, figures, reports, exercises."""
