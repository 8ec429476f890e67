// The calls of @mobilon-dev/amotop 0.1.47 for the resources we have, over TLS.
const assert = require("node:assert/strict");
const { AmoApiClient } = require("@mobilon-dev/amotop");

const api = new AmoApiClient(`127.0.0.1:${process.env.TLS_PORT}`, process.env.TOKEN);
const calls = [];
const does = (...names) => calls.push(...names);
const only = (told, key) => (assert.equal(told._embedded[key].length, 1), told._embedded[key][0]);
const has = (told, key, id) => assert.ok(told._embedded[key].some((each) => each.id === id), `${id} in ${key}`);
const hour = Math.floor(Date.now() / 1000) + 3600;

async function settings() {
  const account = await api.getAccount({ amojo_id: true, users_groups: true, task_types: true, datetime_settings: true });
  assert.ok(account.id);
  const users = (await api.getUsers())._embedded.users;
  assert.equal((await api.getUserById(users[0].id)).email, users[0].email);
  const pipeline = (await api.getPipelines())._embedded.pipelines[0];
  assert.equal((await api.getPipelineById(pipeline.id)).name, pipeline.name);
  has(await api.getPipelineStatuses(pipeline.id), "statuses", 142);
  assert.ok(Array.isArray((await api.getLossReasons())._embedded.loss_reasons));
  does("getAccount", "getUsers", "getUserById", "getPipelines", "getPipelineById", "getPipelineStatuses", "getLossReasons");
  return pipeline;
}

async function records(pipeline) {
  const status = pipeline._embedded.statuses.find((each) => each.type === 0 && each.id > 143);
  const lead = only(await api.addLead({ ...api.getBaseLeadPayload("amotop", 12), ...api.getPipelineLeadPayload(pipeline.id, status.id) }), "leads").id;
  const read = await api.getLeadById(lead, { contacts: true });
  assert.deepEqual([read.name, read.price, read.status_id], ["amotop", 12, status.id]);
  await api.updateLead([{ id: lead, price: 13 }]);
  await api.appendTagsToLead(lead, [{ name: "amotop" }]);
  const again = await api.getLeadById(lead, {});
  assert.deepEqual([again.price, again._embedded.tags.map((each) => each.name)], [13, ["amotop"]]);
  has(await api.getLeads({ page: 1, limit: 250, query: "amotop" }), "leads", lead);
  has(await api.getLeadsWithFilter({ page: 1, limit: 250, query: "amotop" }), "leads", lead);
  const contact = only(await api.addContact({ ...api.getContactPayload("Amo Top", "+31205550166"), created_at: hour - 7200 }), "contacts").id;
  const person = await api.getContact(contact, { leads: true });
  assert.equal(person.custom_fields_values.find((each) => each.field_code === "PHONE").values[0].value, "+31205550166");
  assert.equal((await api.updateContact(contact, { first_name: "Ama" })).id, contact);
  has(await api.getContacts({ page: 1, limit: 250, query: "+31205550166" }), "contacts", contact);
  const company = only(await api.addCompany({ name: "Amotop & Co" }), "companies").id;
  assert.equal((await api.getCompany(company, {})).name, "Amotop & Co");
  has(await api.getCompanies({ page: 1, limit: 250, query: "Amotop" }), "companies", company);
  for (const links of [await api.getLeadLinks(lead), await api.getContactLinks(contact)]) assert.deepEqual(links._embedded.links, []);
  has(await api.getLeadsTags({ page: 1, limit: 250 }), "tags", again._embedded.tags[0].id);
  has(await api.getTagsForLeads({ page: 1, limit: 250 }), "tags", again._embedded.tags[0].id);
  assert.equal(only(await api.addTagForLeads({ name: "amotop too" }), "tags").name, "amotop too");
  await api.getContactsTags({ page: 1 });
  await api.getCompaniesTags({ page: 1 });
  await assert.rejects(api.addLead({ name: "x", status_id: 5 }), (error) => error.response.data["validation-errors"][0].errors[0].code === "NotSupportedChoice");
  does("addLead", "getLeadById", "updateLead", "appendTagsToLead", "getLeads", "getLeadsWithFilter", "addContact", "getContact", "updateContact", "getContacts", "addCompany", "getCompany");
  does("getCompanies", "getLeadLinks", "getContactLinks", "getLeadsTags", "getTagsForLeads", "addTagForLeads", "getContactsTags", "getCompaniesTags", "a refusal");
  return { lead, contact, company };
}

async function work({ lead, contact, company }) {
  const task = only(await api.addTask([{ text: "amotop", complete_till: hour, entity_id: lead, entity_type: "leads" }]), "tasks").id;
  assert.equal((await api.editTask(task, { text: "amotop too" })).id, task);
  assert.equal((await api.getTaskById(task)).text, "amotop too");
  has(await api.getTasks({ page: 1, limit: 250 }), "tasks", task);
  const note = only(await api.addNoteToLead(lead, { note_type: "common", params: { text: "to a lead" } }), "notes").id;
  assert.equal((await api.getLeadNoteById(lead, note)).params.text, "to a lead");
  has(await api.getLeadsNotes({ page: 1, limit: 250 }), "notes", note);
  const other = only(await api.addNoteToContact(contact, { note_type: "common", params: { text: "to a contact" } }), "notes").id;
  assert.equal((await api.getContactNoteById(contact, other)).entity_id, contact);
  has(await api.getContactNotes(contact), "notes", other);
  has(await api.getContactsNotes({ page: 1, limit: 250 }), "notes", other);
  const third = only(await api.addNote("companies", company, { note_type: "common", params: { text: "to a company" } }), "notes").id;
  assert.equal((await api.getCompanyNoteById(company, third)).entity_id, company);
  has(await api.getCompanyNotes(company), "notes", third);
  has(await api.getCompaniesNotes({ page: 1, limit: 250 }), "notes", third);
  const events = await api.getEvents({ page: 1, limit: 50 });
  assert.ok((await api.getEventById(events._embedded.events[0].id)).type);
  assert.ok((await api.getEventTypes())._embedded.events_types.length);
  does("addTask", "editTask", "getTaskById", "getTasks", "addNoteToLead", "getLeadNoteById", "getLeadsNotes", "addNoteToContact", "getContactNoteById", "getContactNotes", "getContactsNotes");
  does("addNote", "getCompanyNoteById", "getCompanyNotes", "getCompaniesNotes", "getEvents", "getEventById", "getEventTypes");
}

async function unsorted({ lead }) {
  const form = { form_id: "site", form_name: "Site", form_page: "https://example.com", form_sent_at: hour - 7200, ip: "203.0.113.7", referer: "https://example.com" };
  const asks = [1, 2].map((n) => ({ source_uid: `amotop-${n}`, source_name: "Site", metadata: form, _embedded: { leads: [{ name: `amotop asks ${n}` }], contacts: [{ name: "Amo Asks" }] } }));
  const [one, two] = (await api.addUnsortedForms(asks))._embedded.unsorted;
  assert.equal((await api.getUnsortedByUID(one.uid)).category, "forms");
  assert.ok((await api.getUnsorted({ page: 1, limit: 250 }))._embedded.unsorted.some((each) => each.uid === two.uid));
  assert.ok((await api.getUnsortedSummary()).total >= 2);
  const user = (await api.getUsers())._embedded.users[0].id;
  const status = (await api.getPipelines())._embedded.pipelines[0]._embedded.statuses.find((each) => each.type === 0 && each.id > 143).id;
  assert.ok((await api.acceptUnsorted(one.uid, user, status))._embedded.leads[0].id);
  await api.linkUnsorted(two.uid, { user_id: user, link: { entity_id: lead, entity_type: "leads" } });
  const call = { from: "+31205550156", phone: "+31205550100", called_at: hour - 7200, duration: 61, link: "https://example.com/a.mp3", service_code: "tel", uniq: String(Date.now()) };
  const sip = only(await api.addUnsortedSip([{ source_uid: "amotop-sip", source_name: "Phone", metadata: call, _embedded: { contacts: [{ name: "Amo Calls" }] } }]), "unsorted");
  await api.declineUnsorted(sip.uid, user);
  does("addUnsortedForms", "getUnsortedByUID", "getUnsorted", "getUnsortedSummary", "acceptUnsorted", "linkUnsorted", "addUnsortedSip", "declineUnsorted");
}

async function fields() {
  for (const [word, path] of [["Leads", "leads"], ["Contacts", "contacts"], ["Companies", "companies"]]) {
    const made = only(await api.addCustomFields(path, [{ name: `amotop ${path}`, type: "text" }]), "custom_fields");
    has(await api[`get${word}CustomFields`]({ page: 1, limit: 250 }), "custom_fields", made.id);
    assert.equal((await api[`get${word}CustomFieldById`](String(made.id))).name, `amotop ${path}`);
    const group = (await api[`get${word}CustomFieldGroups`]())._embedded.custom_field_groups[0];
    assert.equal((await api[`get${word}CustomFieldGroupById`](group.id)).id, group.id);
    does(`addCustomFields of ${path}`, `get${word}CustomFields`, `get${word}CustomFieldById`, `get${word}CustomFieldGroups`, `get${word}CustomFieldGroupById`);
  }
}

(async () => {
  const pipeline = await settings();
  const made = await records(pipeline);
  await work(made);
  await unsorted(made);
  await fields();
  console.log(JSON.stringify({ calls }));
})();
