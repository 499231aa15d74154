import { expect, test } from "vitest";
import { bucketOf } from "./distances.ts";

/** Where buckets begin, from transformers' MPNetEncoder.relative_position_bucket over -520 to 520: `distance:bucket`. */
const STARTS = `-520:15 -90:14 -63:13 -45:12 -31:11 -22:10 -15:9 -11:8 -7:7 -6:6 -5:5 -4:4 -3:3 -2:2 -1:1 0:0
  1:17 2:18 3:19 4:20 5:21 6:22 7:23 8:24 12:25 16:26 23:27 32:28 46:29 64:30 91:31`;

test("distances of 520 tokens on each side fall into the buckets that transformers gives them", () => {
  const buckets = Array.from({ length: 1041 }, (_, i) => bucketOf(i - 520, 32, 128));
  const starts = buckets.flatMap((bucket, i) => (bucket === buckets[i - 1] ? [] : [`${i - 520}:${bucket}`]));
  expect(starts).toEqual(STARTS.split(/\s+/));
});
