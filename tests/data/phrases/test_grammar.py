"""Whole sentences in three languages, against translations written down by hand."""

from typing import Any

import pytest
from phrases import english, french, japanese
from phrases.tree import (
    Act,
    Aged,
    Clause,
    Colour,
    Command,
    Doer,
    Done,
    Goes,
    Is,
    IsA,
    IsAt,
    Joined,
    Nominal,
    NounPhrase,
    Prefers,
    Pronoun,
    Question,
    Sentence,
    Statement,
    There,
    Thinks,
    This,
    Together,
    Where,
    WhereIs,
    Which,
    Who,
    Whose,
)
from phrases.words import ADJECTIVE, DOING, HOURS, MOVING, NOUN, NUMBERS, OFTEN, SPECIAL, STATES, TIMES, Phrase, Verb

VERB = {f"{v.base} {v.after}".strip(): v for v in [*MOVING, *reversed(DOING), *STATES, *SPECIAL.values()]}
JOUER_DE = next(v for v in DOING if v.french == "jouer de")
JOUER_A = next(v for v in DOING if v.french == "jouer à")
ME, YOU, HE, SHE, WE, THEY = (Pronoun(name) for name in ("I", "you", "he", "she", "we", "they"))


def np(name: str, determiner: str = "the", adjective: str = "", plural: bool = False) -> NounPhrase:
    return NounPhrase(NOUN[name], determiner, plural, ADJECTIVE[adjective] if adjective else None)


def two(name: str) -> NounPhrase:
    return NounPhrase(NOUN[name], "number", True, number=NUMBERS[0])


def named(phrases: list[Phrase], english: str) -> Phrase:
    return next(phrase for phrase in phrases if phrase.english == english)


def does(
    subject: Nominal, verb: str | Verb, thing: Nominal | None = None, tense: str = "present", **more: Any
) -> Clause:
    return Clause(subject, Act(VERB[verb] if isinstance(verb, str) else verb, thing), tense, **more)


def is_(subject: Nominal, adjective: str, tense: str = "present", degree: str = "", **more: Any) -> Clause:
    return Clause(subject, Is(ADJECTIVE[adjective], degree), tense, **more)


def at(name: str, relation: str = "at") -> Where:
    return Where(relation, np(name))


YESTERDAY, TOMORROW = named(TIMES, "yesterday"), named(TIMES, "tomorrow")
APPLE = np("apple")

SENTENCES: list[tuple[Sentence, str, str, str]] = [
    # Articles, elision, mass and plural; de after a negation
    (Statement(does(HE, "eat", APPLE)), "He eats the apple.", "Il mange la pomme.", "彼はりんごを食べます。"),
    (Statement(does(ME, "love", np("water", "generic"))), "I love water.", "J'adore l'eau.", "私は水が大好きです。"),
    (Statement(does(SHE, "drink", np("water", "some"))), "She drinks some water.", "Elle boit de l'eau.",
     "彼女は水を飲みます。"),
    (Statement(does(HE, "eat", np("bread", "bare"), negation="not")), "He does not eat bread.",
     "Il ne mange pas de pain.", "彼はパンを食べません。"),
    (Statement(does(WE, "buy", np("apple", "bare", plural=True))), "We buy apples.", "Nous achetons des pommes.",
     "私たちはりんごを買います。"),
    (Statement(does(WE, "buy", np("car", "bare", "beautiful", True), "past")), "We bought beautiful cars.",
     "Nous avons acheté de belles voitures.", "私たちは美しい車を買いました。"),
    (Statement(does(ME, "have", np("car", "a"), negation="not")), "I do not have a car.", "Je n'ai pas de voiture.",
     "私は車を持っていません。"),
    (Statement(does(ME, "have", np("dog", "a"), negation="no longer")), "I no longer have a dog.",
     "Je n'ai plus de chien.", "私はもう犬を飼っていません。"),
    (Statement(does(ME, "have", two("brother"))), "I have two brothers.", "J'ai deux frères.", "私は兄が二人います。"),
    (Statement(does(SHE, "need", np("orange", "a"))), "She needs an orange.", "Elle a besoin d'une orange.",
     "彼女はオレンジが必要です。"),
    (Statement(does(SHE, "need", np("umbrella"))), "She needs the umbrella.", "Elle a besoin du parapluie.",
     "彼女は傘が必要です。"),
    # Adjectives: place, agreement, the form before a vowel, aspirate h
    (Statement(does(HE, "wash", np("car", "his", "red"))), "He washes his red car.", "Il lave sa voiture rouge.",
     "彼は赤い車を洗います。"),
    (This(np("tree", "a", "beautiful")), "This is a beautiful tree.", "C'est un bel arbre.", "これは美しい木です。"),
    (This(np("hospital", "a", "old"), True), "This is not an old hospital.", "Ce n'est pas un vieil hôpital.",
     "これは古い病院ではありません。"),
    (This(np("computer", "a", "new")), "This is a new computer.", "C'est un nouvel ordinateur.",
     "これは新しいパソコンです。"),
    (Statement(is_(np("hamster", "this"), "big")), "This hamster is big.", "Ce hamster est grand.",
     "このハムスターは大きいです。"),
    (Statement(is_(np("tree", "this"), "big")), "This tree is big.", "Cet arbre est grand.", "この木は大きいです。"),
    (Statement(is_(np("shoe", "my", plural=True), "white", "past")), "My shoes were white.",
     "Mes chaussures étaient blanches.", "私の靴は白かったです。"),
    (Statement(is_(np("scarf", "my"), "expensive")), "My scarf is expensive.", "Mon écharpe est chère.",
     "私のマフラーは高いです。"),
    (Statement(is_(np("car"), "brown")), "The car is brown.", "La voiture est marron.", "車は茶色です。"),
    (Statement(is_(np("soup"), "hot", degree="too")), "The soup is too hot.", "La soupe est trop chaude.",
     "スープは熱すぎます。"),
    (Statement(Clause(np("suitcase"), Is(ADJECTIVE["heavy"], than=np("bag")))), "The suitcase is heavier than the bag.",
     "La valise est plus lourde que le sac.", "スーツケースはかばんより重いです。"),
    (Statement(Clause(np("idea", "my"), Is(ADJECTIVE["good"], than=np("idea", "your")))),
     "My idea is better than your idea.", "Mon idée est meilleure que ton idée.",
     "私の考えはあなたの考えよりいいです。"),
    (Statement(is_(NounPhrase(NOUN["car"], owner=np("teacher")), "dirty")), "The teacher's car is dirty.",
     "La voiture du professeur est sale.", "先生の車は汚いです。"),
    (Statement(is_(Together(np("mother", "my"), np("sister", "my")), "happy")), "My mother and my sister are happy.",
     "Ma mère et ma sœur sont contentes.", "母と姉は喜んでいます。"),
    (Statement(is_(Together(np("mother", "my"), np("father", "my")), "sick")), "My mother and my father are sick.",
     "Ma mère et mon père sont malades.", "母と父は病気です。"),
    (Statement(is_(ME, "hungry", degree="very")), "I am very hungry.", "J'ai très faim.",
     "私はとてもお腹が空いています。"),
    (Statement(is_(SHE, "late", "past")), "She was late.", "Elle était en retard.", "彼女は遅れていました。"),
    (Statement(Clause(SHE, IsA(NOUN["lawyer"]), negation="not")), "She is not a lawyer.", "Elle n'est pas avocat.",
     "彼女は弁護士ではありません。"),
    (Statement(Clause(THEY, IsA(NOUN["writer"]))), "They are writers.", "Ils sont écrivains.", "彼らは作家です。"),
    (Statement(Clause(np("son", "my"), Aged(named(NUMBERS, "six")))), "My son is six years old.", "Mon fils a six ans.",
     "息子は六歳です。"),
    # Tenses, auxiliaries and participles
    (Statement(does(SHE, "arrive", tense="past")), "She arrived.", "Elle est arrivée.", "彼女は着きました。"),
    (Statement(does(np("girl", plural=True), "leave", tense="past", time=YESTERDAY)), "The girls left yesterday.",
     "Les filles sont parties hier.", "女の子たちは昨日出発しました。"),
    (Statement(does(SHE, "get up", tense="past", time=named(HOURS, "at seven o'clock"))),
     "She got up at seven o'clock.", "Elle s'est levée à sept heures.", "彼女は七時に起きました。"),
    (Statement(does(WE, "rest", often=OFTEN[1])), "We often rest.", "Nous nous reposons souvent.",
     "私たちはよく休みます。"),
    (Statement(does(ME, "rest", negation="not")), "I do not rest.", "Je ne me repose pas.", "私は休みません。"),
    (Statement(does(HE, "see", SHE, "past")), "He saw her.", "Il l'a vue.", "彼は彼女を見ました。"),
    (Statement(does(ME, "invite", THEY, "past", negation="not")), "I did not invite them.",
     "Je ne les ai pas invités.", "私は彼らを招待しませんでした。"),
    (Statement(does(ME, "help", YOU, modal="want")), "I want to help you.", "Je veux t'aider.",
     "私はあなたを手伝いたいです。"),
    (Statement(does(HE, "call", ME, "future")), "He will call me.", "Il va m'appeler.", "彼は私に電話します。"),
    (Statement(Clause(SHE, IsAt(at("station")), "future", time=TOMORROW)), "She will be at the station tomorrow.",
     "Elle sera à la gare demain.", "彼女は明日駅にいます。"),
    (Statement(does(np("child", "my", plural=True), "read", tense="was doing", where=at("library"))),
     "My children were reading at the library.", "Mes enfants lisaient à la bibliothèque.",
     "私の子供たちは図書館で読んでいました。"),
    (Statement(does(HE, "know", np("song"), "past")), "He knew the song.", "Il connaissait la chanson.",
     "彼は歌を知っていました。"),
    (Statement(does(ME, "understand", np("question"), "past")), "I understood the question.",
     "J'ai compris la question.",
     "私は質問が分かりました。"),
    (Statement(does(SHE, "see", np("fox", "a"), "perfect", negation="never")), "She has never seen a fox.",
     "Elle n'a jamais vu de renard.", "彼女は一度も狐を見たことがありません。"),
    (Question(does(YOU, "eat", np("lobster", "a"), "perfect")), "Have you ever eaten a lobster?",
     "Est-ce que tu as déjà mangé un homard ?", "ロブスターを食べたことがありますか。"),
    (Statement(does(HE, "eat", np("meat", "bare"), negation="never")), "He never eats meat.",
     "Il ne mange jamais de viande.", "彼は決して肉を食べません。"),
    (Statement(does(SHE, "write", np("letter", "bare", plural=True), "progressive")), "She is writing letters.",
     "Elle écrit des lettres.", "彼女は手紙を書いています。"),
    # Prepositions
    (Statement(Clause(HE, Goes(SPECIAL["go"], Where("to", np("school"))), "past")), "He went to school.",
     "Il est allé à l'école.", "彼は学校に行きました。"),
    (Statement(Clause(WE, Goes(SPECIAL["go"], Where("to", np("market"))), "past", time=YESTERDAY, time_first=True)),
     "Yesterday, we went to the market.", "Hier, nous sommes allés au marché.", "昨日、私たちは市場に行きました。"),
    (Statement(Clause(SHE, Goes(SPECIAL["live"], Where("at", np("Japan", "name"))), "past")), "She lived in Japan.",
     "Elle habitait au Japon.", "彼女は日本に住んでいました。"),
    (Statement(does(ME, JOUER_DE, np("piano"))), "I play the piano.", "Je joue du piano.", "私はピアノを弾きます。"),
    (Statement(does(ME, JOUER_A, np("tennis", "generic"))), "I play tennis.", "Je joue au tennis.",
     "私はテニスをします。"),
    (Statement(does(THEY, "speak", np("French", "generic"), modal="can")), "They can speak French.",
     "Ils peuvent parler français.", "彼らはフランス語を話すことができます。"),
    (Statement(Clause(np("cat"), IsAt(at("table", "under")))), "The cat is under the table.",
     "Le chat est sous la table.", "猫はテーブルの下にいます。"),
    (Statement(Clause(np("bank"), IsAt(at("station", "near")), negation="not")), "The bank is not near the station.",
     "La banque n'est pas près de la gare.", "銀行は駅の近くにありません。"),
    (Prefers(ME, np("tea", "generic"), np("coffee", "generic")), "I prefer tea to coffee.",
     "Je préfère le thé au café.", "私はコーヒーよりお茶のほうが好きです。"),
    # Giving
    (Statement(Clause(HE, Act(SPECIAL["give"], np("book", "a"), ME), "past")), "He gave me a book.",
     "Il m'a donné un livre.", "彼は私に本をくれました。"),
    (Statement(Clause(ME, Act(SPECIAL["give"], np("flower", "a"), np("mother", "my")), "future")),
     "I will give a flower to my mother.", "Je vais donner une fleur à ma mère.", "私は母に花をあげます。"),
    (Statement(Clause(SHE, Act(SPECIAL["lend"], np("car", "her"), WE), "past")), "She lent us her car.",
     "Elle nous a prêté sa voiture.", "彼女は私たちに車を貸してくれました。"),
    # Modals
    (Statement(does(HE, "buy", np("bicycle", "a"), modal="want")), "He wants to buy a bicycle.",
     "Il veut acheter un vélo.", "彼は自転車を買いたがっています。"),
    (Statement(does(WE, "clean", np("kitchen"), modal="must")), "We must clean the kitchen.",
     "Nous devons nettoyer la cuisine.", "私たちは台所を掃除しなければなりません。"),
    (Statement(does(YOU, "open", np("window"), modal="must", negation="not")), "You must not open the window.",
     "Tu ne dois pas ouvrir la fenêtre.", "あなたは窓を開けてはいけません。"),
    (Statement(does(SHE, "find", np("key"), "past", modal="can", negation="not")), "She could not find the key.",
     "Elle ne pouvait pas trouver la clé.", "彼女は鍵を見つけることができませんでした。"),
    (Statement(does(SHE, "find", np("key"), modal="can", negation="not")), "She cannot find the key.",
     "Elle ne peut pas trouver la clé.", "彼女は鍵を見つけることができません。"),
    (Statement(does(np("son", "our"), "read", modal="like")), "Our son likes to read.", "Notre fils aime lire.",
     "私たちの息子は読むのが好きです。"),
    # Questions
    (Question(does(YOU, "like", np("cat", "generic", plural=True))), "Do you like cats?",
     "Est-ce que tu aimes les chats ?", "猫が好きですか。"),
    (Question(does(HE, "lose", np("watch", "his"), "past")), "Did he lose his watch?",
     "Est-ce qu'il a perdu sa montre ?", "彼は腕時計をなくしましたか。"),
    (Question(does(THEY, "eat", tense="progressive"), "what"), "What are they eating?", "Qu'est-ce qu'ils mangent ?",
     "彼らは何を食べていますか。"),
    (Question(does(SHE, "fall", tense="past"), "why"), "Why did she fall?",
     "Pourquoi est-ce qu'elle est tombée ?", "彼女はなぜ転んだのですか。"),
    (Who(does(HE, "eat", np("cake", "my"), "past")), "Who ate my cake?", "Qui a mangé mon gâteau ?",
     "誰が私のケーキを食べましたか。"),
    (Which(does(YOU, "buy", np("flower", "which", plural=True), "past")), "Which flowers did you buy?",
     "Quelles fleurs est-ce que tu as achetées ?", "どの花を買いましたか。"),
    (Which(does(YOU, "read", np("book", "how many", plural=True), "past")), "How many books did you read?",
     "Combien de livres est-ce que tu as lus ?", "本を何冊読みましたか。"),
    (WhereIs(np("key", "my", plural=True)), "Where are my keys?", "Où sont mes clés ?", "私の鍵はどこにありますか。"),
    (Whose(np("umbrella", "this")), "Whose umbrella is this?", "À qui est ce parapluie ?", "これは誰の傘ですか。"),
    (Colour(np("car", "your")), "What colour is your car?", "De quelle couleur est ta voiture ?",
     "あなたの車は何色ですか。"),
    # There is
    (There(np("milk", "some"), at("kitchen")), "There is some milk in the kitchen.", "Il y a du lait dans la cuisine.",
     "台所に牛乳があります。"),
    (There(np("milk", "bare"), at("kitchen"), negated=True), "There is no milk in the kitchen.",
     "Il n'y a pas de lait dans la cuisine.", "台所に牛乳はありません。"),
    (There(np("hotel", "a"), at("village"), question=True), "Is there a hotel in the village?",
     "Est-ce qu'il y a un hôtel dans le village ?", "村にホテルがありますか。"),
    (There(two("cat"), at("garden"), past=True), "There were two cats in the garden.",
     "Il y avait deux chats dans le jardin.", "庭に猫が二匹いました。"),
    # Commands
    (Command(Act(VERB["open"], np("window")), please=True), "Open the window, please.",
     "Ouvre la fenêtre, s'il te plaît.", "窓を開けてください。"),
    (Command(Act(VERB["open"], np("window")), negated=True), "Do not open the window.", "N'ouvre pas la fenêtre.",
     "窓を開けないでください。"),
    (Command(Act(VERB["visit"], np("castle")), we=True), "Let us visit the castle.", "Visitons le château.",
     "お城を訪れましょう。"),
    # Two clauses
    (Joined(does(SHE, "buy", APPLE, "past"), "and", does(SHE, "eat", Pronoun("it", APPLE), "past")),
     "She bought the apple and she ate it.", "Elle a acheté la pomme et elle l'a mangée.",
     "彼女はりんごを買って、食べました。"),
    (Joined(does(ME, "buy", np("sock", plural=True), "past"), "and",
            does(ME, "wear", Pronoun("it", np("sock", plural=True)), "past")),
     "I bought the socks and I wore them.", "J'ai acheté les chaussettes et je les ai portées.",
     "私は靴下を買って、履きました。"),
    (Joined(does(ME, "like", np("tea", "generic")), "but", does(ME, "like", np("coffee", "generic"), negation="not")),
     "I like tea but I do not like coffee.", "J'aime le thé mais je n'aime pas le café.",
     "私はお茶が好きですが、コーヒーは好きではありません。"),
    (Joined(does(HE, "rest"), "because", is_(HE, "tired")), "He rests because he is tired.",
     "Il se repose parce qu'il est fatigué.", "彼は疲れているので、休みます。"),
    (Thinks(SHE, "think", is_(np("film"), "boring")), "She thinks that the film is boring.",
     "Elle pense que le film est ennuyeux.", "彼女は映画がつまらないと思っています。"),
    (Thinks(ME, "know", is_(np("village", "this"), "quiet")), "I know that this village is quiet.",
     "Je sais que ce village est calme.", "私はこの村が静かなことを知っています。"),
    (Doer(np("woman"), does(np("woman"), "wear", np("hat", "a", "red"), "progressive"), Is(ADJECTIVE["tall"])),
     "The woman who is wearing a red hat is tall.", "La femme qui porte un chapeau rouge est grande.",
     "赤い帽子をかぶっている女の人は背が高いです。"),
    (Done(np("letter", plural=True), does(SHE, "write", np("letter", plural=True), "past"), Is(ADJECTIVE["long"])),
     "The letters that she wrote are long.", "Les lettres qu'elle a écrites sont longues.",
     "彼女が書いた手紙は長いです。"),
]  # fmt: skip


@pytest.mark.parametrize(("meaning", "in_english"), [(s, e) for s, e, _, _ in SENTENCES])
def test_english(meaning: Sentence, in_english: str) -> None:
    assert english.realise(meaning) == in_english


@pytest.mark.parametrize(("meaning", "in_french"), [(s, f) for s, _, f, _ in SENTENCES])
def test_french(meaning: Sentence, in_french: str) -> None:
    assert french.realise(meaning) == in_french


@pytest.mark.parametrize(("meaning", "in_japanese"), [(s, j) for s, _, _, j in SENTENCES])
def test_japanese(meaning: Sentence, in_japanese: str) -> None:
    assert japanese.realise(meaning) == in_japanese


def test_articles_and_comparatives_of_english() -> None:
    assert [english.article(word) for word in ("orange", "umbrella", "useful", "university", "book")] == [
        "an", "an", "a", "a", "a",
    ]  # fmt: skip
    found = {a: english.adjective_forms(ADJECTIVE[a])[-1] for a in ("big", "easy", "young", "grey", "quiet", "white")}
    assert found["big"] == "bigger" and found["easy"] == "easier" and found["young"] == "younger"
    forms = [" ".join(english._comparative(a)) for a in ("heavy", "interesting", "noisy", "useful", "short", "good")]
    assert forms == ["heavier", "more interesting", "noisier", "more useful", "shorter", "better"]


def test_english_that_hides_its_tense_is_known() -> None:
    novel = np("novel")
    assert english.tense_unclear(does(THEY, "read", novel)) and english.tense_unclear(does(ME, "read", novel, "past"))
    assert not english.tense_unclear(does(HE, "read", novel, "past"))
    assert not english.tense_unclear(does(ME, "read", novel, "past", time=YESTERDAY))
    assert not english.tense_unclear(does(ME, "read", novel, "past", negation="not"))
    assert not english.tense_unclear(does(ME, "write", novel))


def test_forms_of_english_verbs() -> None:
    forms = {v.base: english.verb_forms(v) for v in DOING}
    assert forms["cut"] == ["cut", "cut", "cut", "cuts", "cutting"]
    assert forms["carry"] == ["carry", "carried", "carried", "carries", "carrying"]
    assert forms["write"] == ["write", "wrote", "written", "writes", "writing"]
    assert forms["watch"] == ["watch", "watched", "watched", "watches", "watching"]
    assert forms["open"] == ["open", "opened", "opened", "opens", "opening"]
    assert forms["visit"] == ["visit", "visited", "visited", "visits", "visiting"]
