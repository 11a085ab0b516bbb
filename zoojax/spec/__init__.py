"""What both backends must agree on, in NumPy alone: it knows no framework."""
