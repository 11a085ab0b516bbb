"""For notebooks: exercises that check themselves, and source code side by side."""
