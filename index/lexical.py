"""Lexical search: BM25 over folded stems and character 4-grams, kept by tantivy.

The terms are made in `index.fold`; tantivy splits at spaces and counts. A cache of the catalog, like the
vectors: whatever is wrong with it, it is made again.

A question is a sum over its words. Names that are other words in other languages are looked for in each of them, and a
passage gets what the best of these gives, so that an archive in three languages counts a name once.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from index.bm25 import K1, idf
from index.catalog import Catalog
from index.errors import IndexFolderError, IndexUnwritable
from index.fold import FoldedWord, folded_words, grams, stem_term, terms, words
from index.names import NAME_LANGUAGES, find_names
from index.passages import searched_text
from index.said import said
from index.values import Passage
from index.whole import folder_made_whole, write_whole

if TYPE_CHECKING:
    import tantivy

    from index.folder import Filters

# Raise this when folding, terms or the schema change: a cache of another version is made again.
TERMS_VERSION = 3

_STATE_FILE = "state.json"
_NAMES = "meta.json"  # tantivy's, of which segments there are
_FIELD = "terms"
_WORDS = "words"
TITLE_END = "|"  # no folded word
_TOKENIZER = "spaces"
_WRITER_BYTES = 64_000_000
_FOOTER_MAGIC = 1337  # of tantivy
_SEGMENT_FILES = ("fast", "fieldnorm", "idx", "pos", "store", "term")
# A word's stem beside its n grams, which get 1/√n each: long words may say more, but not as much more as they have
# grams. On the dev sets 0.5 costs 0.004 nDCG@10 on scifact, and 1 costs 0.015 across languages where words search
# alone.
_STEM_WEIGHT = 0.7
# tantivy orders equals by its segments, whose order is chance: the same archive made twice gave other passages. So all
# that are equal with the last are looked at, if need be by asking again for more.
_EQUALS = 50
_MORE_EQUALS = 8
_MOST_EQUALS = 10_000
# A name in other words than those asked for; 0.5 to 1 differ by 0.005.
_OTHER_NAME_WEIGHT = 0.7
# The quotation mark that opens stands before a word, or it is inches.
_QUOTED = re.compile('(?<!\\w)["“”„‟]([^"“”„‟]+)["“”„‟]|«([^«»]+)»')
NO_DAY = 0  # the day of a document without a date: before all that have one
END_OF_TIME = 99_999_999


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage key with the share of the query's weight that the passage matches, 0 to 1."""

    key: int
    share: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in quotes: they must stand in a passage as written, in this order and next to each other, once folded."""

    text: str
    skeletons: tuple[str, ...]  # at least one


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it is searched: all its words, and those that it has in quotes."""

    words: tuple[FoldedWord, ...]
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """A way to say a part of a question: its text and the weight of each of its terms."""

    text: str
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class QuestionPart:
    """A word or a name of a question. A passage gets what the best of its wordings gives; the first is as asked."""

    wordings: tuple[Wording, ...]


@dataclass(frozen=True, slots=True)
class MatchedPart:
    """A word or a name of a question that a passage has, at least in part."""

    asked: str  # as in the question
    found_as: str  # the same, or the name in another language that matches better
    share: float  # of the question's weight; all together are the passage's share


def parse_query(text: str) -> Query:
    """The words and the quoted phrases of a question; a quotation mark without its other is none.

    >>> [phrase.text for phrase in parse_query('Who built the “air port” «Heydər» 5" wide?').phrases]
    ['air port', 'Heydər']
    """
    quoted = (match[1] or match[2] for match in _QUOTED.finditer(text))
    phrases = (Phrase(each.strip(), tuple(folded_words(each))) for each in quoted)
    return Query(tuple(words(text)), tuple(dict.fromkeys(phrase for phrase in phrases if phrase.skeletons)))


def holds(phrases: Iterable[Phrase], passage: Passage) -> bool:
    """Whether a passage has all of these phrases, each in its title or in its text."""
    places = [f" {' '.join(folded_words(text))} " for text in (passage.title, passage.readable)]
    return all(any(f" {' '.join(phrase.skeletons)} " in place for place in places) for phrase in phrases)


def question_parts(query: Query, languages: Collection[str]) -> list[QuestionPart]:
    """What is looked for; each word and name once. `languages` are those in which names are looked for, too."""
    names = {name.start: name for name in find_names(query.words, languages)}
    parts: dict[tuple[str, ...], QuestionPart] = {}
    at = 0
    while at < len(query.words):
        end = names[at].end if at in names else at + 1
        asked = query.words[at:end]
        wordings = [Wording(" ".join(word.text for word in asked), _weights(asked, 1.0))]
        if at in names:
            wordings += [Wording(name, _weights(words(name), _OTHER_NAME_WEIGHT)) for name in names[at].others]
        parts.setdefault(tuple(word.skeleton for word in asked), QuestionPart(tuple(wordings)))
        at = end
    return list(parts.values())


def most_of(parts: Iterable[QuestionPart], rarity: Callable[[str], float]) -> float:
    """The score that no passage reaches: that of having every part in its weightiest wording without end.

    `rarity` is the inverse document frequency of a term.
    """
    return (K1 + 1) * math.fsum(
        max(math.fsum(weight * rarity(term) for term, weight in wording.weights.items()) for wording in part.wordings)
        for part in parts
    )


def _weights(wording: Sequence[FoldedWord], weight: float) -> dict[str, float]:
    weights: dict[str, float] = {}
    for word in wording:
        pieces = grams(word)
        for term, share in ((stem_term(word), _STEM_WEIGHT), *((gram, 1 / math.sqrt(len(pieces))) for gram in pieces)):
            weights[term] = weights.get(term, 0.0) + weight * share
    return weights


class LexicalIndex:
    """The terms of one catalog's passages, ready to search; names are looked for in `name_languages`, too."""

    def __init__(self, folder: Path, *, name_languages: Collection[str] = NAME_LANGUAGES) -> None:
        self._folder = folder
        self._names_in = name_languages
        self._index: tantivy.Index | None = None
        self._shown: tempfile.TemporaryDirectory[str] | None = None  # goes when this does
        self.sequence = 0

    def open(self, catalog: Catalog, *, writable: bool) -> None:
        """Open the cache, and bring it to the catalog's last batch if this process may write.

        A reader beside a writer searches what the writer has committed so far.
        """

        state = self._state()
        fits = state.get("catalog") == catalog.id and state.get("terms") == TERMS_VERSION
        sequence = int(state.get("sequence", 0)) if fits else 0
        # What was removed long ago the catalog may no longer tell; a reader cannot help that, and leaves it out.
        if fits and sequence <= catalog.sequence and not (writable and sequence < catalog.removed_from):
            try:
                self._index = self._opened()
                self.sequence = sequence
            except (OSError, ValueError):
                self._index = None
        if self._index is not None and sequence == catalog.sequence and self._count() != catalog.passage_count():
            self._index = None
        if not writable:
            return
        if self._index is None or self._missing():
            self._create(catalog)
        try:
            self.catch_up(catalog)
        except IndexUnwritable as error:
            # What was there is worth more than nothing where the disk is full; not where files are in each other's way.
            if "FileAlreadyExists" not in str(error):
                raise
            self._create(catalog)
            self.catch_up(catalog)
        if self._count() != catalog.passage_count():
            self._create(catalog)
            self.catch_up(catalog)

    def _opened(self) -> tantivy.Index:
        """What the files hold. Raises ValueError, as tantivy does, and OSError."""
        import tantivy

        if os.access(self._folder, os.W_OK):
            return _with_tokenizer(tantivy.Index.open(str(self._folder)))
        # tantivy makes a lock to read by. Where it cannot, it is shown the files in a folder where it can.
        self._shown = tempfile.TemporaryDirectory(prefix="dragoman-")
        for file in self._folder.iterdir():
            if file.name == _NAMES:  # as it is now: it could come to name files that are not shown
                shutil.copyfile(file, Path(self._shown.name, file.name))
            elif file.suffix != ".lock":
                Path(self._shown.name, file.name).symlink_to(file.absolute())
        return _with_tokenizer(tantivy.Index.open(self._shown.name))

    def load(self, catalog_id: str) -> None:
        """Open what the files hold, each compared with its checksum, to be looked at and not brought forward.

        Raises IndexFolderError if it is not all there, damaged, or of another catalog.
        """

        # First how far it has come, then what there is: a writer that is at work goes the other way.
        state = self._state()
        found = (state.get("catalog"), state.get("terms"))
        if found != (catalog_id, TERMS_VERSION):
            told = f"holds terms {found[1]} of catalog {found[0]!r}, wanted are terms {TERMS_VERSION} of {catalog_id!r}"
            raise IndexFolderError(f"{self._folder / _STATE_FILE}: {told if state else 'missing, or no JSON object'}")
        self.sequence = int(state["sequence"])
        # Only what it names: a writer that was killed leaves others, half-written, which nobody reads.
        for file in sorted(self._folder / name for name in self._named()):
            if not _is_as_written(file):
                raise IndexFolderError(f"{file}: damaged: it is not what was written (by its checksum)")
        if missing := self._missing() & self._missing():  # twice: a writer may have merged them in between
            raise IndexFolderError(f"{self._folder / min(missing)}: missing")
        try:
            self._index = self._opened()
            self._index.reload()
        except (OSError, ValueError) as error:
            raise IndexFolderError(f"{self._folder}: {error}") from error

    def _missing(self) -> set[str]:
        """The names of files that it should have and that are not there; tantivy misses some of them late."""
        return {name for name in self._named() if name == _NAMES or not (self._folder / name).exists()}

    def _named(self) -> set[str]:
        """The names of the files of its segments; if it cannot be read that says which these are, the name of that."""
        names = set()
        try:
            for segment in json.loads((self._folder / _NAMES).read_bytes())["segments"]:
                id_, deletes = segment["segment_id"].replace("-", ""), segment["deletes"]
                names |= {f"{id_}.{kind}" for kind in _SEGMENT_FILES}
                names |= {f"{id_}.{deletes['opstamp']}.del"} if deletes else set()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {_NAMES}
        return names

    def follow(self, catalog: Catalog) -> None:
        """What was committed since is seen by each search."""

    def catch_up(self, catalog: Catalog) -> None:
        """Apply the batches after `sequence`. Applying one twice does no harm. Raises IndexUnwritable."""
        with self._told_of_disk():
            self._catch_up(catalog)

    @contextmanager
    def _told_of_disk(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # tantivy raises the latter whatever is wrong; its message says what
            told = (
                "{file}: cannot be written ({why}); if the disk is full, free some of it; the texts are "
                "committed, and the next run makes what is missing here"
            )
            raise IndexUnwritable(said("index_unwritable", told, file=str(self._folder), why=str(error))) from error

    def _catch_up(self, catalog: Catalog) -> None:
        reached = catalog.sequence
        if self._index is None or (reached == self.sequence and self._state()):
            return
        if catalog.changed_since(self.sequence) or not self._state():
            self._apply_batches(self._index, catalog)
        self.sequence = reached
        write_whole(self._folder / _STATE_FILE, _state_of(catalog, reached))

    def _apply_batches(self, index: tantivy.Index, catalog: Catalog) -> None:
        import tantivy

        writer = index.writer(_WRITER_BYTES, num_threads=1)
        # What a writer that was killed has left has the names that are to be given now, and tantivy would refuse them.
        writer.garbage_collect_files()
        for removed in catalog.removed_since(self.sequence):
            writer.delete_documents_by_term("key", str(removed.key))
        for stored in catalog.added_since(self.sequence):
            writer.delete_documents_by_term("key", str(stored.key))
            document = tantivy.Document()
            document.add_text("key", str(stored.key))
            document.add_unsigned("number", stored.key)
            document.add_text("lang", stored.passage.lang)
            for path in _paths(stored.passage.source_path):
                document.add_text("within", path)
            first, last = days(stored.passage.date)
            document.add_unsigned("first_day", first)
            document.add_unsigned("last_day", last)
            document.add_text(_FIELD, terms(searched_text(stored.passage)))
            title, text = (" ".join(folded_words(each)) for each in (stored.passage.title, stored.passage.readable))
            document.add_text(_WORDS, f"{title} {TITLE_END} {text}")
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()

    unsaved = False  # each batch is written as it is applied

    def save(self) -> None:
        """Nothing is left to be written."""

    def remove_former(self) -> None:
        """What a server's search leaves in the folder goes when this is made in its place."""

    def delete(self, catalog_id: str) -> None:
        """Take the files away, whosever they are."""
        self.close()
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def close(self) -> None:
        """Let go of the files."""
        self._index = self._shown = None

    def find(
        self, question: str, *, k: int, filters: Filters, among: Callable[[], NDArray[np.int64] | None]
    ) -> list[LexicalHit]:
        """The best `k` of the passages that filters leave, as `search` ranks them; `among` tells their keys."""
        return self.search(
            question,
            k=k,
            languages=filters.languages,
            after=filters.since,
            before=filters.until,
            phrases=filters.phrases,
            sources=filters.sources,
            # Of what a passage belongs to there is the source only: the catalog knows the outlet.
            among=among() if filters.outlets else None,
        )

    def search(
        self,
        question: str,
        *,
        k: int,
        languages: Iterable[str] = (),
        after: str = "",
        before: str = "",
        phrases: Iterable[Phrase] = (),
        sources: Iterable[str] = (),
        among: NDArray[np.int64] | None = None,
    ) -> list[LexicalHit]:
        """The best `k` passages for a question, best first; with dates given, only passages that have one.

        Of equals those of the lowest keys, unless more than some thousands are equal with the last.

        `phrases` must all stand in a passage; those of the question itself are words like others unless given here.
        `sources` are paths of files, or of folders, which mean all that is in them. `among` keeps to those keys.

        A score of BM25 says little by itself. Divided by what a passage would get that matched every term as
        often as it likes, it is the share of the question that the passage knows: near 1 in its own language,
        a few names in another.
        """
        import tantivy

        if (asked := self._asked(question)) is None:
            return []
        searcher, parts, total = asked
        clauses = [
            (tantivy.Occur.Must, self._any_part(parts)),
            *self._filters(
                languages=languages, after=after, before=before, phrases=phrases, sources=sources, among=among
            ),
        ]
        query, limit = tantivy.Query.boolean_query(clauses), k + _EQUALS
        while True:
            found = searcher.search(query, limit=limit, count=False).hits
            shares = [round(score / total, 6) for score, _ in found]
            if len(found) < limit or shares[-1] < shares[k - 1] or limit >= _MOST_EQUALS:
                break
            limit = min(_MORE_EQUALS * limit, max(k, _MOST_EQUALS))
        hits = map(LexicalHit, _keys(searcher, found), shares)
        return sorted(hits, key=lambda hit: (-hit.share, hit.key))[:k]

    def keys(self, *, phrases: Iterable[Phrase] = (), sources: Iterable[str] = ()) -> NDArray[np.int64]:
        """The keys of all passages that have all of `phrases` and are from one of `sources`, in order."""
        import tantivy

        if self._index is None:
            return np.empty(0, np.int64)
        self._index.reload()
        searcher = self._index.searcher()
        every = (tantivy.Occur.Must, tantivy.Query.all_query())
        query = tantivy.Query.boolean_query([every, *self._filters(phrases=phrases, sources=sources)])
        hits = searcher.search(query, limit=max(1, searcher.num_docs), count=False).hits
        return np.array(sorted(_keys(searcher, hits)), np.int64)

    def explain(self, question: str, key: int) -> list[MatchedPart]:
        """Which words and names of a question a passage has, and by how much; the most first.

        The shares add up to that of its hit, within what rounding to six places and float32 cost.
        """
        import tantivy

        if self._index is None or (asked := self._asked(question)) is None:
            return []
        searcher, parts, total = asked
        term = tantivy.Query.term_query(self._index.schema, "key", str(key), index_option="basic")
        here = (tantivy.Occur.Must, tantivy.Query.const_score_query(term, 0.0))
        matched = []
        for part in parts:
            scores = []
            for wording in part.wordings:
                query = tantivy.Query.boolean_query([here, (tantivy.Occur.Must, self._wording(wording))])
                hits = searcher.search(query, limit=1, count=False).hits
                scores.append(hits[0][0] if hits else 0.0)
            best = max(range(len(scores)), key=lambda i: (scores[i], -i))
            if scores[best]:
                found_as = part.wordings[best].text
                matched.append(MatchedPart(part.wordings[0].text, found_as, round(scores[best] / total, 6)))
        return sorted(matched, key=lambda match: -match.share)

    def _asked(self, question: str) -> tuple[tantivy.Searcher, list[QuestionPart], float] | None:
        """What is searched now, the parts of a question, and the most that a passage can score by them; or None if
        there is nothing to search, or nothing in the question that could be found."""
        if self._index is None:
            return None
        self._index.reload()
        searcher = self._index.searcher()
        parts = question_parts(parse_query(question), self._name_languages(searcher))
        total = self._most(searcher, parts)
        return (searcher, parts, total) if total else None

    def _any_part(self, parts: Sequence[QuestionPart]) -> tantivy.Query:
        """A passage that has any of them, scored by the sum."""
        import tantivy

        plain: dict[str, float] = {}  # words of one wording, all together: fewer and larger clauses are quicker
        clauses = []
        for part in parts:
            if len(part.wordings) == 1:
                for term, weight in part.wordings[0].weights.items():
                    plain[term] = plain.get(term, 0.0) + weight
            else:
                clauses.append(tantivy.Query.disjunction_max_query([self._wording(each) for each in part.wordings]))
        if plain:
            clauses.append(self._wording(Wording("", plain)))
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, clause) for clause in clauses])

    def _wording(self, wording: Wording) -> tantivy.Query:
        import tantivy

        assert self._index is not None
        schema = self._index.schema
        return tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Should, tantivy.Query.boost_query(query, weight))
                for term, weight in sorted(wording.weights.items())
                for query in [tantivy.Query.term_query(schema, _FIELD, term, index_option="freq")]
            ]
        )

    def _filters(
        self,
        *,
        languages: Iterable[str] = (),
        after: str = "",
        before: str = "",
        phrases: Iterable[Phrase] = (),
        sources: Iterable[str] = (),
        among: NDArray[np.int64] | None = None,
    ) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """What a passage must be to be found, whatever its score."""
        import tantivy

        assert self._index is not None
        schema = self._index.schema
        needed = []
        if wanted := sorted(set(languages)):
            any_lang = [tantivy.Query.term_query(schema, "lang", lang, index_option="basic") for lang in wanted]
            needed.append(tantivy.Query.boolean_query([(tantivy.Occur.Should, lang) for lang in any_lang]))
        if paths := sorted(set(sources)):
            any_path = [tantivy.Query.term_query(schema, "within", path, index_option="basic") for path in paths]
            needed.append(tantivy.Query.boolean_query([(tantivy.Occur.Should, path) for path in any_path]))
        if among is not None:
            needed.append(tantivy.Query.term_set_query(schema, "key", [str(key) for key in among.tolist()]))
        if after or before:
            earliest = days(after)[0] if after else NO_DAY + 1
            latest = days(before)[1] if before else END_OF_TIME
            for field, low, high in (("last_day", earliest, END_OF_TIME), ("first_day", NO_DAY + 1, latest)):
                needed.append(tantivy.Query.range_query(schema, field, tantivy.FieldType.Unsigned, low, high))
        for phrase in phrases:
            if len(phrase.skeletons) == 1:
                needed.append(tantivy.Query.term_query(schema, _WORDS, phrase.skeletons[0], index_option="basic"))
            else:
                needed.append(tantivy.Query.phrase_query(schema, _WORDS, list(phrase.skeletons)))
        return [(tantivy.Occur.Must, tantivy.Query.const_score_query(query, 0.0)) for query in needed]

    def _name_languages(self, searcher: tantivy.Searcher) -> set[str]:
        """The languages of passages that are here in which names are known."""
        return {language for language in self._names_in if searcher.doc_freq("lang", language)}

    def _most(self, searcher: tantivy.Searcher, parts: Iterable[QuestionPart]) -> float:
        # As frequencies are: with the passages that are removed and not yet merged away. Each has one language.
        count = sum(frequency for _, frequency in searcher.terms_with_prefix("lang", ""))
        return most_of(parts, lambda term: idf(count, searcher.doc_freq(_FIELD, term)))

    def _count(self) -> int:
        if self._index is None:
            return -1
        self._index.reload()
        return int(self._index.searcher().num_docs)

    def _state(self) -> dict[str, str | int]:
        try:
            state = json.loads((self._folder / _STATE_FILE).read_bytes())
            return state if isinstance(state, dict) else {}
        except (OSError, ValueError):
            return {}

    def _create(self, catalog: Catalog) -> None:
        """Begin from nothing, with files that say so: if we are killed now, nobody takes them for damaged."""
        import tantivy

        self._index = None
        schema = tantivy.SchemaBuilder()
        # Text, because tantivy deletes nothing by a term that is a number.
        schema.add_text_field("key", tokenizer_name="raw", index_option="basic")
        schema.add_unsigned_field("number", fast=True)  # the key again, quick to read of many hits
        schema.add_text_field("lang", tokenizer_name="raw", index_option="basic")
        schema.add_text_field("within", tokenizer_name="raw", index_option="basic")
        schema.add_unsigned_field("first_day", indexed=True, fast=True)
        schema.add_unsigned_field("last_day", indexed=True, fast=True)
        schema.add_text_field(_FIELD, tokenizer_name=_TOKENIZER, index_option="freq")
        schema.add_text_field(_WORDS, tokenizer_name=_TOKENIZER, index_option="position")
        with self._told_of_disk():
            with folder_made_whole(self._folder) as beside:
                tantivy.Index(schema.build(), path=str(beside))
                (beside / _STATE_FILE).write_bytes(_state_of(catalog, 0))
            self._index = _with_tokenizer(tantivy.Index.open(str(self._folder)))
        self.sequence = 0


def from_one_of(sources: Iterable[str], source_path: str) -> bool:
    """Whether a source is one of these paths or in a folder that is one of them."""
    return not set(_paths(source_path)).isdisjoint(sources)


def _paths(source_path: str) -> list[str]:
    """A source's own path and its folders', with and without the slash at the end.

    >>> _paths("news/2024/a.txt")
    ['news/2024/a.txt', 'news/2024', 'news/2024/', 'news', 'news/']
    """
    folders = [source_path[:at] for at, letter in enumerate(source_path) if letter == "/" and at]
    return [source_path, *(path for folder in reversed(folders) for path in (folder, f"{folder}/"))]


def _state_of(catalog: Catalog, sequence: int) -> bytes:
    return json.dumps({"catalog": catalog.id, "sequence": sequence, "terms": TERMS_VERSION}).encode()


def _is_as_written(file: Path) -> bool:
    """Whether a file of tantivy's has the CRC-32 that stands in its footer: content, JSON, length of that, a number."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:  # of a segment that was merged meanwhile
        return True
    if len(data) < 8:
        return False
    length, magic = struct.unpack("<II", data[-8:])
    content, footer = data[: -8 - length], data[-8 - length : -8]
    try:
        return magic == _FOOTER_MAGIC and bool(json.loads(footer)["crc"] == zlib.crc32(content))
    except (ValueError, KeyError, TypeError):
        return False


def _with_tokenizer(index: tantivy.Index) -> tantivy.Index:
    import tantivy

    index.register_tokenizer(_TOKENIZER, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


def _keys(searcher: tantivy.Searcher, hits: Iterable[tuple[Any, tantivy.DocAddress]]) -> list[int]:
    return cast(list[int], searcher.fast_field_values("number", [address for _, address in hits]))


def days(date: str) -> tuple[int, int]:
    """The first and last day that a date can mean, as numbers in order; a month or a year means any day of it."""
    if not date:
        return NO_DAY, NO_DAY
    digits = date.replace("-", "")
    return int(digits.ljust(8, "0")), int(digits.ljust(8, "9"))
