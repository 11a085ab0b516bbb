"""Many members trained and used as one model."""
