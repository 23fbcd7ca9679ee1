"""Which language a text is in, of those that the archive may hold, and where in an article it changes.

Script and letters settle most of it: і is Ukrainian and no Russian letter, ҹ Azerbaijani, گ Persian. Languages in
Latin script are told by their common words and endings, written without marks, as many people type. Azerbaijani and
Turkish differ in spelling even then: cox and cok, etdi and etti, olub and olup. What all this leaves open is asked of
CLD2, which has n-grams of 80 languages and loads in a hundredth of a second.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from struct import Struct
from unicodedata import normalize

from index.values import UNDETERMINED, Span

# Languages of the region and its press. Short Azerbaijani is never taken for Uzbek or Tatar, which look like it.
LANGUAGES = ("az", "en", "ru", "tr", "ar", "de", "es", "fa", "fr", "hy", "it", "ka", "uk")

_ENOUGH_CHARACTERS = 2000  # the verdict does not change past this, and the time does
_ENOUGH_OF_LINE = 400  # the same for a line, of which the first word seldom is a quote in another language
_FEWEST_LETTERS = 3
_CLEAR = 2  # votes by which one language leads when CLD2 need not be asked
_CERTAIN = 3  # votes by which a line is in another language than the rest of its article
_SHORT_LINE = 40  # characters; a shorter line goes with its neighbours, unless its script says otherwise
_FEWEST_LETTERS_OF_LINE = 8  # in words that are no names; a name of its own on a line is no change of language

# Blocks of letters by their first code point, each up to the next.
_BLOCKS = (
    (0x0, "Latn"), (0x2B0, ""), (0x400, "Cyrl"), (0x530, "Armn"), (0x590, ""), (0x600, "Arab"), (0x700, ""),
    (0x750, "Arab"), (0x780, ""), (0x10A0, "Geor"), (0x1100, ""), (0x1C90, "Geor"), (0x1CC0, ""), (0x1E00, "Latn"),
    (0x1F00, ""), (0x2D00, "Geor"), (0x2D30, ""), (0xFB00, "Latn"), (0xFB13, "Armn"), (0xFB1D, ""), (0xFB50, "Arab"),
    (0xFEFF, ""),
)  # fmt: skip
_BLOCK_STARTS = [start for start, _ in _BLOCKS]
_SCRIPTS = ("Latn", "Cyrl", "Arab", "Armn", "Geor", "")
_TOLD_BY_SCRIPT = {"Armn": "hy", "Geor": "ka"}
# Letters that one language of a script has and the others lack. Ukrainian has its own three times as often as Russian.
_OWN_LETTERS = {"ru": "ыэъё" * 3, "uk": "іїєґ", "fa": "پچژگیک", "ar": "ةىأإ"}
_TOLD_BY_LETTERS = {"Cyrl": ("ru", "uk"), "Arab": ("fa", "ar")}  # the first is that of texts that nothing tells
# One letter in eleven of Azerbaijani prose is ə, or ә; a third of that share is more than a quoted name brings.
_AZ_LETTERS = "əәғҝөүһҹј"
_AZ_SHARE = 1 / 33

_PLAIN = str.maketrans("əƏıİöüçşğÖÜÇŞĞâîûñáéíóúàèìòùêôäß’", "eeiioucsgOUCSGaiunaeiouaeioueoas'")
_TOKEN = re.compile(r"\w{1,40}(?:['’-]\w{1,40})?")
_LINE = re.compile(r"\S(?:.*\S)?")
_WORD = re.compile(r"[^\W\d_]+")
# Common words, without marks; a word that several of these languages have votes for each of them.
_WORDS = {
    "en": "the of and to in on a at that was for with is are by from as his her they have has had been not no which "
    "their this who why what when where how will would after before said says than over about into were its be it "
    "he she we you but if or an men us new",
    "de": "der die und das von zu den mit ist im auf fur nicht ein eine einen einer dem des sich auch nach wird bei "
    "wurde aus sind uber wie zum zur hat haben oder aber noch war in so an als am",
    "fr": "le la les de des et du un une est en dans pour que qui sur par au avec ne pas ce sont aux plus cette ses "
    "mais nous vous ont etait elle sa se il son",
    "es": "el la los las de y en del que por una un para se con es su al lo como mas pero sus fue ha este ya esta "
    "sobre entre cuando muy sin desde hasta no",
    "it": "il la di che gli della delle per una un in con del non sono nel alla dei piu anche dal e ha come questo "
    "essere stato degli nella dopo da ma si",
}
# Azerbaijani and Turkish are told from the other languages together, by these words and by letters and endings; then
# from each other by words of their own and by spelling.
_TURKIC_WORDS = (
    "ve ile ki sonra gore olan bir bu da de iki uc ne dedi oldu bizim onlar onun yeni ay gun var en daha her "
    "nedir basladi verdi bas son ilk qarsi karsi arasinda biz siz o ise bile butun gelen evvel bildirdi eden "
    "sabah gece derece tarixi aksam saat il kez gorus ulduz mi ya esas ancak sebeb milli idi imis deye artis sayi"
)
_TURKIC_OWN = {
    "az": (
        "ucun cox yox hec nece hansi haqqinda haqda haqq qeder kimi indi hele artiq men mene meni bele cunki "
        "hemin deyil dunen oz ozu ozunun lakin amma olub edib edir edildi edilib etdi etdiyi nazir naziri "
        "nazirlik nazirliyi olke olkenin olkede olaraq seher sehere seherin muellim muellimler kend niye ilin "
        "ilde ilden basqa istefa sehv bezi elaqe dovlet hokumet teze baslayir gozleyir gedir gelir muharibe "
        "muharibede teref terefinden respublika mesele usaq usaqlar xalq deyir deyirler edecek meclis mehkeme "
        "axsam olunub olunur tehsil iclas haradan harada buna sual uzre hemise qiymet isteyir "
        "etmek qadin vaxt prezident prezidenti biler bilmez bes defe redd"
    ),
    "tr": (
        "icin cok yok hic nasil hangi hakkinda gibi simdi ben bana beni boyle ayni degil dun kendi kendisi ama "
        "once olarak diyor bakan bakani bakanlik bakanligi ulke ulkenin ulkede sehir sehrin ogretmen koy neden "
        "nicin yil yilin yilda hata devlet hukumet savas savasta taraf tarafindan cumhuriyet baskan baskani "
        "cumhurbaskani fiyat fiyati fiyatlari hayat cocuk cocuklar kadin halk nerede bugun yarin bulundu buldu "
        "belediye hala sey icinde uzerinde yuzunden aciklama acikladi konustu eski ettigi sahip uzere karar "
        "mahkeme kisi gorev ortaya yuksek secim tum hem veya otobus yapti yapan soyledi yarali oldugu oldugunu "
        "olduklarini erken komsu ulkesine"
    ),
}
# Words that tell Russian and Ukrainian apart.
_CYRILLIC_WORDS = {
    "ru": "что и с как это но из они или только от чтобы уже еще если кто где после когда",
    "uk": "що та й як але із було або лише від щоб вже ще якщо хто де коли це вони",
}
_TURKIC_LETTERS = "ışğə"
_TURKIC_ENDING = re.compile(
    r"\w(?:l[ae]r(?:i|in|[ae]|d[ae]n?|in[iae]|imiz)?|[iu]nd[ae]n?|s[iu]n[aei]|d[iu](?:r|l[ae]r)?|m[iu]s|[aeiu]n[iu]n"
    r"|[ae]c[ae][kq]i?|d[iu]gu|d[iu]yi|lig[iu]|liyi)\Z"
)
# An ending is set off from a name with an apostrophe in Turkish, with a hyphen in Azerbaijani.
_SET_OFF = re.compile(r"(\w+)(['-])(?:n?[iu]n|y?[iaeu]|n?[dt][ae]n?|l[aei]r?|s[iu]|l[iu]|ki)")
# How the two spell what both say: d or t after a voiceless consonant, b or p at the end, q or k, x or h.
_SPELLING = {
    "az": re.compile(r"[qx]|[ktpcsfh]d[aeiu]|\w[iu]b(?:d[iu]r|l[ae]r)?\Z|[ae]yir|[dl]iyi"),
    "tr": re.compile(
        r"[iu]yor|[aeiou][ktpcsfh]t[aeiu](?:n|ki|lar|ler|gi|klari)?\Z|\w[iu]p\Z|[ao]k\Z|acak|e\w{1,2}[dtl]igi"
    ),
}

# What is counted of a text. The counts are packed into one number, 16 bits each: no count of a sample is near 65,536.
_COUNTED = ("letters", *_SCRIPTS, *_WORDS, "Turkic", "az", "tr", "ru", "uk", "fa", "ar", "az letters")
_COUNTS = Struct(f"<{len(_COUNTED)}H")
_AT = {what: place for place, what in enumerate(_COUNTED)}
_UNIT = {what: 1 << (16 * place) for place, what in enumerate(_COUNTED)}
_NAMES = 8 * _COUNTS.size  # bits: the counts of words that may be names are above the others
_OTHERS = (1 << _NAMES) - 1
_LETTERS, _AZ_LETTERS_AT, _TURKIC, _AZ, _TR = map(_AT.__getitem__, ("letters", "az letters", "Turkic", "az", "tr"))
_SCRIPTS_AT = slice(_AT[_SCRIPTS[0]], _AT[_SCRIPTS[-1]] + 1)
_BY_WORDS = (*_WORDS,)
_WORDS_AT = slice(_AT[_BY_WORDS[0]], _AT[_BY_WORDS[-1]] + 1)
_LATIN_LETTER = _UNIT["letters"] + _UNIT["Latn"]
_LATIN = 0xFFFF * _UNIT["Latn"]
_LONGEST_PIECE = 40  # characters; what a longer one between white space tells is not kept
_MARKS = '.,;:!?…«»“”„"()[]'  # what mostly stands around words; none of it stands in one
_MOST_PIECES = 1 << 16

_Tally = tuple[int, ...]  # a count for each of `_COUNTED`


def _voters() -> dict[str, int]:
    lists = [*_WORDS.items(), *_CYRILLIC_WORDS.items(), ("Turkic", _TURKIC_WORDS), *_TURKIC_OWN.items()]
    votes: dict[str, int] = {}
    for lang, words in lists:
        for word in set(words.split()):
            votes[word] = votes.get(word, 0) + _UNIT[lang] + (_UNIT["Turkic"] if lang in _TURKIC_OWN else 0)
    return votes


_VOTES = _voters()  # packed, by word


def detect_language(text: str) -> str:
    """The BCP 47 tag of the language that most of `text` is in, or "und" if it has hardly a letter.

    Azerbaijani is "az" in Latin letters, with marks or without, and in Cyrillic ones.
    """
    sample = text[:_ENOUGH_CHARACTERS]
    tally = _tally(_evidence_of(sample))
    lang, lead = _told(tally)
    if lead >= _CLEAR or lang == UNDETERMINED:
        return lang
    asked = _ask_cld2(sample)
    if _script(tally) in _TOLD_BY_LETTERS:
        return asked if not lead and asked in _TOLD_BY_LETTERS[_script(tally)] else lang
    if asked not in _TURKIC_OWN and tally[_TURKIC] <= _most_words(tally)[1]:
        return asked or lang
    # CLD2 takes much Azerbaijani without marks for Turkish, and hardly any Turkish for Azerbaijani.
    return "az" if tally[_AZ] + 2 * (asked == "az") > tally[_TR] else "tr"


def language_runs(text: str, span: Span) -> list[tuple[Span, str]]:
    """Where in `span` of `text` which language is written, in order, by whole lines; no run is like the one before.

    The runs hold every line that is not blank, without the white space around them. A line is in another language
    than those before it in its script only if that is certain: a short line, a name or a number goes with its
    neighbours.
    """
    places = [match.span() for match in _LINE.finditer(text, span.start, span.end)]
    if not places:
        return []
    # Without what the words tell that may be names.
    samples = [text[start : min(end, start + _ENOUGH_OF_LINE)] for start, end in places]
    tallies = [_tally(_evidence_of_line(sample) & _OTHERS) for sample in samples]
    letters = [sum(counts) for counts in zip(*(tally[_SCRIPTS_AT] for tally in tallies), strict=True)]
    script = _SCRIPTS[letters.index(max(letters))]
    told = [_language_of_line(end - start, tally, script) for (start, end), tally in zip(places, tallies, strict=True)]
    if told[0] and told.count(told[0]) == len(told):
        return [(Span(places[0][0], places[-1][1]), told[0])]
    scripts = [_script(tally) if tally[_LETTERS] >= _FEWEST_LETTERS_OF_LINE else "" for tally in tallies]
    lang = next(filter(None, told), "") or detect_language(span.of(text))
    latest: dict[str, str] = {}  # the language of the last certain line of each script, of the first to begin with
    for its, script in zip(told, scripts, strict=True):
        if its:
            latest.setdefault(script, its)
    runs: list[tuple[Span, str]] = []
    for (start, end), its, script in zip(places, told, scripts, strict=True):
        if its:
            latest[script] = its
        elif script and script not in latest:  # what is in another script cannot be in the language of the line above
            latest[script] = detect_language(text[start:end])
        lang = its or latest.get(script, lang)
        if runs and runs[-1][1] == lang:
            runs[-1] = (Span(runs[-1][0].start, end), lang)
        else:
            runs.append((Span(start, end), lang))
    return runs


def _language_of_line(characters: int, tally: _Tally, script: str) -> str:
    """The language of a line, or "" if it is not certain; `script` is that of the article."""
    if tally[_LETTERS] < _FEWEST_LETTERS_OF_LINE:
        return ""
    lang, lead = _told(tally)
    if lang == UNDETERMINED:
        return ""
    if lead >= _CERTAIN and characters >= _SHORT_LINE:
        return lang
    return lang if _script(tally) != script or _is_azerbaijani(tally) else ""


def _tally(packed: int) -> _Tally:
    return _COUNTS.unpack(packed.to_bytes(_COUNTS.size, "little"))


def _evidence_of(text: str) -> int:
    """What the words of a text tell, packed: letters by script, votes by language; of those that may be names, too."""
    packed = sum(map(_evidence_of_line, text.split("\n")))
    return (packed & _OTHERS) + (packed >> _NAMES)


@lru_cache(maxsize=1 << 14)  # a line is asked for by itself, and in the text of its article; a file has many thousands
def _evidence_of_line(line: str) -> int:
    """What all words of a line tell, packed as that of one is."""
    return sum(map(_pieces.__getitem__, normalize("NFC", line).split()))


class _Pieces(dict[str, int]):
    """What words and the marks around them tell, packed: each count in its bits of one number, so that `sum` adds all.

    Words that may be names have bits of their own, above the others. Few pieces make up most of an archive, so that
    what was found out once is kept. Not by `lru_cache`: a dictionary is asked twice as fast.
    """

    def __missing__(self, piece: str) -> int:
        word = piece.strip(_MARKS)
        if len(word) > _LONGEST_PIECE or not word.isalpha():
            found = sum(map(_evidence_of_word, _TOKEN.findall(word)))
        else:
            found = _evidence_of_word(word) if word == piece else self[word]
        if len(self) >= _MOST_PIECES:
            self.clear()
        if len(piece) <= _LONGEST_PIECE:
            self[piece] = found
        return found


_pieces = _Pieces()


def _evidence_of_word(word: str) -> int:
    is_ascii = word.isascii() and word.isalpha()
    packed = len(word) * _LATIN_LETTER if is_ascii else sum(map(_letters.__getitem__, word))
    packed += _votes_of_latin(word) if packed & _LATIN else _VOTES.get(word.lower(), 0)
    return packed << _NAMES if word[0].isupper() else packed


class _Letters(dict[str, int]):
    """What a letter tells, packed as a word is."""

    def __missing__(self, letter: str) -> int:
        found = self[letter] = sum(map(_evidence_of_letter, letter.lower()))
        return found


_letters = _Letters()


def _evidence_of_letter(letter: str) -> int:
    if not letter.isalpha():
        return 0
    block = _BLOCKS[bisect_right(_BLOCK_STARTS, ord(letter)) - 1][1]
    own = (_UNIT[lang] * letters.count(letter) for lang, letters in _OWN_LETTERS.items())
    of_turkic = _UNIT["az letters"] * (letter in _AZ_LETTERS) + _UNIT["Turkic"] * (letter in _TURKIC_LETTERS)
    return _UNIT["letters"] + _UNIT[block] + of_turkic + sum(own)


def _votes_of_latin(word: str) -> int:
    plain = (word if word.isascii() else word.translate(_PLAIN)).lower()
    is_spelled = word.islower() or word.isupper()  # a name keeps the spelling of where it is from
    if plain.isalpha():
        return _votes_of_part(plain, is_spelled=is_spelled)
    votes = 0
    if not plain.isalnum() and (set_off := _SET_OFF.fullmatch(plain)):
        plain = set_off[1]
        votes = _UNIT["Turkic"] + _UNIT["az" if set_off[2] == "-" else "tr"]
    return votes + sum(_votes_of_part(part, is_spelled=is_spelled) for part in _WORD.findall(plain))


def _votes_of_part(part: str, *, is_spelled: bool) -> int:
    votes = _VOTES.get(part, 0)
    if is_spelled:
        if _TURKIC_ENDING.search(part):
            votes += _UNIT["Turkic"]
        for lang, spelling in _SPELLING.items():
            if spelling.search(part):
                votes += _UNIT[lang]
    return votes


def _script(tally: _Tally) -> str:
    """The ISO 15924 code of the script that most letters are of, "" if that is none of ours."""
    counts = tally[_SCRIPTS_AT]
    return _SCRIPTS[counts.index(max(counts))]


def _is_azerbaijani(tally: _Tally) -> bool:
    """Whether there are as many of its letters as in prose, and not as many common words of another language."""
    if tally[_AZ_LETTERS_AT] <= tally[_LETTERS] * _AZ_SHARE:
        return False
    return max(tally[_WORDS_AT]) - tally[_TURKIC] < _CLEAR


def _told(tally: _Tally) -> tuple[str, int]:
    """The language that the words of a text tell, and by how many votes it leads the next."""
    script = _script(tally)
    if tally[_LETTERS] < _FEWEST_LETTERS or not script:
        return UNDETERMINED, 0
    if _is_azerbaijani(tally):
        return "az", tally[_LETTERS]
    if script in _TOLD_BY_SCRIPT:
        return _TOLD_BY_SCRIPT[script], tally[_AT[script]]
    if script in _TOLD_BY_LETTERS:
        usual, other = _TOLD_BY_LETTERS[script]
        lead = tally[_AT[usual]] - tally[_AT[other]]
        return (usual if lead >= 0 else other), abs(lead)
    lang, most = _most_words(tally)
    lead = tally[_TURKIC] - most
    if lead <= 0:
        return lang, min(-lead, most - sorted(tally[_WORDS_AT])[-2])
    for_az = tally[_AZ] - tally[_TR]
    return ("az" if for_az > 0 else "tr"), min(lead, abs(for_az))


def _most_words(tally: _Tally) -> tuple[str, int]:
    """The language that has most common words in a text, of those that are told by them, and how many."""
    votes = tally[_WORDS_AT]
    most = max(votes)
    return _BY_WORDS[votes.index(most)], most


def _ask_cld2(text: str) -> str:
    """The first of `LANGUAGES` that CLD2 finds in a text, or ""."""
    import pycld2

    # Of words alone: it refuses control characters and half surrogates.
    _, _, found = pycld2.detect(" ".join(_WORD.findall(text)), isPlainText=True, bestEffort=True)
    return next((code for _, code, _, _ in found if code in LANGUAGES), "")
