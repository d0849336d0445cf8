"""Conjugation, against forms written down by hand."""

import pytest
from phrases import words
from phrases.french_verbs import conjugate

PRESENT = {
    "manger": "mange manges mange mangeons mangez mangent",
    "commencer": "commence commences commence commençons commencez commencent",
    "acheter": "achète achètes achète achetons achetez achètent",
    "préférer": "préfère préfères préfère préférons préférez préfèrent",
    "appeler": "appelle appelles appelle appelons appelez appellent",
    "nettoyer": "nettoie nettoies nettoie nettoyons nettoyez nettoient",
    "étudier": "étudie étudies étudie étudions étudiez étudient",
    "choisir": "choisis choisis choisit choisissons choisissez choisissent",
    "vendre": "vends vends vend vendons vendez vendent",
    "répondre": "réponds réponds répond répondons répondez répondent",
    "apprendre": "apprends apprends apprend apprenons apprenez apprennent",
    "comprendre": "comprends comprends comprend comprenons comprenez comprennent",
    "sourire": "souris souris sourit sourions souriez sourient",
    "boire": "bois bois boit buvons buvez boivent",
    "recevoir": "reçois reçois reçoit recevons recevez reçoivent",
    "ouvrir": "ouvre ouvres ouvre ouvrons ouvrez ouvrent",
    "être": "suis es est sommes êtes sont",
    "avoir": "ai as a avons avez ont",
    "aller": "vais vas va allons allez vont",
    "faire": "fais fais fait faisons faites font",
}
PARTICIPLES = {
    "manger": "mangé", "finir": "fini", "perdre": "perdu", "prendre": "pris", "apprendre": "appris", "lire": "lu",
    "écrire": "écrit", "voir": "vu", "boire": "bu", "ouvrir": "ouvert", "mettre": "mis", "recevoir": "reçu",
    "rire": "ri", "courir": "couru", "conduire": "conduit",
    "connaître": "connu", "faire": "fait", "être": "été", "avoir": "eu",
}  # fmt: skip
IMPERFECT_OF_IL_AND_NOUS = {
    "manger": ("mangeait", "mangions"),
    "commencer": ("commençait", "commencions"),
    "étudier": ("étudiait", "étudiions"),
    "boire": ("buvait", "buvions"),
    "être": ("était", "étions"),
    "choisir": ("choisissait", "choisissions"),
}
FUTURE_OF_IL = {
    "être": "sera", "avoir": "aura", "aller": "ira", "faire": "fera", "acheter": "achètera", "voir": "verra",
    "vendre": "vendra", "pouvoir": "pourra", "préférer": "préférera",
}  # fmt: skip


@pytest.mark.parametrize("infinitive", PRESENT)
def test_present(infinitive: str) -> None:
    assert " ".join(conjugate(infinitive).present) == PRESENT[infinitive]


def test_participles() -> None:
    assert {verb: conjugate(verb).participle for verb in PARTICIPLES} == PARTICIPLES


def test_imperfect_keeps_the_sound_of_g_and_c() -> None:
    found = {verb: (conjugate(verb).imperfect[2], conjugate(verb).imperfect[3]) for verb in IMPERFECT_OF_IL_AND_NOUS}
    assert found == IMPERFECT_OF_IL_AND_NOUS


def test_future() -> None:
    assert {verb: conjugate(verb).future[2] for verb in FUTURE_OF_IL} == FUTURE_OF_IL


def test_commands_to_one_person_drop_the_s_of_er_verbs_only() -> None:
    forms = {verb: conjugate(verb).imperative for verb in ("manger", "ouvrir", "aller", "prendre", "choisir")}
    assert forms == {"manger": "mange", "ouvrir": "ouvre", "aller": "va", "prendre": "prends", "choisir": "choisis"}


def test_every_verb_of_the_lexicon_can_be_conjugated() -> None:
    for verb in [*words.DOING, *words.STATES, *words.ACTIVE, *words.MOVING, *words.SPECIAL.values()]:
        infinitive = verb.french.removeprefix("se ").split()[0]
        assert len(conjugate(infinitive).present) == 6
