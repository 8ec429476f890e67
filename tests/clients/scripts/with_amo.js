// The calls of @shevernitskiy/amo 0.1.12 for the resources we have, over TLS; it compares content types for equality.
const assert = require("node:assert/strict");
const { Amo, Filter } = require("@shevernitskiy/amo");

const token = { token_type: "Bearer", expires_in: 86400, access_token: process.env.TOKEN, refresh_token: "none", expires_at: Date.now() + 86400000 };
const amo = new Amo(`127.0.0.1:${process.env.TLS_PORT}`, { client_id: "none", client_secret: "none", redirect_uri: "https://example.com", ...token }, { request_delay: 0 });
const calls = [];
const now = Date.now();
const hour = Math.floor(Date.now() / 1000) + 3600;
const only = (told, key) => (assert.equal(told._embedded[key].length, 1), told._embedded[key][0]);
const does = (...names) => calls.push(...names);

async function records() {
  const made = {};
  for (const [api, word, plural, get, list, of_one] of [
    [amo.lead, "Lead", "leads", "getLeadById", "getLeads", "updateLeadById"],
    [amo.contact, "Contact", "contacts", "getContactById", "getContacts", "updateContactById"],
    [amo.company, "Company", "companies", "getCompanyById", "getCompanies", "updateCompaniesById"],
  ]) {
    const names = word === "Company" ? ["addCompanies", "updateCompanies"] : [`add${word}s`, `update${word}s`];
    const [one, two] = (await api[names[0]]([{ name: `amo ${word} ${now} 1`, request_id: "mine" }, { name: `amo ${word} ${now} 2` }]))._embedded[plural];
    assert.deepEqual([one.request_id, two.request_id], ["mine", "1"]);
    assert.equal((await api[get](one.id, { with: ["catalog_elements"] })).name, `amo ${word} ${now} 1`);
    assert.equal((await api[of_one](one.id, { name: `amo ${word} ${now} 3` })).id, one.id);
    assert.equal(only(await api[names[1]]([{ id: two.id, name: `amo ${word} ${now} 4` }]), plural).id, two.id);
    const listed = await api[list]({ limit: 2, order: { param: "id", type: "desc" }, filter: (f) => f.multi("id", [one.id, two.id]) });
    assert.deepEqual(listed._embedded[plural].map((each) => each.name), [`amo ${word} ${now} 4`, `amo ${word} ${now} 3`]);
    assert.equal(only(await api[list]({ query: `amo ${word} ${now} 3`, limit: 1 }), plural).id, one.id);
    made[plural] = [one.id, two.id];
    does(...names, get, of_one, list);
  }
  await assert.rejects(amo.lead.getLeadById(999999999), /204/);
  await assert.rejects(amo.lead.addLeads([{ name: "x", status_id: 5 }]), (error) => {
    assert.equal(error.response["validation-errors"][0].errors[0].code, "NotSupportedChoice");
    return true;
  });
  const whole = await amo.lead.addComplex([{ name: "amo whole", price: 3, _embedded: { contacts: [{ first_name: "Whole" }], companies: [{ name: "Whole & Co" }] } }]);
  assert.ok(whole[0].contact_id && whole[0].company_id);
  does("a lead of none", "a typed refusal", "addComplex");
  return made;
}

async function links(made) {
  const [lead, contact] = [made.leads[0], made.contacts[0]];
  await amo.link.addLinksByEntityId(lead, "leads", [{ to_entity_id: contact, to_entity_type: "contacts", metadata: { is_main: true } }]);
  assert.equal(only(await amo.link.getLinksByEntityId(lead, "leads"), "links").to_entity_id, contact);
  assert.equal(only(await amo.link.getLinksByEntityType("leads", { filter: new Filter().multi("entity_id", [lead]) }), "links").entity_id, lead);
  await assert.rejects(amo.link.deleteLinksByEntityId(lead, "leads", [{ to_entity_id: contact, to_entity_type: "contacts" }]), /204/); // it takes every 204 but a DELETE's for an error
  await amo.link.addLinksByEntityType("leads", [{ entity_id: lead, to_entity_id: contact, to_entity_type: "contacts" }]);
  await assert.rejects(amo.link.deleteLinksByEntityType("leads", [{ entity_id: lead, to_entity_id: contact, to_entity_type: "contacts" }]), /204/);
  assert.deepEqual((await amo.link.getLinksByEntityId(lead, "leads"))._embedded.links, []);
  does("addLinksByEntityId", "getLinksByEntityId", "getLinksByEntityType", "deleteLinksByEntityId", "addLinksByEntityType", "deleteLinksByEntityType");
}

async function work(made) {
  const lead = made.leads[0];
  const [first, second] = (await amo.task.addTasks([{ text: "amo 1", complete_till: hour, entity_id: lead, entity_type: "leads" }, { text: "amo 2", complete_till: hour }]))._embedded.tasks;
  assert.equal(only(await amo.task.updateTasks([{ id: second.id, text: "amo 3" }]), "tasks").id, second.id);
  assert.equal((await amo.task.updateTaskById(first.id, { text: "amo 4" })).id, first.id);
  assert.equal((await amo.task.completeTaskById(first.id, { is_completed: true, result: { text: "done" } })).id, first.id);
  assert.equal(only(await amo.task.completeTasks([{ id: second.id, is_completed: true, result: { text: "too" } }]), "tasks").id, second.id);
  assert.deepEqual((await amo.task.getTaskById(first.id)).result, { text: "done" });
  assert.equal(only(await amo.task.getTasks({ filter: (f) => f.multi("entity_id", [lead]) }), "tasks").id, first.id);
  const note = only(await amo.note.addNotes("leads", [{ entity_id: lead, note_type: "common", params: { text: "from amo" } }]), "notes");
  assert.equal((await amo.note.getNotesById(note.id, "leads")).params.text, "from amo");
  assert.equal(only(await amo.note.updateNotes("leads", [{ id: note.id, entity_id: lead, note_type: "common", params: { text: "again" } }]), "notes").id, note.id);
  assert.equal((await amo.note.updateNoteById(note.id, "leads", { entity_id: lead, note_type: "common", params: { text: "thrice" } })).id, note.id);
  assert.equal(only(await amo.note.getNotesByEntityId(lead, "leads"), "notes").params.text, "thrice");
  assert.ok((await amo.note.getNotesByEntityType("leads", { filter: (f) => f.single("note_type", "common") }))._embedded.notes.length);
  const events = await amo.event.getEvents({ limit: 100, filter: (f) => f.single("entity", "lead").multi("entity_id", [lead]) });
  assert.ok((await amo.event.getEventById(events._embedded.events[0].id)).type);
  assert.ok((await amo.event.getEventsTypes("en"))._embedded.events_types.length);
  assert.equal(only(await amo.tag.addTags("leads", [{ name: "amo tag" }]), "tags").name, "amo tag");
  assert.equal(only(await amo.tag.getTags("leads", { filter: (f) => f.single("name", "amo tag") }), "tags").name, "amo tag");
  does("addTasks", "updateTasks", "updateTaskById", "completeTaskById", "completeTasks", "getTaskById", "getTasks", "addNotes", "getNotesById", "updateNotes", "updateNoteById");
  does("getNotesByEntityId", "getNotesByEntityType", "getEvents", "getEventById", "getEventsTypes", "addTags", "getTags");
}

async function unsorted(made) {
  const form = { form_id: "site", form_name: "Site", form_page: "https://example.com", form_sent_at: hour - 7200, ip: "203.0.113.7", referer: "https://example.com" };
  const forms = (await amo.unsorted.addUnsortedForm([1, 2].map((n) => ({ source_uid: `amo-${n}`, source_name: "Site", metadata: form, _embedded: { leads: [{ name: `amo asks ${n}` }], contacts: [{ name: "Amo Asks" }] } }))))._embedded.unsorted;
  assert.equal((await amo.unsorted.getUnsortedByUid(forms[0].uid)).category, "forms");
  assert.ok((await amo.unsorted.getUnsorted({ limit: 250, filter: (f) => f.multi("uid", [forms[0].uid]) }))._embedded.unsorted.length === 1);
  assert.ok((await amo.unsorted.getUnsortedSummary()).total >= 2);
  const users = (await amo.user.getUsers())._embedded.users;
  const taken = await amo.unsorted.acceptUnsortedByUid(forms[0].uid, { user_id: users[0].id });
  assert.ok(taken._embedded.leads[0].id && taken._embedded.contacts[0].id);
  await amo.unsorted.linkUnsortedByUid(forms[1].uid, { user_id: users[0].id, link: { entity_id: made.leads[0], entity_type: "leads" } });
  const call = { from: "+31205550155", phone: "+31205550100", called_at: hour - 7200, duration: 61, link: "https://example.com/a.mp3", service_code: "tel", uniq: String(now) };
  const sip = only(await amo.unsorted.addUnsortedSip([{ source_uid: "amo-sip", source_name: "Phone", metadata: call, _embedded: { contacts: [{ name: "Amo Calls" }] } }]), "unsorted");
  await amo.unsorted.declineUnsortedByUid(sip.uid, { user_id: users[0].id });
  does("addUnsortedForm", "getUnsortedByUid", "getUnsorted", "getUnsortedSummary", "acceptUnsortedByUid", "linkUnsortedByUid", "addUnsortedSip", "declineUnsortedByUid");
}

async function settings() {
  const account = await amo.account.getAccount({ with: ["amojo_id", "users_groups", "task_types", "version", "datetime_settings"] });
  assert.ok(account.id && account._embedded.task_types.length);
  const pipeline = only(await amo.pipeline.addPipelines([{ name: "Amo", sort: 90, is_main: false, is_unsorted_on: true, _embedded: { statuses: [{ name: "First", sort: 10 }] } }]), "pipelines");
  assert.equal((await amo.pipeline.updatePipelinesById(pipeline.id, { name: "Amo too" })).name, "Amo too");
  assert.equal((await amo.pipeline.getPipelineById(pipeline.id)).name, "Amo too");
  const status = only(await amo.pipeline.addStatuses(pipeline.id, [{ name: "Second", sort: 20, color: "#99ccff" }]), "statuses");
  assert.equal((await amo.pipeline.updateStatusById(status.id, pipeline.id, { name: "Third", color: "#99ccff" })).name, "Third");
  assert.equal((await amo.pipeline.getStatusesById(status.id, pipeline.id)).name, "Third");
  assert.ok((await amo.pipeline.getStatusesByPipelineId(pipeline.id))._embedded.statuses.some((each) => each.id === 142));
  await amo.pipeline.deleteStatusById(status.id, pipeline.id);
  await amo.pipeline.deletePipelineById(pipeline.id);
  assert.ok(!(await amo.pipeline.getPipelines())._embedded.pipelines.some((each) => each.id === pipeline.id));
  const role = only(await amo.user.addRoles([{ name: "Amo", rights: { leads: { view: "A", edit: "A", add: "A", delete: "D", export: "D" } } }]), "roles");
  assert.equal((await amo.user.getRoleById(role.id, { with: ["users"] })).name, "Amo");
  await amo.user.updateRoleById(role.id, { name: "Amo too", rights: { leads: { view: "A", edit: "A", add: "A", delete: "A", export: "A" } } });
  assert.ok((await amo.user.getRoles())._embedded.roles.some((each) => each.name === "Amo too"));
  await amo.user.deleteRoleById(role.id);
  const users = (await amo.user.getUsers({ with: ["role", "group"] }))._embedded.users;
  assert.equal((await amo.user.getUserById(users[0].id, { with: ["role"] })).email, users[0].email);
  does("getAccount", "addPipelines", "updatePipelinesById", "getPipelineById", "addStatuses", "updateStatusById", "getStatusesById", "getStatusesByPipelineId", "deleteStatusById");
  does("deletePipelineById", "getPipelines", "addRoles", "getRoleById", "updateRoleById", "getRoles", "deleteRoleById", "getUsers", "getUserById");
}

async function fields() {
  for (const owner of ["leads", "contacts", "companies", "customers", "customers/segments"]) {
    const field = only(await amo.custom_fields.addCustomFields(owner, [{ name: `amo ${owner}`, type: "select", enums: [{ value: "A", sort: 1 }, { value: "B", sort: 2 }] }]), "custom_fields");
    assert.equal(only(await amo.custom_fields.updateCustomFields(owner, [{ id: field.id, name: "amo again" }]), "custom_fields").name, "amo again");
    assert.equal((await amo.custom_fields.updateCustomFieldById(field.id, owner, { name: "amo thrice" })).name, "amo thrice");
    assert.equal((await amo.custom_fields.getCustomFieldById(field.id, owner)).enums.length, 2);
    assert.ok((await amo.custom_fields.getCustomFields(owner))._embedded.custom_fields.some((each) => each.id === field.id));
    await amo.custom_fields.deleteCustomFieldById(field.id, owner);
    does(...["add", "update", "updateById", "getById", "get", "delete"].map((verb) => `custom fields of ${owner}: ${verb}`));
  }
  // Its own addCustomFieldsGroups asks at the address of the fields: the raw request stands in.
  const group = only(await amo.raw.post({ url: "/api/v4/leads/custom_fields/groups", payload: [{ name: "Amo", sort: 4, fields: [] }] }), "custom_field_groups");
  assert.equal((await amo.custom_fields.getCustomFieldsByGroupId(group.id, "leads")).name, "Amo");
  assert.equal((await amo.custom_fields.updateCustomFieldsGroupById(group.id, "leads", { name: "Amo too" })).name, "Amo too");
  assert.ok((await amo.custom_fields.getCustomFieldsGroups("leads"))._embedded.custom_field_groups.some((each) => each.id === group.id));
  await amo.custom_fields.deleteCustomFieldsGroupById(group.id, "leads");
  does("raw.post of groups", "getCustomFieldsByGroupId", "updateCustomFieldsGroupById", "getCustomFieldsGroups", "deleteCustomFieldsGroupById");
}

(async () => {
  const made = await records();
  await links(made);
  await work(made);
  await unsorted(made);
  await settings();
  await fields();
  console.log(JSON.stringify({ calls }));
})();
