// Shared by several behaviours.
export const toast = {
  say(sentence, { undo = "", bad = false, way = null } = {}) {
    if (!sentence) return;
    const box = document.getElementById("toasts");
    const line = document.createElement("p");
    line.className = "toast";
    const words = document.createElement("span");
    words.textContent = sentence;
    line.append(words);
    if (undo) {
      const button = document.createElement("button");
      button.className = "btn btn--sm push";
      button.type = "button";
      button.textContent = box.dataset.undo;
      button.addEventListener("click", () => {
        line.remove();
        window.htmx.ajax("POST", undo, { source: document.body, swap: "none" });
      });
      line.append(button);
    }
    if (way) line.append(way);
    if (bad) line.setAttribute("role", "alert");
    box.append(line);
    toast.adopt(line);
  },
  adopt(line) {
    let left = setTimeout(() => line.remove(), line.querySelector("button, a") ? 12000 : 6000);
    line.addEventListener("pointerenter", () => clearTimeout(left));
    line.addEventListener("focusin", () => clearTimeout(left));
    line.addEventListener("pointerleave", () => (left = setTimeout(() => line.remove(), 4000)));
  },
};

// A refusal's sentence and its way out (a link, or whom to ask), read from the fragment the server answers with.
export const refuse = (html) => {
  const said = new DOMParser().parseFromString(html ?? "", "text/html").querySelector("[role=alert]");
  const way = said?.querySelector(".push");
  toast.say(said?.querySelector("p")?.textContent || document.getElementById("toasts").dataset.offline, { bad: true, way: way && document.importNode(way, true) });
};

export const openModal = () => {
  const modal = document.getElementById("modal");
  if (!modal.open) modal.showModal();
  (modal.querySelector("[autofocus], input:not([type=hidden]), select, textarea") ?? modal.querySelector("button"))?.focus();
};

export const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
