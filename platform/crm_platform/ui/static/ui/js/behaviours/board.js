// The board: cards are dragged by SortableJS, or moved with the keyboard (M) and the menu; the server decides and answers.
import Sortable from "sortablejs";
import { csrf, refuse, toast } from "../parts.js";

const send = async (card, { stage, before, after }) => {
  const body = new URLSearchParams({ stage, before: before ?? "", after: after ?? "", version: card.dataset.version });
  const answer = await fetch(card.dataset.move, { method: "POST", body, headers: { "X-CSRFToken": csrf(), "HX-Request": "true", "HX-Target": "board" } });
  return answer;
};

// A card let go beside the columns and the zones goes back: only where the pointer is counts, not what it crossed.
const letGoInside = (place, event) => {
  const at = event?.changedTouches?.[0] ?? event;
  if (at?.clientX === undefined) return true;
  const box = (place.closest(".stage") ?? place).getBoundingClientRect();
  return at.clientX >= box.left - 8 && at.clientX <= box.right + 8 && at.clientY >= box.top - 8 && at.clientY <= box.bottom + 8;
};

export const board = (element) => {
  // The columns, and below them the zones of what is won and lost.
  const columns = [...element.closest("#board-box").querySelectorAll("[data-stage]")];
  const refresh = () => document.body.dispatchEvent(new CustomEvent("board-changed"));
  // A board drawn anew under a card in the hand would drop it: what arrives meanwhile is left, and asked for after the drag.
  const box = element.closest("#board-box");
  let held = false;
  let missed = false;
  box.addEventListener("htmx:beforeSwap", (event) => {
    if (!held || event.detail.target !== box) return;
    event.detail.shouldSwap = false;
    missed = true;
  });
  for (const column of columns) {
    new Sortable(column, {
      group: "deals",
      draggable: ".deal",
      // What is not one's own to move stays where it is; its link is a link all the same.
      filter: ".deal:not([data-move])",
      preventOnFilter: false,
      animation: 120,
      delay: 180,
      delayOnTouchOnly: true,
      ghostClass: "deal--ghost",
      dragClass: "deal--drag",
      onStart: () => {
        held = true;
      },
      onEnd: async ({ item, from, to, oldIndex, newIndex, originalEvent }) => {
        held = false;
        if (missed) window.setTimeout(refresh, 1000);
        missed = false;
        if (from === to && oldIndex === newIndex) return;
        if (!letGoInside(to, originalEvent)) {
          from.insertBefore(item, from.children[oldIndex] ?? null);
          return;
        }
        const next = item.nextElementSibling?.dataset.pk;
        const kind = to.dataset.kind;
        if (kind === "lost" && from !== to) {
          from.insertBefore(item, from.children[oldIndex] ?? null);
          window.htmx.ajax("GET", item.dataset.lose, { target: "#modal", swap: "innerHTML" });
          return;
        }
        try {
          const answer = await send(item, { stage: to.dataset.stage, before: next, after: item.previousElementSibling?.dataset.pk });
          if (!answer.ok) throw answer;
          const triggers = JSON.parse(answer.headers.get("HX-Trigger") ?? "{}");
          if (triggers.toast) toast.say(triggers.toast.sentence, { undo: triggers.toast.undo });
        } catch (problem) {
          from.insertBefore(item, from.children[oldIndex] ?? null);
          refuse(problem.text ? await problem.text() : "");
        }
        refresh();
      },
    });
  }
  element.addEventListener("keydown", (event) => {
    const card = event.target.closest(".deal");
    if (!card || event.target.closest("input, textarea, select")) return;
    if (event.key.toLowerCase() === "m" && card.dataset.moveMenu) {
      event.preventDefault();
      window.htmx.ajax("GET", card.dataset.moveMenu, { target: "#modal", swap: "innerHTML" });
    }
  });
};
