"""Made-up results of one dataset whose classes have hostile names, for the tests of the report."""

import base64
import io

import numpy as np
import pandas as pd
from PIL import Image

from imbalens.reports.differences.paper_layout import PaperCell, PaperRow, PaperTable
from imbalens.reports.page.images import framed, thumbnail
from imbalens.reports.page.results import DatasetResults, PageExample, PageFigure, RunAbout

SCRIPT, QUOTES = (
    "<script>window.hacked = 1</script>",
    'a&b "c" \'</script><img src=x onerror=hacked=1>',
)
CLASSES = (SCRIPT, QUOTES, "plain", "{{ 7 * 7 }}")
RUNS = ("toy-ce", "toy-ldam")
ARCHETYPES = ("safe", "border", "rare", "outlier")
NAN = float("nan")
PICTURE = np.full((8, 8, 3), 100, np.uint8)
VERSIONS = {"imbalens": "0.0"}


def decode(source: str) -> Image.Image:
    """The picture in a data URI."""
    return Image.open(io.BytesIO(base64.b64decode(source.split(",")[1])))


def texts(rows) -> pd.DataFrame:
    return pd.DataFrame(rows).astype(str)


def setting_of(run):
    return run.replace("-", "/", 1)


def about(name, setting=None, seed=0) -> RunAbout:
    loss = name.split("-")[1]
    return RunAbout(name, setting or setting_of(name), "resnet8", loss, "quick, 2 epochs", seed)


def per_run(run: str, shift: float) -> dict[str, pd.DataFrame]:
    return {
        "performance": texts(
            [
                {"run": run, "class": label, "recall": 0.9 - 0.2 * i + shift, "precision": ""}
                for i, label in enumerate(CLASSES)
            ]
        ),
        "archetypes": texts(
            [
                {
                    "run": run,
                    "class": label,
                    "archetype": archetype,
                    "count": 3,
                    "share": 0.25,
                    "true_positive_rate": "" if archetype == "rare" else 0.5,
                }
                for label in CLASSES
                for archetype in ARCHETYPES
            ]
        ),
        "adversaries": texts(
            [
                {
                    "run": run,
                    "class": label,
                    "adversary": other,
                    "share": 0.3 + shift,
                    "kind": kind,
                }
                for kind in ("errors", "neighbours")
                for label in CLASSES
                for other in CLASSES
                if label != other
            ]
        ),
        "adversaries-predictors": texts(
            [
                {"run": run, "predictor": name, "log_loss": loss}
                for name, loss in (("FDR", 2), ("n", 1.5))
            ]
        ),
        "cam_alignment": texts(
            [
                {"run": run, "class": label, "pairs": 5, "iobb": 0.5 + shift, "ior": 0.2}
                for label in (*CLASSES, "")
            ]
        ),
        "saliency_colours": texts(
            [
                {
                    "run": run,
                    "class": label,
                    "archetype": "all",
                    "group": group,
                    "share": share,
                    "red": 200,
                    "green": 10,
                    "blue": 10,
                }
                for label in CLASSES
                for group, share in (("red", 0.998), ("white", 0.002))
            ]
        ),
        "train": texts([{"run": run, "epoch": i, "loss": 2.0 - i + shift} for i in range(2)]),
    }


def differences() -> pd.DataFrame:
    return texts(
        [
            {
                "setting": setting_of(RUNS[1]),
                "stage": "performance",
                "measure": "accuracy",
                "class": label,
                "baseline": setting_of(RUNS[0]),
                "baseline_value": 0.5,
                "value": 0.6,
                "difference": 0.1,
                "low": 0.05,
                "high": 0.15,
                "p": 0.001,
                "p_adjusted": 0.002,
                "images": 100,
                "seeds": 1,
            }
            for label in ("", *CLASSES)
        ]
    )


def headlines(*sides) -> pd.DataFrame:
    """The summary's rows: a baseline, and per side given one setting beside it."""
    first = {
        "dataset": "toy",
        "setting": setting_of(RUNS[0]),
        "baseline": "",
        "stage": "performance",
        "measure": "balanced_accuracy",
        "heading": "balanced accuracy",
        "better": "up",
        "unit": "share",
        "trainings": 1,
        "baseline_trainings": 0,
        "baseline_value": NAN,
        "value": 0.5,
        "difference": NAN,
        "low": NAN,
        "high": NAN,
        "confidence": 0.95,
        "p_adjusted": NAN,
        "over": "",
        "verdict": "",
    }
    rows = [
        {
            **first,
            "setting": f"toy/other{place}" if place else setting_of(RUNS[1]),
            "baseline": setting_of(RUNS[0]),
            "baseline_trainings": 1,
            "baseline_value": 0.5,
            "over": "images and seeds",
            "p_adjusted": 0.01,
            **side,
        }
        for place, side in enumerate(sides)
    ]
    return pd.DataFrame([first, *rows])


ROSE = {"value": 0.6, "difference": 0.1, "low": 0.05, "high": 0.15, "verdict": "rose"}
FELL = {"value": 0.4, "difference": -0.1, "low": -0.15, "high": -0.05, "verdict": "fell"}
UNCLEAR = {"value": 0.51, "difference": 0.01, "low": -0.1, "high": 0.12, "verdict": "undecided"}


def claims() -> pd.DataFrame:
    return texts(
        [
            {
                "claim": claim,
                "paper": "A",
                "section": "4.10",
                "text": f"What {claim} says {SCRIPT}",
                "judged": setting_of(RUNS[1]),
                "statistic": "mean difference",
                "value": 0.1,
                "low": "" if verdict == "not decided" else 0.05,
                "high": "" if verdict == "not decided" else 0.15,
                "threshold": 0.02,
                "n": 100,
                "verdict": verdict,
                "reason": "",
            }
            for claim, verdict in (("one", "holds"), ("two", "not decided"))
        ]
    )


def papers() -> list[PaperTable]:
    rows = [PaperRow((setting_of(run),), [PaperCell(0.5, 0.25, 0.75)]) for run in RUNS]
    tables = ((f"Table {SCRIPT}", rows), ("Empty table", []))
    return [
        PaperTable(f"table_{i}", title, "Some text.", "value", ("Setting",), (), [("KLD",)], rows)
        for i, (title, rows) in enumerate(tables)
    ]


def results(**changed) -> DatasetResults:
    parts = [per_run(run, 0.05 * place) for place, run in enumerate(RUNS)]
    picture = thumbnail(PICTURE)
    values = {
        "name": "toy",
        "generated": "the images",
        "facts": {"classes": "4"},
        "counts": texts(
            [
                {"class": label, "training images": n, "test images": 9}
                for label, n in zip(CLASSES, (100, 20, 9, 3), strict=True)
            ]
        ),
        "runs": [about(run) for run in RUNS],
        "confidence": 0.95,
        "of_runs": {kind: pd.concat([part[kind] for part in parts]) for kind in parts[0]},
        "settings": texts([{"setting": setting_of(run), "accuracy": 0.5} for run in RUNS]),
        "tables": {
            "Similarity of features": texts(
                [{"run": a, "other": b, "cka": 0.5} for a in RUNS for b in RUNS]
            )
        },
        "sentences": ["Accuracy rose.", f"Not decided: {SCRIPT}."],
        "headlines": headlines(ROSE),
        "differences": differences(),
        "papers": papers(),
        "claims": claims(),
        "prior_shift": texts([{"measure": "IoBB", "sentence": f"it rises for {SCRIPT}"}]),
        "figures": [
            PageFigure(
                "performance", RUNS[0], f"Recall {SCRIPT}", picture, "plots/x.png", 8, 8, picture
            )
        ],
        "prototypes": {(RUNS[0], CLASSES[0], "safe"): picture},
        "cams": [
            PageExample(
                QUOTES,
                framed(PICTURE, None, np.array([[1, 1, 3, 3]])),
                {RUNS[0]: framed(PICTURE, np.eye(8), np.array([[1, 1, 3, 3]]))},
            )
        ],
    }
    return DatasetResults(**values | changed)
