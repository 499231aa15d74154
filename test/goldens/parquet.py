"""Small Parquet files for the table reader: one per compression, one with pages of version 2, one with a ClassLabel, one
with lists of it.

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

# Lists of such numbers, as datasets 5.2 writes them (List, LargeList), and as those before 4 did (Sequence, a list of one).
tags = {"names": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], "_type": "ClassLabel"}
features = {
    "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
    "ner_tags": {"feature": tags, "_type": "List"},
    "sequence": {"feature": tags, "length": -1, "_type": "Sequence"},
    "large": {"feature": tags, "_type": "LargeList"},
    "one": [tags],
    "numbers": {"feature": {"dtype": "int64", "_type": "Value"}, "_type": "List"},
    "missing": {"feature": tags, "_type": "List"},
    "beyond": {"feature": tags, "_type": "List"},
    "text": {"dtype": "string", "_type": "Value"},
    "topics": {"feature": names, "_type": "List"},
    "topic": names,
}
numbers = [[1, 2, 0], [0, 3]]
labelled = pa.table(
    {
        "tokens": [["Anna", "Lee", "ran"], ["in", "Paris"]],
        **{column: numbers for column in ("ner_tags", "sequence", "large", "one", "numbers")},
        "missing": [[1, 2, 0], [0, -1]],
        "beyond": [[1, 2, 0], [5, 0]],
        "text": ["a", "b"],
        "topics": [[2, 0], []],
        "topic": [2, -1],
    }
)
metadata = {"huggingface": json.dumps({"info": {"features": features}})}
pq.write_table(labelled.replace_schema_metadata(metadata), here / "table-lists.parquet")
