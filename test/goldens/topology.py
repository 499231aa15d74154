"""Singular values and ranks of masked matrices, and of their masks, by LAPACK.

    pip install numpy==2.4.6
    python test/goldens/topology.py > test/goldens/topology.json

Weights are `value(name, n)` of test/support/golden.ts; an entry is kept where `value("mask." + name, n)` is below a border.
"""
import json
import sys

import numpy as np


def value(name, n):
    """n numbers in [-1, 1): a hash of (name, i) in 32-bit integer arithmetic."""
    key = 0x811C9DC5
    for c in name.encode():
        key = ((key ^ c) * 0x01000193) & 0xFFFFFFFF
    out = np.empty(n)
    for i in range(n):
        h = key ^ ((i + 1) * 0x9E3779B1 & 0xFFFFFFFF)
        h = ((h ^ (h >> 15)) * 0x2C1B3CE5) & 0xFFFFFFFF
        h = ((h ^ (h >> 13)) * 0x297A2D39) & 0xFFFFFFFF
        out[i] = (h ^ (h >> 16)) / 2**31 - 1
    return out


def case(name, rows, columns, border):
    weights = value(name, rows * columns).astype(np.float32).astype(float).reshape(rows, columns)
    mask = (value("mask." + name, rows * columns) < border).reshape(rows, columns)
    values = np.linalg.svd(weights * mask, compute_uv=False)
    share = values[values > 1e-12 * values[0]] / values.sum()
    graph = np.linalg.svd(mask.astype(float), compute_uv=False)
    by_row, by_column = mask.sum(1), mask.sum(0)
    by_row, by_column = by_row[by_row > 0], by_column[by_column > 0]
    return {
        "name": name,
        "rows": rows,
        "columns": columns,
        "border": border,
        "kept": int(mask.sum()),
        "values": values.tolist(),
        "stableRank": float((values**2).sum() / values[0] ** 2),
        "effectiveRank": float(np.exp(-(share * np.log(share)).sum())),
        "mask": graph[:2].tolist(),
        "bound": float(np.sqrt(by_row.mean() - 1) + np.sqrt(by_column.mean() - 1)),
        "variations": [float(by_row.std() / by_row.mean()), float(by_column.std() / by_column.mean())],
    }


if __name__ == "__main__":
    json.dump(
        {
            "numpy": np.__version__,
            "cases": [case("wide", 24, 60, 0.0), case("tall", 60, 24, -0.5), case("square", 24, 24, -0.7), case("dense", 24, 24, 1.0)],
        },
        sys.stdout,
        indent=1,
    )
    print()
