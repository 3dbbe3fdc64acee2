"""What the stage `adversaries` writes."""

from imbalens.analysis.adversaries.adversaries import FDR, PREDICTOR_NAMES, RANDOM
from imbalens.store.tables import Column, Table

STAGE = "adversaries"
ERRORS, NEIGHBOURS = "errors", "neighbours"

ADVERSARIES = Table(
    STAGE,
    "plots/adversaries/{name}.csv",
    (
        Column("class", "text", "reference class"),
        Column("adversary", "text", "another class"),
        Column("share", "number", "share of the adversary, of all others"),
        Column("smoothed", "number", "the same where each class gets a chance; of no errors"),
        Column("kind", "text", "whose distribution", words=(ERRORS, NEIGHBOURS, FDR, RANDOM)),
    ),
)
PREDICTORS = Table(
    STAGE,
    "plots/adversaries/{name}-predictors.csv",
    (
        Column("predictor", "text", "what foretells errors", words=PREDICTOR_NAMES),
        Column("log_loss", "number", "nats, mean over errors"),
        Column("jensen_shannon", "number", "divergence, bits, mean over classes"),
        Column("kld", "number", "Kullback-Leibler divergence, nats, mean over classes"),
        Column("kld_unforeseen", "number", "share of that from errors given a share of 0"),
        Column("rank_correlation", "number", "Spearman's, mean over classes"),
        Column("top1", "number", "hit rate of the first adversary"),
        Column("top3", "number", "hit rate of the first three"),
        Column("classes", "integer", "classes averaged over"),
    ),
)
CLASS_SCORES = Table(
    STAGE,
    "plots/adversaries/{name}-classes.csv",
    (
        Column("class", "text", "reference class"),
        Column("log_loss", "number", "of nearest adversaries, nats, mean over errors"),
        Column("log_loss_fdr", "number", "the same of Fisher's discriminant ratio"),
        Column("log_loss_random", "number", "the same of a random prediction, on average"),
        Column("kld", "number", "divergence of nearest adversaries from errors, nats"),
        Column("kld_fdr", "number", "the same of Fisher's discriminant ratio"),
        Column("rank_correlation", "number", "Spearman's"),
        Column("top1", "number", "hit rate of the first adversary"),
        Column("top3", "number", "hit rate of the first three"),
        Column("instances", "integer", "training instances whose neighbours were counted"),
        Column("errors", "integer", "errors counted"),
    ),
)
TABLES = (ADVERSARIES, PREDICTORS, CLASS_SCORES)
