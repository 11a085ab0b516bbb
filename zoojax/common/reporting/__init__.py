"""Tables, pages and the figures of a run."""
