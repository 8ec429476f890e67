// The factories and the raw requests of amocrm-js 3.6.0, over TLS: its bodies come in chunks, without a length.
const assert = require("node:assert/strict");
const https = require("node:https");
https.globalAgent.defaultPort = Number(process.env.TLS_PORT); // it knows port 443 alone
const { Client } = require("amocrm-js");

const client = new Client({ domain: "127.0.0.1", auth: { client_id: "none", client_secret: "none", redirect_uri: "https://example.com", bearer: process.env.TOKEN } });
const calls = [];
const does = (...names) => calls.push(...names);
const hour = Math.floor(Date.now() / 1000) + 3600;

async function factory(name, first, changed) {
  const entities = client[name];
  const [one, two] = await entities.create([first, { name: `${name} too` }]);
  assert.ok(one.id && two.id);
  const read = await entities.getById(one.id, { with: ["contacts"] });
  assert.equal(read.name, first.name);
  Object.assign(read, changed);
  await read.save();
  const again = await entities.getById(one.id);
  for (const [key, value] of Object.entries(changed)) assert.equal(again[key], value);
  const [updated] = await entities.update([{ id: two.id, name: `${name} thrice` }]);
  assert.equal(updated.id, two.id);
  assert.equal((await two.fetch()).name, `${name} thrice`);
  const page = await entities.get({ limit: 1, page: 1 });
  const seen = [...page.getData()].map((each) => each.id);
  assert.equal(seen.length, 1);
  assert.ok(page.hasNext());
  await page.next();
  assert.notEqual(page.getData()[0].id, seen[0]);
  assert.equal(page.getPage(), 2);
  await page.prev();
  assert.equal(page.getData()[0].id, seen[0]);
  assert.equal((await entities.getById(999999999)).id, undefined); // it makes an empty one of "no content"
  does(...["create", "getById", "save", "update", "fetch", "get", "next", "prev", "a missing one"].map((verb) => `${name}.${verb}`));
  return again;
}

async function active() {
  const lead = new client.Lead({ name: "js", price: 7 });
  await lead.save();
  assert.ok(lead.id);
  lead.embeddedTags.add([{ name: "js" }]);
  await lead.save();
  const read = await client.leads.getById(lead.id);
  assert.deepEqual(read.embeddedTags.get().map((each) => each.name), ["js"]);
  const [task] = await lead.tasks.create([{ text: "js", complete_till: hour }]);
  const found = await lead.tasks.get();
  assert.ok(found.getData().some((each) => each.id === task.id));
  const own = await client.tasks.getById(task.id);
  assert.equal(own.entity_id, lead.id);
  own.text = "js too";
  await own.save();
  assert.equal((await client.tasks.getById(task.id)).text, "js too");
  assert.ok((await client.tasks.get({ limit: 10 })).getData().length);
  assert.ok((await client.leads.tags.get({ limit: 50 })).getData().some((each) => each.name === "js"));
  does("leads.tags", "new Lead", "embeddedTags", "lead.tasks.create", "lead.tasks.get", "tasks.getById", "tasks.save", "tasks.get");
}

async function requests() {
  const account = await client.request.get("/api/v4/account", { with: "version" });
  assert.equal(account.response.statusCode, 200);
  const made = await client.request.post("/api/v4/contacts", [{ name: "Raw", request_id: 143 }]);
  assert.equal(made.data._embedded.contacts[0].request_id, "143");
  const changed = await client.request.patch("/api/v4/contacts", [{ id: made.data._embedded.contacts[0].id, name: "Rawer" }]);
  assert.equal(changed.data._embedded.contacts[0].name, "Rawer");
  assert.ok((await client.request.make("GET", "/api/v4/leads/pipelines")).data._embedded.pipelines.length);
  await assert.rejects(client.request.post("/api/v4/leads", [{ status_id: 5 }]), (error) => error.data["validation-errors"][0].errors[0].code === "NotSupportedChoice");
  does("request.get", "request.post", "request.patch", "request.make", "a refusal");
}

(async () => {
  await factory("leads", { name: "leads one", price: 5 }, { price: 6 });
  await factory("contacts", { name: "contacts one" }, { name: "contacts renamed" });
  await factory("companies", { name: "companies one" }, { name: "companies renamed" });
  await active();
  await requests();
  console.log(JSON.stringify({ calls }));
})();
