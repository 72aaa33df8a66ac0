"use strict";

const sortBy = (header) => {
  const table = header.closest("table");
  const place = [...header.parentNode.children].indexOf(header);
  const now = header.getAttribute("aria-sort");
  const next = now === "ascending" ? "descending" : now === "descending" ? "ascending" : header.dataset.first;
  const sign = next === "ascending" ? 1 : -1;
  const numeric = "numeric" in header.dataset;
  const key = (row) => row.children[place].dataset.sort;
  const compare = (a, b) => {
    if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
    return sign * (numeric ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b)));
  };
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", next);
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
};

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sortBy(button.parentNode));
}

const theme = document.getElementById("theme");
const root = document.documentElement;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
const nameTheme = () => { theme.textContent = isDark() ? "Light colours" : "Dark colours"; };
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  nameTheme();
});
prefersDark.addEventListener("change", nameTheme);
nameTheme();
theme.hidden = false;

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open], .numbers, .method)")];
  for (const part of opened) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
});
