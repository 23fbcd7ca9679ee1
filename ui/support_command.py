"""The command `dragoman eval support`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SettingsError

if TYPE_CHECKING:
    from eval.support import Case, Ranking, Scored
    from rag.support import Levels, SignalSupport


def add_support(kinds: Any) -> None:
    """Add `support` to the kinds of `dragoman eval`."""
    parser = kinds.add_parser(
        "support", help="how well the support score tells what follows from its quotes, and fit it again"
    )
    parser.add_argument(
        "sets",
        nargs="+",
        type=Path,
        metavar="SET",
        help="folders of claims (WiCE), and folders in BEIR layout that hold the same documents in several languages",
    )
    parser.add_argument(
        "--most", type=int, default=100, metavar="N", help="documents in several languages (default: %(default)s)"
    )
    parser.add_argument("--fit", action="store_true", help="print the weights that the sets give")
    parser.add_argument("--nli", default="", metavar="NAME", help="measure this cross-encoder instead")
    parser.add_argument("--embedder", default="", metavar="NAME", help="as for ingest (default: e5-small)")
    parser.set_defaults(run=_support)


def _support(options: argparse.Namespace) -> int:
    from eval.claims import claims_file, load_judged_claims
    from eval.layouts import load_retrieval_set
    from eval.support import CLAIMS, claim_cases, made_cases
    from rag.support import SUPPORT
    from ui.cli import DONE
    from ui.eval_command import cached_embedder, move, progress_bar

    claims = [claim for folder in options.sets if (file := claims_file(folder)) for claim in load_judged_claims(file)]
    parallel = [load_retrieval_set(folder) for folder in options.sets if claims_file(folder) is None]
    if not claims or not parallel:
        raise SettingsError("give at least one folder of claims, and two of the same documents in two languages")
    with cached_embedder(options) as embedder, progress_bar("claims", len(claims)) as bar:
        cases, rankings = claim_cases(claims, embedder, on_claim=lambda done: move(bar, done))
        made = made_cases(parallel, embedder, most=options.most, on_text=lambda done: move(bar, done))
    if options.nli:
        from rag.nli import load_nli

        model = load_nli(options.nli)
        scored = [(case, model.judge(case.stated).score) for case in (*cases, *made)]
        for kind in (True, False):
            _print(
                "claims" if kind else "made",
                [each for each in scored if (each[0].kind == CLAIMS) is kind],
                model.levels,
            )
        return DONE
    _report(cases, rankings, made, SUPPORT, prints_weights=options.fit)
    return DONE


def _report(
    cases: Sequence[Case],
    rankings: Sequence[Ranking],
    made: Sequence[Case],
    used: SignalSupport,
    *,
    prints_weights: bool,
) -> None:
    """Print what the scores tell, each by weights that its case was left out of, and by the levels in use."""
    from eval.figures import figure
    from eval.support import Label, fit, left_out, levels_of, reciprocal_rank

    within = [case for case in made if not case.stated.is_across]
    across = [case for case in made if case.stated.is_across]
    scores, ranked, others = left_out(cases, rankings, others=within)
    across_scores, _, _ = left_out(across)
    ranks = [(ranking.label, reciprocal_rank(ranking, its)) for ranking, its in zip(rankings, ranked, strict=True)]
    print(figure("MRR of evidence, all claims", [rank for _, rank in ranks], ""))
    print(figure("MRR of evidence, claims that have support", [rank for label, rank in ranks if label > Label.NOT], ""))
    scored_cases = list(zip(cases, scores, strict=True))
    scored_within = list(zip(within, others, strict=True))
    scored_across = list(zip(across, across_scores, strict=True))
    if prints_weights:
        for name, fitted, scored in (
            ("within", fit(cases, rankings), scored_cases + scored_within),
            ("across", fit(across), scored_across),
        ):
            print(name, fitted.intercept, fitted.weights, levels_of(scored))
    _print("claims, left out of the fit", scored_cases, used.within.levels)
    _print("made within a language, in no fit", scored_within, used.within.levels)
    _print("made across languages, left out of the fit", scored_across, used.across.levels)
    for pair in sorted({case.pair for case in (*within, *across)}):
        levels = used.within.levels if len(set(pair.split("→"))) == 1 else used.across.levels
        its = [each for each in scored_within + scored_across if each[0].pair == pair]
        _print(f"made, {pair}", its, levels, has_curve=False)


def _print(name: str, scored: Sequence[Scored], levels: Levels, *, has_curve: bool = True) -> None:
    from eval.support import curve, measure

    print(f"{name}: {len(scored)} cases, called supported from {levels.supported}, partly from {levels.partly}")
    for each in measure(scored, levels):
        if each.n:
            print(f"  {each}")
    if has_curve:
        for score, number, whole, part in curve(scored):
            print(f"  from {score:.3f} on: {number} cases, supported {whole:.3f}, at least partly {part:.3f}")
