"""The figures of src/pipeline/statistics.ts once more, from the matrices of the papers, by numpy and scipy."""

import json
import sys

import numpy as np
from scipy import linalg, stats


def paired(pairs):
    """The textbook interval of the mean difference of independent pairs."""
    differences = np.array([pair["tuned"] - pair["baseline"] for pair in pairs])
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    return {"low": low, "high": high}


def clustered(pairs):
    """CR2 and Satterthwaite's degrees of freedom as Bell and McCaffrey (2002) write them, for an intercept alone."""
    differences = np.array([pair["tuned"] - pair["baseline"] for pair in pairs])
    clusters = np.array([pair["cluster"] for pair in pairs])
    count = len(pairs)
    design = np.ones((count, 1))
    bread = np.linalg.inv(design.T @ design)
    maker = np.eye(count) - design @ bread @ design.T
    residuals = maker @ differences
    variance = 0.0
    columns = []
    for name in np.unique(clusters):
        members = clusters == name
        # (I - H_gg)^(-1/2), and what it makes of the residuals of any data.
        adjust = linalg.inv(linalg.sqrtm(maker[np.ix_(members, members)]).real)
        variance += (bread @ design[members].T @ adjust @ residuals[members]).item() ** 2
        columns.append((maker[members].T @ adjust.T @ design[members] @ bread)[:, 0])
    values = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    degrees = values.sum() ** 2 / (values**2).sum()
    margin = stats.t.ppf(0.975, degrees) * np.sqrt(variance)
    mean = differences.mean()
    return {
        "low": mean - margin,
        "high": mean + margin,
        "error": float(np.sqrt(variance)),
        "degrees": float(degrees),
    }


def main():
    asked = json.load(sys.stdin)
    json.dump(
        {
            "quantiles": [float(stats.t.ppf(p, degrees)) for p, degrees in asked["quantiles"]],
            "paired": paired(asked["independent"]),
            "clustered": [clustered(pairs) for pairs in asked["clustered"]],
        },
        sys.stdout,
    )


main()
