export const modalClose = (button) => button.addEventListener("click", () => button.closest("dialog").close());

// A button that opens a dialog of the page by its id.
export const opens = (button) => button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());

// Tabs: the arrow keys walk, the chosen tab's panel shows.
export const tabs = (box) => {
  const all = [...box.querySelectorAll("[role=tab]")];
  const choose = (tab) => {
    for (const one of all) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
    }
  };
  for (const tab of all) tab.addEventListener("click", () => choose(tab));
  box.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    choose(next);
    next.focus();
  });
};
