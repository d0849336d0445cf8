"""Word embeddings: their training, and the runs that hold them."""
