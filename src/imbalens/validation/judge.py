"""Committed results against those computed anew: what is wrong, and what nothing was said of.

Where a stage read the same bytes, it has to write the same bytes. Where trainings came out
otherwise, as they do on another machine, whatever git keeps is computed from what git keeps before
it; of the rest only headlines and verdicts are judged.
"""

import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imbalens.errors import InputError
from imbalens.params.experiment import Params
from imbalens.validation.lock import (
    DUMPS,
    LOCK,
    MADE,
    LockedStage,
    name_gathered,
    read_lock,
    written,
)
from imbalens.validation.repository import KEPT, kept_results, run
from imbalens.validation.rules import (
    FEWEST,
    MEASURE,
    RULES,
    Headline,
    Rules,
    are_compared,
    choose_headlines,
    n_measures,
)
from imbalens.validation.values import (
    COMPARED,
    Difference,
    find_differences,
    parse,
    read_if_whole,
    read_values,
)

FIGURES = "plots/figures"
OPPOSITE = {("holds", "does not hold"), ("does not hold", "holds")}


@dataclass(frozen=True)
class Problem:
    """Something that makes results not hold.

    Attributes:
        place: File, or `file:key`.
        text: What is wrong.
    """

    place: str
    text: str


@dataclass(frozen=True)
class Judgement:
    """What came of comparing.

    Attributes:
        problems: What is wrong.
        dumps: Paths of all dumps.
        not_reproduced: Those of them that came out otherwise.
        unchecked: Files that git keeps and that only headlines and verdicts say something of.
        headlines: Per dataset the numbers that are held as headlines.
        fallen: Per dataset the headlines that no longer tell losses apart.
        verdicts: Claims whose verdict came out otherwise.
    """

    problems: list[Problem]
    dumps: list[str]
    not_reproduced: list[str]
    unchecked: list[str]
    headlines: Mapping[str, list[Headline]]
    fallen: Mapping[str, list[str]]
    verdicts: list[Difference]


def judge(
    committed: Path, recomputed: Path, rules: Rules, params: Params, base: Path
) -> Judgement:
    """Compare the results of two clones.

    Args:
        committed: As git has it; stages are run in it.
        recomputed: With everything computed anew, dvc.lock too.
        rules: Tolerances.
        params: The experiment.
        base: Folder with what HEAD is compared with; its dvc.lock may be absent.
    """
    old, new = read_lock(committed), name_gathered(read_lock(recomputed), recomputed)
    metrics = [read_values(folder / "metrics") for folder in (committed, recomputed)]
    problems = [*_find_orphans(committed, old, new), *_find_forgeries(old, new, base)]
    here, there = written(old), written(new)
    same = {path for path, md5 in there.items() if here.get(path) == md5}
    settled: set[str] = set()
    for name, stage in new.items():
        made = {path for path in stage.outs if path.startswith(MADE)}
        inputs = {path for dep in stage.deps for path in below(dep, there)}
        if name in old and inputs <= same and made <= same:
            checked = [path for path in stage.outs if is_checked(path)]
            settled |= set(checked)
            for path in checked:
                problems += _compare_files(path, committed, recomputed, old[name], stage)
    again = _stages_of_kept(old, new, committed, settled=settled, same=same)
    problems += _compute_again(again, old, new, committed, recomputed)
    from_kept = {path for name in again for path in old[name].outs}
    kept = [path for path in kept_results(committed) if path in there]
    dumps = [path for path in there if path.startswith(DUMPS)]
    not_reproduced = [path for path in dumps if path not in same]
    unchecked = [path for path in kept if path not in settled | from_kept]
    if not not_reproduced:
        problems += [Problem(path, "was checked by nothing") for path in unchecked]
    effects_of = (metrics[1], read_if_whole(base / "metrics"))
    headlines, fallen = choose_headlines(rules, metrics[1], params, effects_of)
    for dataset, of_dataset in headlines.items():
        problems += _judge_number(dataset, n_measures(of_dataset), params)
        for headline in of_dataset:
            before, now = (of.get(headline.place) for of in metrics)
            problems += _judge_headline(headline.place, before, now, headline.tolerance)
    verdicts = changed_verdicts(*metrics)
    problems += [
        Problem(item.place, f"verdict {item.before!r} comes out as {item.now!r}")
        for item in verdicts
        if (item.before, item.now) in OPPOSITE
    ]
    return Judgement(
        problems=problems,
        dumps=dumps,
        not_reproduced=not_reproduced,
        unchecked=unchecked,
        headlines=headlines,
        fallen=fallen,
        verdicts=verdicts,
    )


def below(dep: str, outputs: Iterable[str]) -> list[str]:
    """Return the outputs that a dependency stands for: a file, or all that lie in a folder.

    What dvc.lock says of a folder that git does not keep is not believed: nothing checks it.
    """
    return [path for path in outputs if path == dep or path.startswith(f"{dep}/")]


def is_checked(path: str) -> bool:
    """Whether an output of equal inputs has to be equal.

    Weights and dumps need not: that is what another machine makes otherwise. Pictures and pages
    are of versions of programs too, and git does not keep them.
    """
    return not path.startswith(MADE) and path.endswith(COMPARED)


def _find_orphans(
    committed: Path, old: Mapping[str, LockedStage], new: Mapping[str, LockedStage]
) -> list[Problem]:
    """Stages and files of results that are on one side only."""
    lock = LOCK.as_posix()
    problems = [Problem(lock, f"stage {name} is not committed") for name in new.keys() - old]
    problems += [Problem(lock, f"stage {name} is no longer run") for name in old.keys() - new]
    outputs, kept = written(new), set(kept_results(committed))
    problems += [Problem(path, "is no longer computed") for path in kept - outputs.keys()]
    problems += [
        Problem(path, "is not committed")
        for path in outputs.keys() - kept
        if is_checked(path) and path.startswith(KEPT)
    ]
    return sorted(problems, key=lambda problem: (problem.place, problem.text))


def _find_forgeries(
    old: Mapping[str, LockedStage], new: Mapping[str, LockedStage], base: Path
) -> list[Problem]:
    """Weights and dumps that come out as the base has them, while HEAD says otherwise."""
    try:
        before = written(read_lock(base))
    except InputError:  # it has none
        return []
    here, there = written(old), written(new)
    return [
        Problem(
            path,
            "comes out as it was before, yet dvc.lock has another hash for it: what was computed "
            "from that cannot be checked; restore dvc.lock and results from before, or compute "
            "them on a machine like this one",
        )
        for path, md5 in there.items()
        if path.startswith(MADE) and md5 == before.get(path) != here.get(path)
    ]


def _compare_files(
    path: str, committed: Path, recomputed: Path, old: LockedStage, new: LockedStage
) -> list[Problem]:
    """Compare one output of a stage whose inputs were equal."""
    if not (committed / path).exists():  # not in git: dvc.lock says what it was
        same = old.outs.get(path) == new.outs[path]
        return [] if same else [Problem(path, "has another hash in dvc.lock than computed now")]
    before, now = ((folder / path).read_bytes() for folder in (committed, recomputed))
    return _compare_bytes(path, before, now)


def _compare_bytes(path: str, before: bytes, now: bytes) -> list[Problem]:
    """Say where a file that has to be the same is not."""
    if before == now:
        return []
    try:
        values = [
            {f"{path}:{key}": value for key, value in parse(text.decode(), Path(path).suffix)}
            for text in (before, now)
        ]
    except ValueError as error:
        return [Problem(path, f"cannot be read: {error}")]
    return [
        Problem(item.place, f"is committed as {item.before}; computed from the same: {item.now}")
        for item in find_differences(*values, relative=0.0, absolute=0.0)
    ] or [Problem(path, "is not what is computed from the same, byte for byte")]


def _stages_of_kept(
    old: Mapping[str, LockedStage],
    new: Mapping[str, LockedStage],
    committed: Path,
    *,
    settled: set[str],
    same: set[str],
) -> list[str]:
    """Return the stages whose inputs differ now, and that can run on what git keeps."""
    outputs = written(new)

    def is_at_hand(dep: str) -> bool:
        if dep.startswith("data/"):
            return all(path in same for path in below(dep, outputs))
        return not dep.startswith(FIGURES) and (committed / dep).exists()

    def is_open(path: str) -> bool:
        return (committed / path).exists() and is_checked(path) and path not in settled

    return [
        name
        for name, stage in new.items()
        if name in old
        and not any(path.startswith(MADE) for path in stage.outs)
        and all(map(is_at_hand, stage.deps))
        and any(map(is_open, stage.outs))
    ]


def _compute_again(
    stages: list[str],
    old: Mapping[str, LockedStage],
    new: Mapping[str, LockedStage],
    committed: Path,
    recomputed: Path,
) -> list[Problem]:
    """Run stages in the clone that has what git keeps; compare what they write with that."""
    if not stages:
        return []
    deps = {dep for name in stages for dep in new[name].deps if dep.startswith("data/")}
    for path in {path for dep in deps for path in below(dep, written(new))}:
        (committed / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(recomputed / path, committed / path)
    paths = [path for name in stages for path in old[name].outs]
    kept = [path for path in paths if is_checked(path) and (committed / path).exists()]
    before = {path: (committed / path).read_bytes() for path in kept}
    module = "imbalens.validation.analyse"
    run([sys.executable, "-m", module, str(committed.resolve()), *stages], committed)
    return [
        problem
        for path, content in before.items()
        for problem in _compare_bytes(path, content, (committed / path).read_bytes())
    ]


def _judge_number(dataset: str, n_headlines: int, params: Params) -> list[Problem]:
    if n_headlines >= FEWEST or not are_compared(params, dataset):
        return []
    text = (
        f"has {n_headlines} numbers that tell losses apart (allowed: at least {FEWEST}); measure "
        f"what holds on any machine with: {MEASURE}"
    )
    return [Problem(f"{RULES.as_posix()}:headlines.{dataset}", text)]


def _judge_headline(place: str, before: object, now: object, tolerance: float) -> list[Problem]:
    if not isinstance(before, float | int) or not isinstance(now, float | int):
        same = before == now
        return [] if same else [Problem(place, f"is committed as {before}, comes out as {now}")]
    moved = abs(now - before)
    if moved <= tolerance:
        return []
    text = f"is committed as {before:.6g}, comes out as {now:.6g}: moved {moved:.3g}"
    return [Problem(place, f"{text}, allowed {tolerance:.3g}")]


def changed_verdicts(old: Mapping[str, object], new: Mapping[str, object]) -> list[Difference]:
    """Return the claims whose verdict differs between two sets of metrics."""
    return [
        Difference(key.removesuffix(".verdict"), old.get(key), new.get(key))
        for key in sorted({*old, *new})
        if key.startswith("claims/") and key.endswith(".verdict") and old.get(key) != new.get(key)
    ]
