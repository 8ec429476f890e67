// A card in the corner while the reader's telephone rings. Asked for here and not by htmx, which would say aloud that a question failed that nobody asked.
import { csrf } from "../parts.js";

const EVERY = 5000;

export const ringing = (box) => {
  let closed = "";
  const shown = () => box.querySelector("[data-call]")?.dataset.call ?? "";
  const put = (html) => box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);

  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(`${box.dataset.address}?shown=${encodeURIComponent(shown() || closed)}`, { redirect: "error", headers: { "HX-Request": "true" } });
      if ([401, 403].includes(answer.status)) clearInterval(timer);
      if (answer.status !== 200) return;
      put(await answer.text());
      closed = "";
    } catch {
      // The server is away for a moment: the next time.
    }
  };

  const close = () => {
    closed = shown();
    const body = new URLSearchParams({ call: closed });
    put("");
    fetch(`${box.dataset.address}/close`, { method: "POST", body, headers: { "HX-Request": "true", "X-CSRFToken": csrf() } }).catch(() => {});
  };

  box.addEventListener("click", (event) => event.target.closest("[data-close]") && close());
  // A menu or a dialog that is open closes first.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && shown() && !document.querySelector("dialog[open], :popover-open")) close();
  });
  document.addEventListener("visibilitychange", ask);
  const timer = setInterval(ask, EVERY);
  ask();
};
