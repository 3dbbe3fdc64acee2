"""Which stages DVC is going to run, told before it runs them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
from dvc.repo import Repo

# What they write stays the same as a rule, whatever made them run: what hangs on them stops there.
GUARDS = ("check", "trained_code")


@dataclass(frozen=True)
class Plan:
    """The stages that are asked for, and those of them that are going to run.

    Attributes:
        descriptions: What each stage does, of all that are asked for.
        expected: Stages that are going to run, as far as can be told: those that changed, and what
            hangs on them. Where a stage writes what it wrote before, fewer will.
        followers: What hangs on a stage, itself included.
    """

    descriptions: Mapping[str, str]
    expected: frozenset[str]
    followers: Mapping[str, frozenset[str]]


def plan(repo: Repo, targets: Sequence[str], *, force: bool) -> Plan:
    """Tell what DVC is going to do.

    Args:
        repo: The project.
        targets: Stages as `dvc repro` takes them; all, if there are none.
        force: Whether stages run that did not change, too.

    Raises:
        DvcException: if a target is none, or dvc.yaml is not valid.
    """
    graph = repo.index.graph  # from a stage to those that it depends on
    asked = [stage for target in targets for stage in repo.stage.collect(target)] or list(graph)
    stages = {stage for each in asked for stage in (each, *nx.descendants(graph, each))}
    names = {stage: stage.addressing for stage in stages}
    hanging = graph.subgraph(stages)
    free = hanging.subgraph(stage for stage, name in names.items() if not is_guard(name))
    followers = {
        name: frozenset(
            {name, *(names[each] for each in nx.ancestors(free, stage))}
            if stage in free
            else {name}
        )
        for stage, name in names.items()
    }
    changed = names.values() if force else set(repo.status()).intersection(names.values())
    return Plan(
        descriptions={name: str(stage.desc or "") for stage, name in names.items()},
        expected=follow(followers, changed),
        followers=followers,
    )


def follow(followers: Mapping[str, frozenset[str]], stages: Iterable[str]) -> frozenset[str]:
    """Return some stages and all that hangs on them."""
    return frozenset[str]().union(*(followers[stage] for stage in stages))


def is_guard(stage: str) -> bool:
    """Whether a stage, as a rule, writes what it wrote before."""
    return kind(stage) in GUARDS


def kind(stage: str) -> str:
    """Return what stages are called that do the same for other runs or datasets."""
    return stage.partition("@")[0]
