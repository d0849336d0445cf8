"""Text: reading parallel corpora, tokenizers, batching by length, scores of translations."""
