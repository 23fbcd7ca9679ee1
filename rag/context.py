"""Who is meant by a statement that says "he": the sentence before it that names a person, or its article's title.

Told by form, in en, az, ru and tr, and rather not than wrongly: only of a statement that has no name of its own, and
that begins with a pronoun for one person or has a bare "he said". What "it" and "they" stand for is mostly no name, and
in az, ru and tr one word is both "he" and "it", so there the statement must tell what only people do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.fold import FoldedWord, folded_words, words
from index.names import NAME_LANGUAGES, find_names
from index.passages import last_sentences
from index.values import Document, Passage, Source
from rag.expect import Expected, any_of
from rag.facts import is_common, missing_names
from rag.spans import Asked, answer_spans

_NEAREST = 6  # sentences before a statement that are looked at: who is named farther away is seldom meant
_ANYBODY = Asked(Expected.PERSON, "", "", ())
_SHORTEST_NAME = 4
# What is left of a text whose last words stand behind quoted speech: "…", — dedi.
_SPEECH = re.compile(r"\A[\s\"“„«‘–—-]+\w")
_AFTER_SPEECH = re.compile(r"[\"”»’]\s*,?\s*[-–—]?\s*([^\"“”«»„]{1,60})\Z")

# Folded, as `index.fold` folds: "she" is "se", "сообщил" is "sobscil", "açıqlayıb" is "aciklayib".
_TURKIC_SAID = (
    "(?:de(?:di|yib|yir|mis|misdir)|bildir(?:ib|di|ir|di|mis|iyor)|keyd (?:edi[rb]|eti|etmis)|vurgula(?:yib|di|yir)|"
    "elave (?:edi[rb]|eti)|soyle(?:yib|di|yir|mis)|acikla(?:yib|di)|hatirlat(?:di|mis)|hatirladib|ekledi|belirti|"
    "ifade eti|dile getirdi)"
)
_TURKIC_DID = (
    "hesab edi[rb]|fikrince|sozleri(?:ne|nce)|teklif (?:edi[rb]|eti)|cagiris?[a-z]* edib|soz veri[rb]|etiraf edi[rb]|"
    "anadan olub|dogul(?:ub|du|mus)|vefat (?:edib|eti)|teyin (?:edilib|olunub)|istefa (?:verib|edib)|secil(?:ib|di)|"
    "isle(?:yib|yir)|yasa(?:yir|yib|di)|inanir|isteyir|dusunuyor|dogdu|oldurul(?:ub|du)|atandi|calisti|"
    "hebs (?:edilib|olunub)|tutuklandi|evlidir|evlenib"
)
_RUSSIAN_SAID = (
    "(?:skaza|zayavi|sobsci|dobavi|otmeti|podcerknu|poyasni|raskaza|obyasni|napomni|prizna|otveti|napisa|utverjda)l(?:a|"
    "sya|as)?"
)
_RUSSIAN_DID = (
    "utverjdaet|scitaet|dumaet|govorit|nadecya|uveren[a]?|nameren[a]?|hocet|prizval[a]?|pobescal[a]?|predlojil[a]?|"
    "poprosil[a]?|podpisal[a]?|resil[a]?|prinyal[a]? (?:predlojenie|resenie)|rodil(?:sya|as)|umer(?:la)?|pogib(?:la)?|"
    "rabotal[a]?|vozglavil[a]?|naznacen[a]?|izbran[a]?|arestovan[a]?|slovam|mneni[uy]"
)
_ENGLISH_SAID = (
    "(?:said|says|told|aded|ehplained|stated|noted|anounced|vrote|recaled|insisted|varned|argued|admited|"
    "claimed|replied|stresed|reported)"
)
_BEGINS = {
    "en": any_of(r"\A(?:he|se|his|her)(?! or )"),
    "ru": any_of(rf"\A(?:on|ona|ego|e|po (?:ego|e)) (?=(?:[a-z0-9]+ )*(?:{_RUSSIAN_SAID}|{_RUSSIAN_DID})(?: |\Z)).*"),
    "az": any_of(rf"\A(?:o|onun) (?=(?:[a-z0-9]+ )*(?:{_TURKIC_SAID}|{_TURKIC_DID})(?: |\Z)).*"),
}
_SAYS = {
    "en": any_of(f"(?:he|se) (?:(?:also|later|then) )?{_ENGLISH_SAID}"),
    "ru": any_of(f"(?:on|ona) (?:takje )?{_RUSSIAN_SAID}", f"{_RUSSIAN_SAID} (?:on|ona)"),
    "az": any_of(f"o {_TURKIC_SAID}", f"o (?:da |hemcinin |elave )?{_TURKIC_SAID}"),
}
# "…", — заявил в интервью. In az, ru and tr a verb needs no "he".
_SAYS_ALONE = {
    "ru": any_of(rf"\A{_RUSSIAN_SAID}(?: (?:v|vo|na|posle|pered) .*)?\Z"),
    "az": any_of(rf"\A(?:(?:deye|die) )?{_TURKIC_SAID}\Z"),
}
_LIKE = {"tr": "az"}  # the words of both stand in one list

# Of a ministry, a street or a match, though they are written as people's names are.
_NO_PERSON = any_of(
    "ministry|department|comit?t?e_|comision_|council|asembly|parliament|senate|congres|court|bank_|university|school|"
    "colege|institute|academy|hospital|museum|library|theatre|theater|agency|ofice|party|union|nations|federation|"
    "republic|asociation|company|group|club|league|cup|championship|street|avenue|road|square|park|bridge|river|lake|"
    "sea|mount_|island_|airport|station|street|city|district|region|province|county|house|hal|nevs|times|post|gazete",
    "nazirli[a-z]+|komite_|komisiya_|sura_|meclis_|mehkeme_|universitet_|mekteb_|institut_|akademi_|hestehana_|muzey_|"
    "kitabhana_|teatr_|agentli[a-z]+|partiya_|birli[a-z]+|federasiya_|respublika_|sirket_|klub_|lika_|kubok_|kuce_|"
    "prospekt_|meydan_|park_|korpu_|cay_|gol_|deniz_|dag_|ada_|aeroport_|stansiya_|seher_|rayon_|kend_|bakanli[a-z]+",
    "ministerstv_|komitet_|komisi_|sovet_|dum[aeuy]|sud_|universitet_|skol_|bolnic_|muze_|bibliotek_|agentstv_|"
    "partiy_|soyuz_|federaci_|respublik_|kompani_|liga|lig[aeiu]|ulic_|plosad_|most_|rek_|ozer_|mor[eya]|gor[aey]|"
    "ostrov_|gorod_|rayon_|oblast_|stanci_",
)  # fmt: skip


def leans(text: str, *, lang: str, around: str) -> bool:
    """Whether a sentence in language `lang` says "he" of somebody whom it does not name.

    `around` is text beside it, by which names are told from words that are large because they come first.

    >>> said = ("He was born in May.", "Rashid said he was tired.", "Он прошёл за час.", "“Gözləyin”, — o dedi.")
    >>> [leans(text, lang=lang, around="") for text, lang in zip(said, ("en", "en", "ru", "az"), strict=True)]
    [True, False, False, True]
    """
    key = _LIKE.get(lang, lang)
    if key not in _BEGINS:
        return False
    folded = " ".join(folded_words(text))
    hangs = bool(_BEGINS[key].search(folded) or _SAYS[key].search(folded)) or _says_alone(text, key)
    # The first word of what somebody says is large for being first; as a name it is large within sentences, too.
    told = _SPEECH.sub(lambda opening: opening.group().lower(), text)
    return hangs and not missing_names(told, (), lang=lang, context=around)


def naming_sentence(document: Document, source: Source, place: int) -> Passage | None:
    """The nearest sentence of a document before a place of its source that names a person; None if none is near.

    A name alone is a person's if one of the sentences looked at has it with another beside it.
    """
    near = list(last_sentences(document, source, before=place, most=_NEAREST))
    people = {word.skeleton for sentence in near for word in _people(sentence.readable)}
    named = (
        sentence
        for sentence in near
        if any(_is_one_of(word, people) for word in words(sentence.readable) if word.text[0].isupper())
    )
    return next(named, None)


def _says_alone(text: str, key: str) -> bool:
    tail = _AFTER_SPEECH.search(text)
    return key in _SAYS_ALONE and tail is not None and bool(_SAYS_ALONE[key].search(" ".join(folded_words(tail[1]))))


def _people(text: str) -> Iterator[FoldedWord]:
    """The words of two names or more side by side that are no place's or institution's."""
    for found in answer_spans(_ANYBODY, text):
        run = words(found.span.of(text))
        elsewhere = {i for name in find_names(run, set(NAME_LANGUAGES)) for i in range(name.start, name.end)}
        left = [
            word
            for i, word in enumerate(run)
            if i not in elsewhere and word.text[0].isupper() and len(word.text) > 1 and not is_common(word)
        ]
        if len(left) > 1 and not _NO_PERSON.search(" ".join(word.skeleton for word in run)):
            yield from left


def _is_one_of(word: FoldedWord, people: set[str]) -> bool:
    """Whether a word is one of these names, each with an ending or none."""
    return any(
        word.skeleton == name
        or (min(len(word.skeleton), len(name)) >= _SHORTEST_NAME
            and (word.skeleton.startswith(name) or name.startswith(word.skeleton)))
        for name in people
    )  # fmt: skip
