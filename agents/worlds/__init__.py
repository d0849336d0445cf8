"""Small environments of textbooks, each in a file; those with an attribute `P` publish their model, as toy text does."""
