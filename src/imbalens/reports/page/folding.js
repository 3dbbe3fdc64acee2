"use strict";
(() => {
  // What is folded lies in <template>: no part of the document, until it is built here. Whoever
  // draws or fills something in it listens to `built`.
  const templateOf = (part) => part.querySelector(":scope > template");
  const build = (part) => {
    const template = templateOf(part);
    if (!template) return;
    template.replaceWith(template.content);
    part.dispatchEvent(new CustomEvent("built", { bubbles: true }));
  };
  const buildAll = () => {
    for (let left = []; ; left.forEach(build)) {
      left = [...document.querySelectorAll("details")].filter(templateOf);
      if (left.length === 0) return;
    }
  };
  document.addEventListener("toggle", ({ target }) => target.open && build(target), true);

  // --- a link opens what it leads to, and all around it ----------------------------------------
  const find = (id, root = document) => {
    const found = root.getElementById(id);
    if (found) return found;
    for (const template of root.querySelectorAll("template")) {
      if (find(id, template.content)) {
        build(template.parentElement);
        return find(id, root);
      }
    }
    return null;
  };
  const show = () => {
    const target = find(decodeURIComponent(location.hash.slice(1)));
    if (!target?.matches("details")) return;
    for (let part = target; part; part = part.parentElement.closest("details")) {
      build(part);
      part.open = true;
    }
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", show);
  addEventListener("load", show); // before, the browser would take the focus away again

  // --- all at once: by the button, to print, to search -----------------------------------------
  const button = document.getElementById("unfold");
  const unfold = (open) => {
    if (open) buildAll();
    for (const part of document.querySelectorAll("details")) part.open = open;
    button.textContent = open ? "Fold all parts" : "Open all parts";
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => unfold(button.getAttribute("aria-expanded") === "false"));
  addEventListener("beforeprint", () => unfold(true)); // charts are drawn after it
  addEventListener("keydown", (event) => { // the browser opens by itself what it finds
    if (event.key === "F3" || ((event.ctrlKey || event.metaKey) && event.key === "f")) buildAll();
  });
})();
