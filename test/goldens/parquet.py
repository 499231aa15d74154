"""Small Parquet files for the table reader: one per compression, and one with a nested column.

Made with pyarrow 25.0.1 on Python 3.11. Usage: python parquet.py   (writes beside itself)
"""
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
table = pa.table(
    {
        "idx": pa.array([0, 1, 2], pa.int32()),
        "sentence": ["a tree", "café \"quoted\"\nand a second line", "中文 😀"],
        "label": pa.array([1, 0, 1], pa.int64()),
        "score": pa.array([0.5, 2.0, None], pa.float64()),
        "nested": [[1], [2, 3], []],
    }
)
for compression in ("snappy", "gzip", "brotli", "zstd"):
    pq.write_table(table, here / f"table-{compression}.parquet", compression=compression)
