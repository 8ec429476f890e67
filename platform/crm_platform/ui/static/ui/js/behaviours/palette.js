// Find anything: a dialog with a list that the arrow keys walk.
export const paletteOpen = (button) =>
  button.addEventListener("click", () => {
    const dialog = document.getElementById("palette");
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("input").select();
  });

export const palette = (dialog) => {
  const input = dialog.querySelector("input");
  const options = () => [...dialog.querySelectorAll("[role=option]")];
  const choose = (position) => {
    const all = options();
    if (!all.length) return;
    const at = (position + all.length) % all.length;
    all.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    input.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  };
  const now = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(now() + 1);
    else if (event.key === "ArrowUp") choose(now() - 1);
    else if (event.key === "Enter") (options()[Math.max(0, now())]?.querySelector("a") ?? options()[Math.max(0, now())])?.click();
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("htmx:afterSwap", () => choose(0));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
};
