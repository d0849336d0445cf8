"""The ids that mean the same in every tokenizer, and so in every model."""

PAD, UNKNOWN, BOS, EOS = 0, 1, 2, 3
SPECIALS = ["<pad>", "<unknown>", "<bos>", "<eos>"]  # their names, by id
