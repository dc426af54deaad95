// The table of claims: shown are the rows that have one of the chosen answers, the chosen place and the words.
try { document.documentElement.dataset.theme = localStorage.getItem("theme") || ""; } catch { /* storage is forbidden */ }
const table = document.getElementById("claims");
const rows = [...table.tBodies[0].rows];
const heads = [...table.tHead.rows[0].cells];
const words = document.getElementById("words");
const where = document.getElementById("where");
const shown = document.getElementById("shown");
const chosen = new Set();

function filter() {
  const text = words.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    const { verdict, arithmetic, where: place } = row.dataset;
    const fits = (!chosen.size || chosen.has(verdict) || chosen.has(arithmetic)) && (!where.value || place === where.value);
    row.hidden = !(fits && row.textContent.toLowerCase().includes(text));
    count += !row.hidden;
  }
  shown.textContent = count + " of " + rows.length + " claims shown";
}

function sort(head, column) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = row => row.cells[column].dataset.sort;
  const isNumber = text => text !== "" && !isNaN(text);
  const compare = (a, b) => isNumber(a) && isNumber(b) ? a - b : isNumber(a) - isNumber(b) || a.localeCompare(b, "en");
  rows.sort((one, other) => (up ? 1 : -1) * compare(key(one), key(other)));
  table.tBodies[0].append(...rows);
}

for (const button of document.querySelectorAll("button[data-filter]")) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    if (on) chosen.add(button.dataset.filter);
    else chosen.delete(button.dataset.filter);
    filter();
  });
}
heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sort(head, column)));
words.addEventListener("input", filter);
where.addEventListener("change", filter);
document.querySelector(".controls").hidden = false;
filter();
