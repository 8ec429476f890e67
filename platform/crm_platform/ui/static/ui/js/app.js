// Starts the small behaviours of the page. Each is named in the markup: data-behaviour="name other".
import { behaviours } from "./behaviours/all.js";

const started = new WeakMap();

const start = (root) => {
  const found = root.matches?.("[data-behaviour]") ? [root] : [];
  for (const element of [...found, ...root.querySelectorAll("[data-behaviour]")]) {
    const done = started.get(element) ?? new Set();
    for (const name of element.dataset.behaviour.split(/\s+/)) {
      if (done.has(name) || !behaviours[name]) continue;
      done.add(name);
      behaviours[name](element);
    }
    started.set(element, done);
  }
};

start(document.body);
document.body.addEventListener("htmx:load", (event) => start(event.detail.elt));
import("./page.js");
