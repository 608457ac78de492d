// What a style sheet cannot do: say what a folded cell holds, and let the keyboard reach what scrolls.
"use strict";

// "Show code", "Show checks and code", "Show table": in place of "Show code cell content".
function nameFold(fold) {
  const output = fold.querySelector(".cell_output");
  const held = [];
  if (output) {
    const kinds = { table: "table", img: "figure", figure: "figure" }; // no svg: the button that copies has one
    const kind = Object.keys(kinds).find((tag) => output.querySelector(tag));
    held.push(kind ? kinds[kind] : fold.querySelector(".cell_input") ? "checks" : "output");
  }
  if (fold.querySelector(".cell_input")) held.push("code");
  const summary = fold.querySelector("summary");
  summary.removeAttribute("aria-label"); // it would hide the words from those who hear the page
  for (const [part, verb] of [["collapsed", "Show"], ["expanded", "Hide"]]) {
    summary.querySelector(`.${part}`).textContent = `${verb} ${held.join(" and ")}`;
  }
}

// A frame that one can tab to, but only while there is something to scroll.
const watcher = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) {
      target.tabIndex = 0;
      target.setAttribute("role", "region");
      target.setAttribute("aria-label", "Table that scrolls sideways");
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
    }
  }
});

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("details.hide").forEach(nameFold);
  for (const fold of document.querySelectorAll(".bd-sidebar .has-children > details > summary")) {
    const above = fold.closest(".has-children").querySelector("a").textContent.trim();
    fold.setAttribute("aria-label", `Pages of ${above}`); // the theme gives it an arrow and no name
  }
  for (const table of document.querySelectorAll(".cell_output table")) {
    if (table.closest(".pst-scrollable-table-container")) continue;
    const frame = document.createElement("div"); // tables that a notebook wrote as HTML have none
    frame.className = "pst-scrollable-table-container";
    table.replaceWith(frame);
    frame.append(table);
  }
  document.querySelectorAll(".pst-scrollable-table-container").forEach((frame) => watcher.observe(frame));
});
