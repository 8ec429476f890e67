// What @mobilon-dev/amotop 0.1.47 offers beside the records: OAuth, webhooks, fields, chats, calls, sources, templates, files, over TLS.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { AmoApiClient, AmoFileClient, AmoService } = require("@mobilon-dev/amotop");

const host = `127.0.0.1:${process.env.TLS_PORT}`;
const calls = [];
const does = (...names) => calls.push(...names);
const only = (told, key) => (assert.ok(told?._embedded?.[key], `${key}: ${JSON.stringify(told)}`), assert.equal(told._embedded[key].length, 1), told._embedded[key][0]);
const has = (told, key, id) => assert.ok(told._embedded[key].some((each) => each.id === id), `${id} in ${key}`);
const now = Date.now();
const phone = `+3120${String(now).slice(-7)}`;

async function let_in() {
  const service = new AmoService();
  const program = { client_id: process.env.CLIENT_ID, client_secret: process.env.CLIENT_SECRET, redirect_uri: process.env.REDIRECT_URI };
  const first = await service.exchangeCode(host, { ...program, code: process.env.CODE });
  const second = await service.exchangeAccessToken(host, { ...program, refresh_token: first.refresh_token });
  assert.ok(second.access_token && second.refresh_token !== first.refresh_token);
  await assert.rejects(service.exchangeCode(host, { ...program, code: process.env.CODE }), /OAuth/);
  does("exchangeCode", "exchangeAccessToken", "a code a second time");
  return second.access_token;
}

async function fields(api) {
  for (const [word, add, list, one, groups, group] of [
    ["leads", "addLeadsCustomFields", "getLeadsCustomFields", "getLeadsCustomFieldById", "getLeadsCustomFieldGroups", "getLeadsCustomFieldGroupById"],
    ["contacts", "addContactsCustomFields", "getContactsCustomFields", "getContactsCustomFieldById", "getContactsCustomFieldGroups", "getContactsCustomFieldGroupById"],
  ]) {
    const field = only(await api[add]([{ name: `amotop ${word} ${now}`, type: "text" }]), "custom_fields");
    has(await api[list]({ limit: 250 }), "custom_fields", field.id);
    assert.equal((await api[one](field.id)).name, `amotop ${word} ${now}`);
    has(await api[groups](), "custom_field_groups", "default");
    assert.equal((await api[group]("default")).id, "default");
    does(add, list, one, groups, group);
  }
  const field = only(await api.addCustomFields("companies", [{ name: `amotop firms ${now}`, type: "numeric" }]), "custom_fields");
  has(await api.getCompaniesCustomFields({ limit: 250 }), "custom_fields", field.id);
  has(await api.getCustomFieldsByEntityType("companies", { limit: 250 }), "custom_fields", field.id);
  assert.equal((await api.getCompaniesCustomFieldById(field.id)).type, "numeric");
  assert.equal((await api.getCustomFieldById("companies", field.id)).name, `amotop firms ${now}`);
  has(await api.getCompaniesCustomFieldGroups(), "custom_field_groups", "default");
  assert.equal((await api.getCompaniesCustomFieldGroupById("default")).id, "default");
  does("getCompaniesCustomFields", "getCustomFieldsByEntityType", "getCompaniesCustomFieldById", "getCustomFieldById", "getCompaniesCustomFieldGroups", "getCompaniesCustomFieldGroupById");
}

async function people(api) {
  const contact = only(await api.addContact({ name: `amotop ${now}`, custom_fields_values: [{ field_code: "PHONE", values: [{ value: phone }] }] }), "contacts");
  const lead = only(await api.addLead({ name: `amotop ${now}`, _embedded: { contacts: [{ id: contact.id }] } }), "leads");
  const firm = only(await api.addCompany({ name: `amotop ${now}` }), "companies");
  has({ _embedded: { links: (await api.getLinksByEntityType("leads", lead.id))._embedded.links.map((each) => ({ id: each.to_entity_id })) } }, "links", contact.id);
  const chat = "0d5c1f3e-6c1a-4a55-9a6e-0d2f3c4b5a69";
  assert.equal(only(await api.attachChatToContact(chat, contact.id), "chats").chat_id, chat);
  assert.equal(only(await api.getContactChats(contact.id), "chats").chat_id, chat);
  assert.equal(only(await api.getContactsChats([contact.id]), "chats").chat_id, chat);
  const call = only(await api.addPhoneCall({ direction: "outbound", uniq: String(now), duration: 9, source: "tel", phone, call_status: 4, link: "https://example.com/a.mp3" }), "calls");
  assert.equal(call.entity_id, contact.id);
  const [ringing] = (await api.notifyPhoneCall(phone, []))._embedded.items;
  assert.deepEqual([ringing.element_id, ringing.element_type, ringing.phone_number], [lead.id, 2, phone]);
  const note = only(await api.addNote("leads", lead.id, { note_type: "common", params: { text: "from amotop" } }), "notes");
  assert.equal((await api.getNoteById("leads", lead.id, note.id)).params.text, "from amotop");
  has(await api.getNotesByEntityId("leads", lead.id), "notes", note.id);
  assert.ok((await api.getNotesByEntityType("leads", { limit: 50 }))._embedded.notes.length);
  assert.match(only(await api.getShortLinkForContact("https://example.com/long", contact.id), "short_links").url, /^https?:/);
  assert.equal((await api.getUrl(`/api/v4/contacts/${contact.id}`)).id, contact.id);
  does("getLinksByEntityType", "attachChatToContact", "getContactChats", "getContactsChats", "addPhoneCall", "notifyPhoneCall", "getNoteById", "getNotesByEntityId", "getNotesByEntityType");
  does("getShortLinkForContact", "getUrl");
  return { contact, lead, firm };
}

async function around(api) {
  const destination = `https://example.com/amotop-${now}`;
  const hook = await api.setWebhook({ destination, settings: api.getWebhookEvents() }); // everything it knows, talks and customers among it
  has(await api.getWebhooks(), "webhooks", hook.id);
  await api.deleteWebhook({ destination });
  const source = only(await api.addSource([{ name: "amotop", external_id: `amotop-${now}` }]), "sources");
  has(await api.getSources(), "sources", source.id);
  assert.equal((await api.getSourceById(source.id)).name, "amotop");
  await api.deleteSourceById(source.id);
  const template = only(await api.addTemplate([{ name: `amotop ${now}`, content: "Hello" }]), "chat_templates");
  assert.equal((await api.updateTemplateById(template.id, { content: "Hi" })).content, "Hi");
  assert.equal((await api.getTemplateById(template.id)).content, "Hi");
  has(await api.getTemplates({ limit: 50 }), "chat_templates", template.id);
  await api.deleteTemplateById(template.id);
  await api.getSalesBots();
  await api.getTalks({ limit: 10 });
  await assert.rejects(api.getTalkById(999999));
  await assert.rejects(api.closeTalkById(999999, true));
  await api.getWidgets({ limit: 10 });
  await assert.rejects(api.getWidget("none"));
  does("setWebhook", "getWebhookEvents", "getWebhooks", "deleteWebhook", "addSource", "getSources", "getSourceById", "deleteSourceById", "addTemplate", "updateTemplateById");
  does("getTemplateById", "getTemplates", "deleteTemplateById", "getSalesBots", "getTalks", "getTalkById of none", "closeTalkById of none", "getWidgets", "getWidget of none");
}

async function files(api, token, made) {
  const drive = new AmoFileClient(token, { driveUrl: (await api.getUrl("/api/v4/account?with=drive_url")).drive_url });
  const file = path.join(os.tmpdir(), `amotop-${now}.bin`);
  fs.writeFileSync(file, Buffer.alloc(300 * 1024, "k")); // three parts
  const sent = await drive.uploadFile("amotop.bin", file, "application/octet-stream");
  fs.unlinkSync(file);
  assert.equal((await drive.getFileByUUID(sent.uuid)).size, 300 * 1024);
  assert.ok((await drive.getFiles())._embedded.files.some((each) => each.uuid === sent.uuid));
  assert.deepEqual([drive.hasFilesScope(), drive.hasFilesDeleteScope()], [true, true]);
  await api.linkFileToLead(sent.uuid, made.lead.id);
  await api.linkFileToContact(sent.uuid, made.contact.id);
  assert.equal(only(await api.getLeadFiles(made.lead.id), "files").file_uuid, sent.uuid);
  assert.equal(only(await api.getContactFiles(made.contact.id), "files").file_uuid, sent.uuid);
  assert.equal(only(await api.getEntityFiles("leads", made.lead.id), "files").file_uuid, sent.uuid);
  await api.getCompanyFiles(made.firm.id);
  does("uploadFile", "getFileByUUID", "getFiles", "hasFilesScope", "linkFileToLead", "linkFileToContact", "getLeadFiles", "getContactFiles", "getEntityFiles", "getCompanyFiles");
}

(async () => {
  const token = await let_in();
  const api = new AmoApiClient(host, token); // with what the person let it have, not a token of the settings
  await fields(api);
  const made = await people(api);
  await around(api);
  await files(api, token, made);
  console.log(JSON.stringify({ calls }));
})();
