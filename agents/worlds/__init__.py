"""Small environments of textbooks, each in a file; an attribute `P` publishes the model, as toy text does it."""
