// Small helps for forms; without them each form still works.
import { csrf, refuse, toast } from "../parts.js";

export const autosubmit = (control) => control.addEventListener("change", () => control.form.requestSubmit());

export const fill = (button) =>
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.fill);
    field.value = button.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });

// Without a clipboard (no TLS) the value is marked, to be copied by hand.
export const copy = (button) =>
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.value);
      toast.say(button.dataset.said);
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
    }
  });

// A suggestion never overwrites what the person typed.
export const keepIfChanged = (box) => {
  const field = box.querySelector("input");
  field.addEventListener("input", () => (document.body.dataset.addressTyped = "1"));
  if (field.value && box.querySelector("[aria-invalid]")) document.body.dataset.addressTyped = "1";
  if (keepIfChanged.listening) return;
  keepIfChanged.listening = true;
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "address" && document.body.dataset.addressTyped) event.detail.shouldSwap = false;
  });
};

export const mirror = (control) =>
  control.addEventListener("input", () => (document.getElementById(control.dataset.mirror).value = control.value));

// The server makes a replay harmless; this spares the wait.
export const sendOnce = (form) =>
  form.addEventListener("submit", () => {
    const button = form.querySelector("[type=submit]");
    button.setAttribute("aria-busy", "true");
    setTimeout(() => (button.disabled = true));
    setTimeout(() => (button.disabled = false), 8000);
  });

export const timeZone = (field) => (field.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone ?? "");

// Rows of phones and the like: a fresh spare row appears when the last one is used.
export const rows = (box) =>
  box.addEventListener("input", (event) => {
    const last = box.querySelector(".rows__row:last-child");
    if (!last.contains(event.target) || !event.target.value) return;
    const spare = last.cloneNode(true);
    for (const input of spare.querySelectorAll("input")) input.value = "";
    box.append(spare);
  });

// A field that matters only while another one holds certain values stands in sight only then.
export const onlyWith = (control) => {
  const other = control.form.elements[control.dataset.onlyWith];
  const values = new Set(control.dataset.onlyValues.split(" "));
  const show = () => (control.closest(".field").hidden = !values.has(other.value) && !control.hasAttribute("aria-invalid"));
  other.addEventListener("change", show);
  show();
};

// A small form that is refused keeps what was typed: it is sent beside the page, and the refusal is said in a toast.
export const stays = (form) =>
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    try {
      const address = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
      const answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true", "X-CSRFToken": csrf() } });
      if (!answer.ok) {
        refuse(await answer.text());
        return;
      }
      const to = new URL(answer.headers.get("HX-Redirect") ?? location.href, location.href);
      if (to.pathname + to.search === location.pathname + location.search) location.reload();
      else location.assign(to);
    } catch {
      toast.say(document.getElementById("toasts").dataset.offline, { bad: true });
    }
  });
