"""Ridge regression judged on rows that were left out, each fold by a fit of its own, by NumPy.

    pip install numpy==2.4.6
    python test/goldens/study.py > test/goldens/study.json

Columns and targets are `value(name, n)` of test/support/golden.ts. Columns are standardised over all rows, the constant has no
penalty; src/study/regression.ts has a closed form for what is done here fold by fold.
"""
import json
import sys

import numpy as np

from topology import value


def case(name, rows, columns, penalty, size):
    x = value(name + ".x", rows * columns).reshape(rows, columns)
    y = value(name + ".y", rows) + x[:, 0] - 0.5 * x[:, 1] ** 2
    z = (x - x.mean(0)) / x.std(0)
    w = np.column_stack([np.ones(rows), z])
    ridge = penalty * np.eye(columns + 1)
    ridge[0, 0] = 0
    residuals, blind = np.zeros(rows), np.zeros(rows)
    for start in range(0, rows, size):
        out = np.arange(start, min(rows, start + size))
        rest = np.setdiff1d(np.arange(rows), out)
        beta = np.linalg.solve(w[rest].T @ w[rest] + ridge, w[rest].T @ y[rest])
        residuals[out] = y[out] - w[out] @ beta
        blind[out] = y[out] - y[rest].mean()
    return {
        "name": name,
        "rows": rows,
        "columns": columns,
        "penalty": penalty,
        "size": size,
        "r2": float(1 - (residuals**2).sum() / (blind**2).sum()),
        "residuals": residuals.tolist(),
    }


if __name__ == "__main__":
    cases = [case("alone", 20, 3, 1.0, 1), case("thirds", 24, 5, 0.1, 3), case("heavy", 15, 4, 100.0, 4)]
    json.dump({"numpy": np.__version__, "cases": cases}, sys.stdout, indent=1)
    print()
