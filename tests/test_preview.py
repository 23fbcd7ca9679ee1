"""A dry run says what a run then does, and leaves everything as it was."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index.catalog import Catalog
from index.embed import Embedder
from index.ingest import Progress, ingest
from index.preview import preview
from index.rules import Rule, Rules

STORY = "The lighthouse of {} has been run by a machine since the spring. The keeper has gone home with his dog.\n"


def zipped(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return data.getvalue()


FILES = {
    "a.txt": "The lamp\n\n" + STORY.format("Sahilkend") + "1 Share\n",
    "old.txt": ("Маяк\n\nМаяк Сахилкенда с весны работает сам, а смотритель ушёл домой с собакой.\n").encode("cp1251"),
    "b.zip": zipped({"in/b.txt": STORY.format("Narlıdere"), "in/c.rtf": "no"}),
    "lines.jsonl": '{"text": "The dog of the keeper has a new home by the sea."}\nnot JSON\n',
    "broken.pdf": b"%PDF-1.4 and no more",
    "furniture.txt": "1 Share\n",
    "x.rtf": "no",
}


@pytest.fixture
def docs(tmp_path: Path, write: Callable[..., Path]) -> Path:
    return write(tmp_path / "docs", FILES)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_first_run(tmp_path: Path, docs: Path, hashing: Embedder) -> None:
    found = preview([docs, tmp_path / "none"], tmp_path / "i")
    assert not (tmp_path / "i").exists()
    assert found.new == ["a.txt", "b.zip/in/b.txt", "lines.jsonl", "old.txt"]
    assert (found.changed, found.unchanged, found.gone) == ([], 0, [])
    report = ingest([docs, tmp_path / "none"], tmp_path / "i", embedder=hashing)
    assert (sorted(found.failures), sorted(found.left_out)) == (sorted(report.failures), sorted(report.left_out))
    assert [message.split(": ")[0] for message in found.failures] == [
        str(tmp_path / "none"), "broken.pdf", "lines.jsonl:2",
    ]  # fmt: skip
    assert found.new == sorted(report.added)
    with Catalog(tmp_path / "i") as catalog:
        sources = list(catalog.sources())
    kept = [span for source in sources for document in source.documents for span in document.spans]
    assert found.articles == sum(len(source.documents) for source in sources)
    assert found.kept == sum(span.end - span.start for span in kept)
    # "1 Share" of a.txt, and of furniture.txt, which is not stored
    assert found.dropped["share bar"] == 2 * len("1 Share")
    assert found.dropped["not JSON"] == len("not JSON")


def test_a_later_run(tmp_path: Path, docs: Path, hashing: Embedder) -> None:
    folder = tmp_path / "i"
    ingest([docs], folder, embedder=hashing)
    (docs / "old.txt").unlink()
    (docs / "a.txt").write_text("The lamp\n\n" + STORY.format("Qızılçay"), encoding="utf-8")
    (docs / "lines.jsonl").write_text('{"id": 1}\n', encoding="utf-8")
    (docs / "new.txt").write_text(STORY.format("Ağdaş"), encoding="utf-8")
    before, told = tree(tmp_path), list[Progress]()
    found = preview([docs], folder, on_progress=told.append)
    assert tree(tmp_path) == before
    assert (found.new, found.changed, found.unchanged, found.gone) == (["new.txt"], ["a.txt"], 1, ["old.txt"])
    assert "lines.jsonl: holds no article any more; what the index has of it would be removed" in found.left_out
    assert told[-1] == Progress(6, 6, 0, 0)
    report = ingest([docs], folder, embedder=hashing)
    assert (report.added, report.replaced, report.unchanged, report.gone) == (["new.txt"], ["a.txt"], 1, ["old.txt"])
    assert report.removed == ["lines.jsonl"]


def test_rules_are_tried_and_not_kept(tmp_path: Path, docs: Path, hashing: Embedder) -> None:
    folder = tmp_path / "i"
    ingest([docs], folder, embedder=hashing)
    rules = Rules(drop=(Rule("The lamp", "headings"),))
    found = preview([docs], folder, rules=rules)
    assert (len(found.changed), found.unchanged) == (4, 0)
    assert found.dropped["rule: headings"] == len("The lamp")
    assert preview([docs], folder).unchanged == 4
    with Catalog(folder) as catalog:
        assert catalog.rules == Rules()
    ingest([docs], folder, embedder=hashing, rules=rules)
    assert preview([docs], folder).unchanged == 4  # by the rules that the index keeps


def test_lines_that_several_files_repeat_are_told_as_the_run_finds_them(
    tmp_path: Path, write: Callable[..., Path], hashing: Embedder
) -> None:
    body = (
        "Keeper number {0} goes home\n\nThe keeper of lighthouse {0} went home on Friday with all his dogs. {0} stay.\n"
        "His boat was sold to a baker, who rows to market number {0} every morning and sings on the way back."
    )
    pages = {f"{n}.txt": "The Dell Courier\nYour town, your paper\n\n" + body.format(n) for n in range(5)}
    docs, folder = write(tmp_path / "docs", pages), tmp_path / "i"
    assert preview([docs], folder).dropped == {
        "repeated in other files": 5 * len("The Dell CourierYour town, your paper")
    }
    three = [docs / f"{n}.txt" for n in range(3)]
    ingest(three, folder, embedder=hashing)
    found = preview([docs], folder)
    assert (len(found.new), len(found.changed), found.unchanged) == (2, 3, 0)
    report = ingest([docs], folder, embedder=hashing)
    assert (found.new, found.changed) == (report.added, report.replaced)
    with Catalog(folder) as catalog:
        dropped = [each for source in catalog.sources() for each in source.dropped]
    assert found.dropped == {"repeated in other files": sum(each.span.end - each.span.start for each in dropped)}
