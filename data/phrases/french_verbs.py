"""French conjugation: regular verbs by rule, irregular ones by table.

Persons are numbered 0-5: je, tu, il/elle, nous, vous, ils/elles.
"""

import re
from functools import cache
from typing import NamedTuple


class Conjugation(NamedTuple):
    present: tuple[str, ...]
    imperfect: tuple[str, ...]
    future: tuple[str, ...]
    participle: str
    imperative: str  # tu


# infinitive: present (six forms), past participle, stem of the future
IRREGULAR = {
    "être": ("suis es est sommes êtes sont", "été", "ser"),
    "avoir": ("ai as a avons avez ont", "eu", "aur"),
    "aller": ("vais vas va allons allez vont", "allé", "ir"),
    "faire": ("fais fais fait faisons faites font", "fait", "fer"),
    "venir": ("viens viens vient venons venez viennent", "venu", "viendr"),
    "prendre": ("prends prends prend prenons prenez prennent", "pris", "prendr"),
    "mettre": ("mets mets met mettons mettez mettent", "mis", "mettr"),
    "lire": ("lis lis lit lisons lisez lisent", "lu", "lir"),
    "écrire": ("écris écris écrit écrivons écrivez écrivent", "écrit", "écrir"),
    "boire": ("bois bois boit buvons buvez boivent", "bu", "boir"),
    "voir": ("vois vois voit voyons voyez voient", "vu", "verr"),
    "dormir": ("dors dors dort dormons dormez dorment", "dormi", "dormir"),
    "partir": ("pars pars part partons partez partent", "parti", "partir"),
    "sortir": ("sors sors sort sortons sortez sortent", "sorti", "sortir"),
    "ouvrir": ("ouvre ouvres ouvre ouvrons ouvrez ouvrent", "ouvert", "ouvrir"),
    "pouvoir": ("peux peux peut pouvons pouvez peuvent", "pu", "pourr"),
    "vouloir": ("veux veux veut voulons voulez veulent", "voulu", "voudr"),
    "devoir": ("dois dois doit devons devez doivent", "dû", "devr"),
    "savoir": ("sais sais sait savons savez savent", "su", "saur"),
    "connaître": ("connais connais connaît connaissons connaissez connaissent", "connu", "connaîtr"),
    "courir": ("cours cours court courons courez courent", "couru", "courr"),
    "conduire": ("conduis conduis conduit conduisons conduisez conduisent", "conduit", "conduir"),
    "recevoir": ("reçois reçois reçoit recevons recevez reçoivent", "reçu", "recevr"),
    "rire": ("ris ris rit rions riez rient", "ri", "rir"),
    "naître": ("nais nais naît naissons naissez naissent", "né", "naîtr"),
}

# Final letters that change before a silent ending: achète, préfère, appelle, nettoie.
GRAVE = {"acheter": "achèt", "lever": "lèv", "promener": "promèn", "préférer": "préfèr"}
DOUBLED = {"appeler": "appell", "jeter": "jett"}


@cache
def conjugate(infinitive: str) -> Conjugation:
    """All forms that the grammar uses.

    Raises KeyError for an infinitive that neither the rules nor the table know.
    """
    present, participle, future = _present(infinitive)
    stem = "ét" if infinitive == "être" else present[3].removesuffix("ons")
    soft = stem[:-1] if stem.endswith("ge") else stem.replace("ç", "c") if stem.endswith("ç") else stem
    imperfect = tuple((soft if e[0] == "i" else stem) + e for e in ("ais", "ais", "ait", "ions", "iez", "aient"))
    endings = ("ai", "as", "a", "ons", "ez", "ont")
    drops_s = infinitive.endswith("er") or infinitive == "ouvrir"
    imperative = present[1].removesuffix("s") if drops_s else present[1]
    return Conjugation(present, imperfect, tuple(future + e for e in endings), participle, imperative)


def _present(infinitive: str) -> tuple[tuple[str, ...], str, str]:
    for prefix in ("", "sou", "com", "ap", "re"):
        root = infinitive.removeprefix(prefix)
        if infinitive.startswith(prefix) and root in IRREGULAR:
            present, participle, future = IRREGULAR[root]
            return tuple(prefix + form for form in present.split()), prefix + participle, prefix + future
    forms: tuple[str, ...]
    stem, ending = infinitive[:-2], infinitive[-2:]
    if ending == "er":
        silent = GRAVE.get(infinitive) or DOUBLED.get(infinitive) or re.sub(r"([ou])y$", r"\1i", stem)
        nous = stem + "e" if stem.endswith("g") else stem[:-1] + "ç" if stem.endswith("c") else stem
        forms = (silent + "e", silent + "es", silent + "e", nous + "ons", stem + "ez", silent + "ent")
        future_stem = stem if infinitive == "préférer" else silent
        return forms, stem + "é", future_stem + "er"
    if ending == "ir":
        forms = tuple(stem + e for e in ("is", "is", "it", "issons", "issez", "issent"))
        return forms, stem + "i", infinitive
    if ending == "re" and stem.endswith("d"):
        forms = tuple(stem + e for e in ("s", "s", "", "ons", "ez", "ent"))
        return forms, stem + "u", infinitive[:-1]
    raise KeyError(infinitive)
