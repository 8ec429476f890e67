// Choosing rows of a list: the bar shows how many, the head box chooses all of the page, Shift chooses a range.
export const bulk = (box) => {
  const rows = () => [...box.querySelectorAll("input[name=chosen]")];
  const all = box.querySelector("[data-bulk-all]");
  const bar = box.querySelector("[data-bulk-bar]");
  if (!bar) return; // an empty list has nothing to choose
  let last = null;
  const show = () => {
    const chosen = rows().filter((row) => row.checked).length;
    bar.hidden = chosen === 0;
    for (const count of bar.querySelectorAll("[data-bulk-count]")) count.textContent = String(chosen);
    if (all) {
      all.checked = chosen > 0 && chosen === rows().length;
      all.indeterminate = chosen > 0 && chosen < rows().length;
    }
    if (chosen < rows().length) box.querySelector("[name=everything]")?.removeAttribute("value");
  };
  box.addEventListener("click", (event) => {
    if (event.target.name !== "chosen") return;
    const list = rows();
    if (event.shiftKey && last) {
      const [from, to] = [list.indexOf(last), list.indexOf(event.target)].sort((a, b) => a - b);
      for (const row of list.slice(from, to + 1)) row.checked = event.target.checked;
    }
    last = event.target;
    show();
  });
  all?.addEventListener("change", () => {
    for (const row of rows()) row.checked = all.checked;
    show();
  });
  bar.querySelector("[data-bulk-everything]")?.addEventListener("click", (event) => {
    box.querySelector("[name=everything]").value = "1";
    for (const count of bar.querySelectorAll("[data-bulk-count]")) count.textContent = event.target.dataset.bulkEverything;
  });
  show();
};
