"""Small Parquet files for the table reader: one per compression, one with pages of version 2, one with a ClassLabel.

Made with pyarrow 25.0.1 (snappy, gzip, brotli, zstd) and 26.0.1 (the others) on Python 3.11.
Usage: python parquet.py   (writes beside itself)
"""
import json
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
for compression in ("snappy", "gzip", "brotli", "zstd", "lz4"):
    pq.write_table(table, here / f"table-{compression}.parquet", compression=compression)
pq.write_table(table.drop(["nested"]), here / "table-v2.parquet", compression="none", data_page_version="2.0")

# As datasets.Dataset.to_parquet writes it: numbers, whose names are in the metadata; -1 is a row without a label.
names = {"names": ["ham", "eggs", "bread"], "_type": "ClassLabel"}
features = {"sentence": {"dtype": "string", "_type": "Value"}, "label": names}
labelled = pa.table({"sentence": ["a", "b", "c", "d"], "label": pa.array([1, 0, 1, -1], pa.int64())})
metadata = {"huggingface": json.dumps({"info": {"features": features}})}
pq.write_table(labelled.replace_schema_metadata(metadata), here / "table-classes.parquet")
