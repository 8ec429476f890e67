// What every page has once: toasts, dialogs that come from the server, keys, refusals.
import { refuse, toast, openModal } from "./parts.js";

for (const element of document.querySelectorAll("[data-toast]")) toast.adopt(element);
document.body.addEventListener("toast", (event) => toast.say(event.detail.sentence, { undo: event.detail.undo }));

// A dialog's content arrives in #modal; it opens by itself and closes when the server says so.
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "modal" && event.detail.target.children.length) openModal();
});
document.body.addEventListener("close-modal", () => document.getElementById("modal")?.close());

// htmx swaps only what the server marked: a refusal lands where the form says, or in a toast.
document.body.addEventListener("htmx:responseError", (event) => {
  const text = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html").querySelector("[role=alert] p")?.textContent;
  if (event.detail.xhr.status >= 500) toast.say(text ?? document.body.dataset.tripped ?? "", { bad: true });
});
// What a toast takes back has no place of its own to be refused in; the page may show what is no longer so.
document.body.addEventListener("htmx:afterRequest", (event) => {
  const { xhr, target } = event.detail;
  if (target !== document.body || xhr.status < 400 || xhr.status >= 500) return;
  refuse(xhr.responseText);
  document.body.dispatchEvent(new CustomEvent("board-changed"));
});
document.body.addEventListener("htmx:sendError", () => toast.say(document.getElementById("toasts").dataset.offline, { bad: true }));

const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "/") {
    event.preventDefault();
    document.querySelector("[data-behaviour~='palette-open']")?.click();
  }
  const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (link && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    link.click();
  }
});
// On a phone the settings are one line: the place one is at stands in sight.
document.querySelector(".side-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
// The first field with an error takes the focus after sending.
document.querySelector("[aria-invalid='true']")?.focus();
