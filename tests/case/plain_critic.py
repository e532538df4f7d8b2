"""MMD-critic in plain double precision, with all rows against all: what the method must agree with."""

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel


def gamma_of(features, gamma=1.0):
    """γ over the median squared distance of all pairs (of at most 1,000 rows)."""
    squared = euclidean_distances(features, squared=True)[np.triu_indices(len(features), 1)]
    return gamma / np.sort(squared)[len(squared) // 2]


def kernel_of(features, gamma, labels=None):
    """The kernel of all rows; 0 between labels where these are given."""
    K = rbf_kernel(features, gamma=gamma)
    return K if labels is None else K * (labels[:, None] == labels)


def mmd2(K, chosen):
    """MMD² between all rows and the chosen ones, from its definition."""
    return K.mean() - 2 * K[:, chosen].mean() + K[np.ix_(chosen, chosen)].mean()


def prototypes(K, count):
    """The greedy choice, each time with MMD² from scratch for every row."""
    chosen = []
    for _ in range(count):
        rest = [row for row in range(len(K)) if row not in chosen]
        chosen.append(min(rest, key=lambda row: (round(mmd2(K, [*chosen, row]), 12), row)))
    return chosen


def criticisms(K, chosen, count, spread):
    """The greedy choice, each time with the log-determinant from scratch."""
    witness = K.mean(0) - K[:, chosen].mean(1)
    size, found = np.abs(witness) / np.abs(witness).max(), []

    def worth(rows):
        return size[rows].sum() + spread * np.linalg.slogdet(K[np.ix_(rows, rows)])[1]

    for _ in range(count):
        rest = [row for row in range(len(K)) if row not in [*chosen, *found]]
        found.append(max(rest, key=lambda row: round(worth([*found, row]), 10)))
    return found, witness[found]
