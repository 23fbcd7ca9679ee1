"""What the view "Evaluation" asks: sets that can be run, how far a run is, and what was found, now and before."""

from __future__ import annotations

import json
import re
from pathlib import Path

from index.errors import SettingsError
from index.said import said
from ui.cases import Cases
from ui.evaluation_process import MINE, SAMPLE
from ui.jobs import Jobs
from ui.lab import SETTINGS
from ui.payload import Payload
from ui.request import text, told
from ui.worker import Task

_MOST_RUNS = 30  # that are listed
_ID = re.compile(r"[A-Za-z0-9-]+")
SYSTEMS = tuple(name for name in SETTINGS if name != "answer")


class Evaluation:
    """Runs of one index, kept in a folder beside it; one at a time, in a process of its own. Any thread may call.

    Each function takes what the page sends, which may be anything, and whose page it is.
    """

    def __init__(self, index: Path, jobs: Jobs | None, cases: Cases) -> None:
        self._index, self._jobs, self._cases = index, jobs, cases
        self._runs = cases.file.parent / "runs"
        self._run = Task("the run")
        self.functions = (
            self.evaluation_choices,
            self.evaluation_run,
            self.evaluation_state,
            self.evaluation_cancel,
            self.evaluation_report,
        )

    def evaluation_choices(self, _request: object = None, user: str = "") -> Payload:
        """What can be run, and what was."""
        return {
            "kind": "choices",
            "questions": self._cases.count(),
            "file": str(self._cases.file),
            "folders": [str(folder) for folder in self._jobs.allowed] if self._jobs else [],
            "systems": list(SYSTEMS),
            "runs": self._listed(),
            "running": self._run.told(),
        }

    def evaluation_run(self, request: object, user: str = "") -> Payload:
        """Begin to run {"set", "system"}: "sample", "mine" or a folder; gives what `evaluation_state` does."""

        def begin() -> Payload:
            chosen, system = text(request, "set").strip(), text(request, "system")
            if chosen not in (SAMPLE, MINE):
                chosen = str(self._folder(chosen))
            if chosen == MINE and not self._cases.count():
                raise SettingsError(said("no_questions", "there are no questions of yours yet; add some in the lab"))
            if system not in SYSTEMS:
                raise SettingsError(
                    said("load_again", "there is no system {value!r}; load the page again", value=system)
                )
            self._begin(chosen, system)
            return self.evaluation_state()

        return told(begin)

    def evaluation_state(self, _request: object = None, user: str = "") -> Payload:
        """How the run is that was begun last: "none", "running", "cancelled", "failed", or "done" with the "id"."""
        return {"kind": "run", **self._run.told()}

    def evaluation_cancel(self, _request: object = None, user: str = "") -> Payload:
        """Stop the run; nothing of it is kept."""
        self._run.cancel()
        return self.evaluation_state()

    def evaluation_report(self, request: object, user: str = "") -> Payload:
        """What the run {"id"} found."""

        def found() -> Payload:
            id_ = text(request, "id")
            file = self._runs / f"{id_}.json"
            if not _ID.fullmatch(id_) or not file.is_file():
                raise SettingsError(said("run_gone", "there is no run '{id}' any more; load the page again", id=id_))
            document = json.loads(file.read_bytes())
            del document["values"]
            return {"kind": "report", "id": id_, **document}

        return told(found)

    def _folder(self, chosen: str) -> Path:
        if self._jobs is None:
            only_reads = "this server only reads its index; run a folder with: dragoman eval run FOLDER"
            raise SettingsError(said("runs_no_folder", only_reads))
        return self._jobs.checked(chosen)

    def _begin(self, chosen: str, system: str) -> None:
        request = {
            "index": str(self._index.absolute()),
            "set": chosen,
            "system": system,
            "questions": str(self._cases.file),
            "runs": str(self._runs),
        }
        if not self._run.begin("ui.evaluation_process.work", request, set=chosen):
            raise SettingsError(said("run_running", "a run is under way; wait for its end, or cancel it"))

    def _listed(self) -> list[Payload]:
        rows = []
        for file in sorted(self._runs.glob("*.json"), reverse=True)[:_MOST_RUNS]:
            document = json.loads(file.read_bytes())
            rows.append({"id": file.stem, **{name: document[name] for name in ("set", "system", "made")}})
        return rows
