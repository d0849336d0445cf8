"""Language models: their data, their training, and the text that they write."""
