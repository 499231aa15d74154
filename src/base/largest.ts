/** The places of the largest numbers of an array, without sorting all of it. */

/**
 * Places of the `count` largest values, the largest first; of equal ones the earlier place first. NaN is never among
 * them. Fewer come back when there are fewer.
 */
export function largest(values: ArrayLike<number>, count: number): number[] {
  const places: number[] = [];
  let least = Number.NEGATIVE_INFINITY; // the smallest kept value, once there are enough
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    const isKept = places.length < count ? !Number.isNaN(value) : value > least;
    if (!isKept) continue;
    let at = places.length;
    while (at > 0 && value > (values[places[at - 1] ?? 0] ?? 0)) at--;
    places.splice(at, 0, i);
    if (places.length > count) places.pop();
    if (places.length === count) least = values[places.at(-1) ?? 0] ?? least;
  }
  return places;
}
