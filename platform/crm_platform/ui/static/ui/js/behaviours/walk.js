// Walking a list beside its one by keyboard: J is the next, K the one before.
export const walk = (box) => {
  const step = (event) => {
    if (!box.isConnected) return document.removeEventListener("keydown", step);
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    const by = { j: 1, k: -1 }[event.key];
    if (!by || document.querySelector("dialog[open], :popover-open")) return;
    const all = [...box.querySelectorAll("a.lead")];
    const at = all.findIndex((one) => one.getAttribute("aria-current") === "true");
    all[Math.min(Math.max(at + by, 0), all.length - 1)]?.click();
  };
  document.addEventListener("keydown", step);
  box.querySelector("a.lead[aria-current=true]")?.scrollIntoView({ block: "nearest" });
};

// A form in a frame on another site tells that site how high it is; nothing else is told.
export const tellsHeight = (box) => {
  if (window.parent === window) return;
  const tell = () => window.parent.postMessage({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) }, "*");
  new ResizeObserver(tell).observe(box);
  tell();
};
