/** Tables in Markdown whose source is aligned too, so that they can be read on a terminal. */

/** Rows under a header. The first column and those in `left` are aligned left, numbers right. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  left: readonly number[] = [],
): string {
  const cells = [header, ...rows].map((row) => header.map((_, i) => escapeCell(row[i] ?? "")));
  const widths = header.map((_, i) => Math.max(3, ...cells.map((row) => row[i]?.length ?? 0)));
  const isLeft = (i: number) => i === 0 || left.includes(i);
  const line = (row: readonly string[]) => {
    const padded = widths.map((width, i) =>
      isLeft(i) ? (row[i] ?? "").padEnd(width) : (row[i] ?? "").padStart(width),
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, i) => (isLeft(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  const [head = [], ...body] = cells;
  return [line(head), `| ${rule.join(" | ")} |`, ...body.map(line)].join("\n");
}

/** A bar would end the cell and a line break the row. */
export function escapeCell(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
}
