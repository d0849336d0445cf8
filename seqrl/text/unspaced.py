"""Scripts that are written without spaces between words."""

UNSPACED = (
    "\u0e00-\u0fff"  # Thai, Lao, Tibetan
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3000-\u312f\u31f0-\u31ff"  # CJK punctuation, Hiragana, Katakana, Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uff00-\uffef"  # full-width forms
)
"""Ranges of code points for a character class, in the syntax of `re` and of the tokenizers library alike."""
