/**
 * What a page can do beyond being read: sort a table by a column, copy the command. Everything is there without it.
 *
 * Written as the browser runs it: no build step, no dependency. The page allows this text alone to run, by its digest.
 */

/** The script. */
export const SCRIPT = `
for (const table of document.querySelectorAll("table.data")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, heads, column));
  });
}
function sort(table, heads, column) {
  const body = table.tBodies[0];
  const up = heads[column].ariaSort !== "ascending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].ariaSort = up ? "ascending" : "descending";
  const valueOf = (row) => {
    const cell = row.cells[column];
    const number = cell.dataset.sort;
    return number === undefined ? cell.textContent.trim() : Number(number);
  };
  const order = (a, b) => {
    const none = (x) => x === "" || x === "–";
    if (none(a) || none(b)) return none(a) - none(b);
    const first = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
    return up ? first : -first;
  };
  const rows = [...body.rows].map((row) => [valueOf(row), row]);
  rows.sort(([a], [b]) => order(a, b));
  body.append(...rows.map(([, row]) => row));
}
for (const command of document.querySelectorAll("pre.command")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command.textContent);
    button.textContent = "Copied";
  });
  command.after(button);
}
`;
