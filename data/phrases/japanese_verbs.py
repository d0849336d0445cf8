"""Japanese inflection: verbs, い-adjectives, and nouns and な-adjectives with the copula.

The lexicon marks a word by its last character: 1 (ichidan verb), 5 (godan verb), ~ after a verb that is said in ている,
i (い-adjective), N (noun or な-adjective), の (noun that takes の). する and 来る need no mark.
"""

from dataclasses import dataclass

# last kana of a godan verb: stem before ます, て-form, stem before ない
GODAN = {
    "う": ("い", "って", "わ"),
    "つ": ("ち", "って", "た"),
    "る": ("り", "って", "ら"),
    "む": ("み", "んで", "ま"),
    "ぶ": ("び", "んで", "ば"),
    "ぬ": ("に", "んで", "な"),
    "く": ("き", "いて", "か"),
    "ぐ": ("ぎ", "いで", "が"),
    "す": ("し", "して", "さ"),
}


@dataclass(frozen=True)
class VerbForm:
    dictionary: str  # 飲む
    stem: str  # 飲み, before ます and たい
    te: str  # 飲んで
    nai: str  # 飲ま, before ない

    def polite(self, past: bool = False, negative: bool = False) -> str:
        if negative:
            return self.stem + ("ませんでした" if past else "ません")
        return self.stem + ("ました" if past else "ます")

    def plain(self, past: bool = False, negative: bool = False) -> str:
        if negative:
            return self.nai + ("なかった" if past else "ない")
        return self.te[:-1] + ("だ" if self.te.endswith("で") else "た") if past else self.dictionary

    def ongoing(self) -> "VerbForm":
        """飲んでいる."""
        te = self.te
        return VerbForm(te + "いる", te + "い", te + "いて", te + "い")

    def desire(self, others: bool) -> "VerbForm | AdjectiveForm":
        """飲みたい, or of others, whose wishes only show, 飲みたがっている."""
        stem = self.stem
        return verb(stem + "たがる5").ongoing() if others else AdjectiveForm(stem + "たい")


@dataclass(frozen=True)
class AdjectiveForm:
    """高い."""

    word: str

    @property
    def _root(self) -> str:
        return "よ" if self.word == "いい" else self.word[:-1]

    def polite(self, past: bool = False, negative: bool = False) -> str:
        return self.plain(past, negative) + "です"

    def plain(self, past: bool = False, negative: bool = False) -> str:
        if negative:
            return self._root + ("くなかった" if past else "くない")
        return self._root + "かった" if past else self.word

    attributive = plain

    def excess(self) -> "VerbForm":
        return verb(self._root + "すぎる1")


@dataclass(frozen=True)
class NounForm:
    """学生, 静か. `link` joins it to a noun: な or の."""

    word: str
    link: str = "な"

    def polite(self, past: bool = False, negative: bool = False) -> str:
        if negative:
            return self.word + ("ではありませんでした" if past else "ではありません")
        return self.word + ("でした" if past else "です")

    def plain(self, past: bool = False, negative: bool = False) -> str:
        if negative:
            return self.word + ("ではなかった" if past else "ではない")
        return self.word + ("だった" if past else "だ")

    def attributive(self, past: bool = False, negative: bool = False) -> str:
        return self.plain(past, negative) if past or negative else self.word + self.link

    def excess(self) -> "VerbForm":
        return verb(self.word + "すぎる1")


Form = VerbForm | AdjectiveForm | NounForm


def verb(word: str) -> VerbForm:
    """A verb of the lexicon, without regard to ~."""
    word = word.removesuffix("~")
    if word.endswith("1"):
        stem = word[:-2]
        return VerbForm(word[:-1], stem, stem + "て", stem)
    if word.endswith("5"):
        root, last = word[:-2], word[-2]
        stem, te, nai = GODAN[last]
        if word == "行く5":
            te = "って"
        return VerbForm(word[:-1], root + stem, root + te, root + nai)
    if word.endswith("する"):
        root = word[:-2]
        return VerbForm(word, root + "し", root + "して", root + "し")
    if word == "来る":
        return VerbForm(word, "来", "来て", "来")
    raise ValueError(f"'{word}' is not marked as a verb")


def form(word: str, negative: bool = False) -> Form:
    """Any predicate of the lexicon. One does not know in 知りません, though one knows in 知っています."""
    if word.endswith("i"):
        return AdjectiveForm(word[:-1])
    if word.endswith("N"):
        return NounForm(word[:-1], "の" if word[:-1] in TAKES_NO else "な")
    if word.endswith("の"):
        return NounForm(word[:-1], "の")
    if word.endswith("~") and not (negative and word.startswith("知る")):
        return verb(word).ongoing()
    return verb(word)


TAKES_NO = {"年配", "病気", "一人"}
