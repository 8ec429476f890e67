// What @shevernitskiy/amo 0.1.12 offers for what is kept and told back: catalogs, customers, webhooks, sources, templates, files and the like, over TLS.
const assert = require("node:assert/strict");
const { Amo } = require("@shevernitskiy/amo");

const token = { token_type: "Bearer", expires_in: 86400, access_token: process.env.TOKEN, refresh_token: "none", expires_at: Date.now() + 86400000 };
const amo = new Amo(`127.0.0.1:${process.env.TLS_PORT}`, { client_id: "none", client_secret: "none", redirect_uri: "https://example.com", ...token }, { request_delay: 0 });
const calls = [];
const now = Date.now();
const seconds = Math.floor(now / 1000);
const only = (told, key) => (assert.ok(told?._embedded?.[key], `${key}: ${JSON.stringify(told)}`), assert.equal(told._embedded[key].length, 1), told._embedded[key][0]);
const has = (told, key, id) => assert.ok(told._embedded[key].some((each) => each.id === id));
const does = (...names) => calls.push(...names);

async function catalogs() {
  const catalog = only(await amo.catalog.addCatalogs([{ name: `amo ${now}`, type: "regular", sort: 30, can_add_elements: true }]), "catalogs");
  assert.equal(only(await amo.catalog.updateCatalogs([{ id: catalog.id, name: "amo again" }]), "catalogs").name, "amo again");
  assert.equal((await amo.catalog.updateCatalogById(catalog.id, { name: "amo thrice" })).name, "amo thrice");
  assert.equal((await amo.catalog.getCatalogById(catalog.id)).name, "amo thrice");
  has(await amo.catalog.getCatalogs({ limit: 250 }), "catalogs", catalog.id);
  // Its own addCatalogElements asks at the address of the catalog: the raw request stands in.
  const url = `/api/v4/catalogs/${catalog.id}/elements`;
  const [one, two] = (await amo.raw.post({ url, payload: [{ name: "Oak" }, { name: "Ash" }] }))._embedded.elements;
  assert.equal(only(await amo.catalog.updateCatalogElements(catalog.id, [{ id: two.id, name: "Elm" }]), "elements").name, "Elm");
  assert.equal((await amo.catalog.updateCatalogElementById(one.id, catalog.id, { name: "Beech" })).name, "Beech");
  assert.equal((await amo.catalog.getCatalogElementById(one.id, catalog.id)).name, "Beech");
  const listed = (await amo.catalog.getCatalogElementsByCatalogId(catalog.id, { limit: 10 }))._embedded.elements;
  assert.deepEqual(listed.map((each) => each.name), ["Beech", "Elm"]);
  assert.ok("is_enabled" in (await amo.product.getStatusProducts()));
  assert.ok("is_enabled" in (await amo.product.enableProducts(true)));
  does("addCatalogs", "updateCatalogs", "updateCatalogById", "getCatalogById", "getCatalogs", "raw.post of elements", "updateCatalogElements", "updateCatalogElementById");
  does("getCatalogElementById", "getCatalogElementsByCatalogId", "getStatusProducts", "enableProducts");
}

async function customers() {
  assert.equal((await amo.customer.updateCustomersMode({ mode: "segments", is_enabled: true })).mode, "segments");
  const segment = await amo.segment.addSegment({ name: `amo ${now}`, color: "4c8bf7" });
  const sid = segment.id ?? only(segment, "segments").id;
  assert.equal((await amo.segment.updateSegmentById(sid, { name: "amo segment", color: "4c8bf7" })).name, "amo segment");
  assert.equal((await amo.segment.getSegmenteById(sid)).name, "amo segment");
  has(await amo.segment.getSegments(), "segments", sid);
  const status = only(await amo.status.addStatuses([{ name: "Regulars", color: "#fffeb2", sort: 40 }]), "statuses");
  assert.equal((await amo.status.updateStatusById(status.id, { name: "Friends", color: "#fffeb2" })).name, "Friends");
  assert.equal((await amo.status.getStatuseById(status.id)).name, "Friends");
  has(await amo.status.getStatuses(), "statuses", status.id);
  const [one, two] = (await amo.customer.addCustomers([{ name: "amo 1", next_date: seconds + 86400, next_price: 90 }, { name: "amo 2", next_date: seconds + 86400 }]))._embedded.customers;
  assert.equal(only(await amo.customer.updateCustomers([{ id: two.id, name: "amo 3", _embedded: { segments: [{ id: sid }] } }]), "customers").id, two.id);
  assert.equal((await amo.customer.updateCustomerById(one.id, { name: "amo 4", status_id: status.id })).id, one.id);
  assert.equal((await amo.customer.getCustomerById(one.id)).name, "amo 4");
  has(await amo.customer.getCustomers({ limit: 250, with: ["contacts"] }), "customers", two.id);
  const bought = only(await amo.customer.addTransactionsToCustomer(one.id, [{ price: 123, comment: "shelf", completed_at: seconds }]), "transactions");
  has(await amo.customer.getTransactionsByCustomerId(one.id), "transactions", bought.id);
  has(await amo.customer.getTransactions({ limit: 250 }), "transactions", bought.id);
  assert.equal((await amo.customer.updateBonusPointsByCustomerId(one.id, { earn: 20 })).bonus_points, 20);
  await amo.customer.deleteTransactionsById(bought.id);
  assert.ok((await amo.customer.getCustomerSubscriptionById(one.id))._embedded.subscriptions.length);
  await amo.status.deleteStatusById(status.id);
  await amo.segment.deleteSegmentById(sid);
  does("updateCustomersMode", "addSegment", "updateSegmentById", "getSegmenteById", "getSegments", "addStatuses", "updateStatusById", "getStatuseById", "getStatuses");
  does("addCustomers", "updateCustomers", "updateCustomerById", "getCustomerById", "getCustomers", "addTransactionsToCustomer", "getTransactionsByCustomerId", "getTransactions");
  does("updateBonusPointsByCustomerId", "deleteTransactionsById", "getCustomerSubscriptionById", "deleteStatusById", "deleteSegmentById");
}

async function around() {
  const destination = `https://example.com/amo-${now}`;
  const hook = await amo.webhook.addWebhook({ destination, settings: ["add_lead", "status_lead"] });
  assert.deepEqual([hook.destination, hook.settings], [destination, ["add_lead", "status_lead"]]);
  has(await amo.webhook.getWebhooks({ filter: (f) => f.single("destination", destination) }), "webhooks", hook.id);
  await amo.webhook.deleteWebhook({ destination });
  const source = only(await amo.source.addSources([{ name: "amo", external_id: `amo-${now}`, services: [] }]), "sources");
  assert.equal(only(await amo.source.updateSources([{ id: source.id, name: "amo 2" }]), "sources").name, "amo 2");
  assert.equal((await amo.source.updateSourceById(source.id, { name: "amo 3" })).name, "amo 3");
  assert.equal((await amo.source.getSourceById(source.id)).name, "amo 3");
  has(await amo.source.getSources({ filter: (f) => f.single("external_id", `amo-${now}`) }), "sources", source.id);
  await amo.source.deleteSourceById(source.id);
  const other = only(await amo.source.addSources([{ name: "amo", external_id: `amo-${now}-2` }]), "sources");
  await amo.source.deleteSources([{ id: other.id }]);
  const template = only(await amo.chat_template.addChatTemplates([{ name: `amo ${now}`, content: "Hello" }]), "chat_templates");
  assert.equal(only(await amo.chat_template.updateChatTemplates([{ id: template.id, content: "Hi" }]), "chat_templates").id, template.id);
  assert.equal((await amo.chat_template.updateChatTemplateById(template.id, { content: "Hey" })).content, "Hey");
  assert.equal((await amo.chat_template.getChatTemplateById(template.id)).content, "Hey");
  has(await amo.chat_template.getChatTemplates({ limit: 50 }), "chat_templates", template.id);
  await amo.chat_template.deleteChatTemplateById(template.id);
  const more = only(await amo.chat_template.addChatTemplates([{ name: `amo ${now} 2`, content: "Hello" }]), "chat_templates");
  await amo.chat_template.deleteChatTemplates([{ id: more.id }]);
  const widget = await amo.widget.addWidgetByCode(`amo_${now}`, { settings: { login: "a" } });
  assert.equal(widget.code, `amo_${now}`);
  assert.equal((await amo.widget.getWidgetByCode(`amo_${now}`)).id, widget.id);
  has(await amo.widget.getWidgets({ limit: 250 }), "widgets", widget.id);
  await amo.widget.deleteWidgetByCode(`amo_${now}`);
  does("addWebhook", "getWebhooks", "deleteWebhook", "addSources", "updateSources", "updateSourceById", "getSourceById", "getSources", "deleteSourceById", "deleteSources");
  does("addChatTemplates", "updateChatTemplates", "updateChatTemplateById", "getChatTemplateById", "getChatTemplates", "deleteChatTemplateById", "deleteChatTemplates");
  does("addWidgetByCode", "getWidgetByCode", "getWidgets", "deleteWidgetByCode");
}

async function people() {
  const phone = `+3120${String(now).slice(-7)}`;
  const contact = only(await amo.contact.addContacts([{ name: `amo ${now}`, custom_fields_values: [{ field_code: "PHONE", values: [{ value: phone }] }] }]), "contacts");
  const lead = only(await amo.lead.addLeads([{ name: `amo ${now}` }]), "leads");
  const call = only(await amo.call.addCalls([{ direction: "inbound", uniq: String(now), duration: 61, source: "tel", phone: phone, call_status: 4, link: "https://example.com/a.mp3" }]), "calls");
  assert.deepEqual([call.entity_id, call.entity_type], [contact.id, "contact"]);
  const chat = "8f6f1a0e-2b53-4f0c-9d70-0f6c1d9d0a01";
  assert.equal(only(await amo.contact.linkContactToChat([{ contact_id: contact.id, chat_id: chat }]), "chats").chat_id, chat);
  assert.equal(only(await amo.contact.getContactToChat({ contact_id: [contact.id] }), "chats").chat_id, chat);
  const tags = { tags_to_add: [{ name: "amo one" }, { name: "amo two" }] };
  assert.equal(only(await amo.tag.addTagsToEntities("leads", [{ id: lead.id, ...tags }]), "leads").id, lead.id);
  assert.equal((await amo.tag.addTagsToEntitiesById(lead.id, "leads", { tags_to_add: [{ name: "amo three" }] })).id, lead.id);
  await amo.tag.deleteTagsFromEntities("leads", [{ id: lead.id, tags_to_delete: [{ name: "amo one" }] }]);
  await amo.tag.deleteTagsToEntitiesById(lead.id, "leads", { tags_to_delete: [{ name: "amo two" }] });
  assert.deepEqual((await amo.lead.getLeadById(lead.id))._embedded.tags.map((each) => each.name), ["amo three"]);
  assert.ok((await amo.lead.getLeadSubscriptionById(lead.id))._embedded.subscriptions.length);
  const link = only(await amo.short_link.createShortLinks([{ url: "https://example.com/long", metadata: { entity_id: contact.id, entity_type: "contacts" } }]), "short_links");
  assert.match(link.url, /^https?:/);
  await amo.salesbot.runTask([{ bot_id: 1, entity_id: lead.id, entity_type: "2" }]);
  const invited = only(await amo.user.addUsers([{ name: "Amo", email: `amo-${now}@dekker.example`, rights: { leads: { view: "A", edit: "A", add: "A", delete: "D", export: "D" } } }]), "users");
  assert.equal((await amo.user.getUserById(invited.id)).name, "Amo");
  await assert.rejects(amo.talk.getTalkById(999999));
  await assert.rejects(amo.talk.closeTalkById(999999, { force_close: true }));
  does("addCalls", "linkContactToChat", "getContactToChat", "addTagsToEntities", "addTagsToEntitiesById", "deleteTagsFromEntities", "deleteTagsToEntitiesById");
  does("getLeadSubscriptionById", "createShortLinks", "runTask", "addUsers", "getTalkById of none", "closeTalkById of none");
  return lead;
}

async function files(lead) {
  const drive = (await amo.account.getAccount({ with: ["drive_url"] })).drive_url;
  const api = amo.file(drive);
  const session = await api.createSession({ file_name: "amo.txt", file_size: 5, content_type: "text/plain" });
  // Its own uploadFileChunk sends no bytes: fetch stands in.
  const sent = await fetch(session.upload_url, { method: "POST", body: "hello", headers: { authorization: `Bearer ${process.env.TOKEN}` } });
  const uuid = (await sent.json()).uuid;
  assert.ok((await api.getFiles({ limit: 50 }))._embedded.files.some((each) => each.uuid === uuid));
  assert.equal((await api.getFileByUUID(uuid)).name, "amo");
  assert.equal((await api.updateFileByUUID(uuid, { name: "renamed" })).name, "renamed");
  assert.equal((await api.getFileVersionByUUID(uuid))._embedded.versions.length, 1);
  await api.linkEntityFiles(lead.id, "leads", [{ file_uuid: uuid }]);
  assert.equal(only(await api.getEntityFiles(lead.id, "leads"), "files").file_uuid, uuid);
  assert.equal(only(await api.getFileEntities(uuid), "links").entity_id, lead.id);
  await api.unlinkEntityFiles(lead.id, "leads", [{ file_uuid: uuid }]);
  await api.deleteFiles([{ uuid }]);
  assert.ok(await api.restoreFiles([{ uuid }]));
  does("createSession", "getFiles", "getFileByUUID", "updateFileByUUID", "getFileVersionByUUID", "linkEntityFiles", "getEntityFiles", "getFileEntities", "unlinkEntityFiles", "deleteFiles", "restoreFiles");
}

async function hears() {
  const heard = []; // what we deliver goes through its own handler, which takes the form as a framework has read it
  const read = (body) => {
    const tree = {};
    for (const [name, value] of new URLSearchParams(body)) {
      const parts = name.match(/[^[\]]+/g);
      const last = parts.pop();
      parts.reduce((at, part) => (at[part] ??= {}), tree)[last] = value;
    }
    return JSON.stringify(tree);
  };
  const handle = amo.webhookHandler();
  const server = require("node:http").createServer((asked, answer) => {
    const parts = [];
    asked.on("data", (part) => parts.push(part));
    asked.on("end", async () => {
      const told = await handle(new Request("http://127.0.0.1/in", { method: "POST", body: read(Buffer.concat(parts).toString()) }));
      answer.writeHead(told.status).end();
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const lead = new Promise((done) => amo.on("leads:add", (payload) => (heard.push("leads:add"), done(payload))));
  const destination = `http://127.0.0.1:${server.address().port}/in`;
  await amo.webhook.addWebhook({ destination, settings: ["add_lead"] });
  const { id } = only(await amo.lead.addLeads([{ name: `amo heard ${now}` }]), "leads");
  const payload = await Promise.race([lead, new Promise((_done, late) => setTimeout(late, 60000, new Error("nothing was heard")).unref())]);
  assert.deepEqual([String(payload.id), payload.name, heard], [String(id), `amo heard ${now}`, ["leads:add"]]);
  await amo.webhook.deleteWebhook({ destination });
  server.close();
  does("webhookHandler");
}

async function let_in() {
  const told = [];
  const program = { client_id: process.env.CLIENT_ID, client_secret: process.env.CLIENT_SECRET, redirect_uri: process.env.REDIRECT_URI };
  const host = `127.0.0.1:${process.env.TLS_PORT}`;
  const first = new Amo(host, { ...program, grant_type: "authorization_code", code: process.env.CODE }, { request_delay: 0, on_token: (one) => told.push(one) });
  assert.ok((await first.account.getAccount()).id);
  const old = { ...told[0], expires_at: Date.now() - 1000 }; // so it asks for another by itself
  const later = new Amo(host, { ...program, ...old }, { request_delay: 0, on_token: (one) => told.push(one) });
  assert.ok((await later.account.getAccount()).id);
  assert.equal(told.length, 2);
  assert.notEqual(told[0].refresh_token, told[1].refresh_token);
  await assert.rejects(new Amo(host, { ...program, grant_type: "authorization_code", code: process.env.CODE }).account.getAccount()); // a code works once
  does("authorization by a code", "a new token by the refresh token", "a code a second time");
}

(async () => {
  await let_in();
  await catalogs();
  await customers();
  await around();
  await hears();
  await files(await people());
  console.log(JSON.stringify({ calls }));
})();
