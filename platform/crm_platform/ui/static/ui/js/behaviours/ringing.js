// A card in the corner while the reader's telephone rings. Asked for here and not by htmx, which would say aloud that a question failed that nobody asked.
import { csrf } from "../parts.js";

export const ringing = (box) => {
  let closed = "", every = 0, timer = 0;
  const shown = () => box.querySelector("[data-call]")?.dataset.call ?? "";
  const put = (html) => box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);

  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(`${box.dataset.address}?shown=${encodeURIComponent(shown() || closed)}`, { redirect: "error", headers: { "HX-Request": "true" } });
      if ([401, 403].includes(answer.status)) return clearInterval(timer);
      askEvery(answer.headers.get("X-Ask-Every"));
      if (answer.status !== 200) return;
      put(await answer.text());
      closed = "";
    } catch {
      // The server is away for a moment: the next time.
    }
  };

  // The first call of a firm is found by a page that asks seldom; from then on it asks as often as the others.
  const askEvery = (seconds) => {
    if (!(seconds > 0) || seconds === every) return;
    clearInterval(timer);
    every = seconds;
    timer = setInterval(ask, seconds * 1000);
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
  askEvery(box.dataset.every);
  ask();
};
