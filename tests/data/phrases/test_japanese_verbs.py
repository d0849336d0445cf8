"""Japanese inflection, against forms written down by hand."""

import pytest
from phrases import words
from phrases.japanese_verbs import AdjectiveForm, NounForm, VerbForm, form, verb

# polite, polite past negative, て, た, ない
VERBS = {
    "食べる1": "食べます 食べませんでした 食べて 食べた 食べない",
    "飲む5": "飲みます 飲みませんでした 飲んで 飲んだ 飲まない",
    "書く5": "書きます 書きませんでした 書いて 書いた 書かない",
    "泳ぐ5": "泳ぎます 泳ぎませんでした 泳いで 泳いだ 泳がない",
    "話す5": "話します 話しませんでした 話して 話した 話さない",
    "買う5": "買います 買いませんでした 買って 買った 買わない",
    "待つ5": "待ちます 待ちませんでした 待って 待った 待たない",
    "遊ぶ5": "遊びます 遊びませんでした 遊んで 遊んだ 遊ばない",
    "帰る5": "帰ります 帰りませんでした 帰って 帰った 帰らない",
    "行く5": "行きます 行きませんでした 行って 行った 行かない",
    "掃除する": "掃除します 掃除しませんでした 掃除して 掃除した 掃除しない",
    "来る": "来ます 来ませんでした 来て 来た 来ない",
}


@pytest.mark.parametrize("word", VERBS)
def test_verbs(word: str) -> None:
    v = verb(word)
    forms = (v.polite(), v.polite(past=True, negative=True), v.te, v.plain(past=True), v.plain(negative=True))
    assert " ".join(forms) == VERBS[word]


def test_one_wants_things_oneself_but_others_show_that_they_do() -> None:
    assert verb("飲む5").desire(others=False).polite(negative=True) == "飲みたくないです"
    assert verb("飲む5").desire(others=True).polite(past=True) == "飲みたがっていました"


def test_adjectives() -> None:
    assert AdjectiveForm("高い").polite(past=True, negative=True) == "高くなかったです"
    assert AdjectiveForm("高い").excess().polite() == "高すぎます"
    assert AdjectiveForm("いい").polite(past=True) == "よかったです"
    assert NounForm("静か").polite(negative=True) == "静かではありません"
    assert NounForm("静か").attributive() == "静かな"
    assert NounForm("灰色", "の").attributive() == "灰色の"
    assert NounForm("病気", "の").attributive(past=True) == "病気だった"


def test_what_one_knows_is_a_state_and_what_one_does_not_is_not() -> None:
    assert form("知る5~").polite() == "知っています"
    assert form("知る5~", negative=True).polite(negative=True) == "知りません"
    assert form("住む5~", negative=True).polite(negative=True) == "住んでいません"


def test_every_predicate_of_the_lexicon_is_marked() -> None:
    for word in [*words.DOING, *words.STATES, *words.ACTIVE, *words.MOVING, *words.SPECIAL.values()]:
        assert isinstance(form(word.japanese), VerbForm | NounForm)
    with pytest.raises(ValueError, match="not marked"):
        form("食べる")
