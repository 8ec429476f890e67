// The page of the API: each operation can be tried with the token that stands in the field above; nothing is kept.
export const tryIt = (main) => {
  const token = main.querySelector("#api-token");
  main.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target, told = form.querySelector("pre"), body = form.elements.body?.value.trim();
    told.hidden = false;
    told.textContent = "…";
    try {
      const headers = { Authorization: `Bearer ${token.value.trim()}`, ...(body ? { "Content-Type": "application/json" } : {}) };
      const address = new URL(form.elements.path.value, location.origin);
      if (address.origin !== location.origin) throw new Error(address.origin);
      const answer = await fetch(address, { method: form.dataset.method, headers, body: body || undefined, credentials: "omit" });
      const text = await answer.text();
      let shown = text;
      try {
        shown = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        // what is no JSON is shown as it came
      }
      told.textContent = `${answer.status} ${answer.statusText}\n\n${shown}`;
    } catch (error) {
      told.textContent = String(error);
    }
  });
};
