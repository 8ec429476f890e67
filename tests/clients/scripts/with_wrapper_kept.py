"""The other calls of amocrm-api-wrapper 0.0.20: catalogs, customers' links, unsorted, webhooks, widgets, and its own way of renewing tokens."""

import json
import os
import sys
import time
from typing import Any

import requests
from amocrm_api import AmoOAuthClient
from wrapper_answers import only, refused

CALLS: list[str] = []
Client = Any
NOW = int(time.time())


def let_in() -> Client:
    """From a code to tokens; the access token is spoiled, so that the client renews the pair by itself."""
    program = {"client_id": os.environ["CLIENT_ID"], "client_secret": os.environ["CLIENT_SECRET"], "redirect_uri": os.environ["REDIRECT_URI"]}
    first = requests.post(f"{os.environ['KARTOTEKA']}/oauth2/access_token", json={**program, "grant_type": "authorization_code", "code": os.environ["CODE"]}, timeout=30).json()
    client = AmoOAuthClient(first["access_token"], first["refresh_token"], os.environ["KARTOTEKA"] + "/", **program)
    assert client.get_account_info()["id"]
    client.update_tokens()
    assert client.tokens == {"access_token": client.access_token, "refresh_token": client.refresh_token}
    assert client.refresh_token != first["refresh_token"]
    client.update_session_params({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"})
    client.update_session_auth_headers()
    assert client.get_users()["_embedded"]["users"]
    CALLS.extend(["update_tokens", "tokens", "update_session_params", "update_session_auth_headers"])
    return client


def catalogs(client: Client) -> None:
    pk = only(client.create_catalogs([{"name": f"Wrap list {NOW}", "type": "regular", "sort": 10, "can_add_elements": True, "can_link_multiple": False}]), "catalogs")["id"]
    assert pk >= 1000
    assert client.get_catalog(pk)["name"] == f"Wrap list {NOW}"
    assert only(client.update_catalogs([{"id": pk, "name": "Wrapped list"}]), "catalogs")["name"] == "Wrapped list"
    assert pk in [one["id"] for one in client.get_catalogs(limit=250)["_embedded"]["catalogs"]]
    field = only(client.create_catalog_custom_fields(pk, [{"name": "Size", "type": "numeric"}]), "custom_fields")["id"]
    assert only(client.update_catalog_custom_fields(pk, [{"id": field, "name": "Height"}]), "custom_fields")["name"] == "Height"
    assert client.get_catalog_custom_field(pk, field)["type"] == "numeric"
    assert field in [one["id"] for one in client.get_catalog_custom_fields(pk)["_embedded"]["custom_fields"]]
    element = only(client.add_elements_to_catalog(pk, [{"name": "Oak", "custom_fields_values": [{"field_id": field, "values": [{"value": 12}]}]}]), "elements")["id"]
    assert only(client.update_elements_in_catalog(pk, [{"id": element, "name": "Ash"}]), "elements")["id"] == element
    read = client.get_catalog_element(pk, element)
    assert (read["name"], read["catalog_id"], read["custom_fields_values"][0]["values"]) == ("Ash", pk, [{"value": "12"}])
    assert [one["id"] for one in client.get_catalog_elements(pk, filters={"id": element})["_embedded"]["elements"]] == [element]
    CALLS.extend([
        "create_catalogs", "get_catalog", "update_catalogs", "get_catalogs", "create_catalog_custom_fields", "update_catalog_custom_fields", "get_catalog_custom_field", "get_catalog_custom_fields",
        "add_elements_to_catalog", "update_elements_in_catalog", "get_catalog_element", "get_catalog_elements",
    ])  # fmt: skip


def customers(client: Client) -> None:
    """It links customers but has no call that makes one: that goes by its general one."""
    customer = only(client._create_or_update_entities("customers", [{"name": "Wrap buys", "next_date": NOW + 86_400}]), "customers")["id"]
    contact = only(client.create_contacts([{"first_name": "Wrap", "last_name": "Buys"}]), "contacts")["id"]
    linked = only(client.link_customers_entity(customer, [{"to_entity_id": contact, "to_entity_type": "contacts"}]), "links")
    assert (linked["to_entity_id"], linked["entity_id"]) == (contact, customer)
    assert only(client.get_customers_links(customer, {"to_entity_type": "contacts"}), "links")["to_entity_id"] == contact
    assert client.unlink_customers_entity(customer, [{"to_entity_id": contact, "to_entity_type": "contacts"}]) == {}
    assert client.get_customers_links(customer).get("_embedded", {"links": []})["links"] == []
    CALLS.extend(["link_customers_entity", "get_customers_links", "unlink_customers_entity"])


def unsorted(client: Client) -> None:
    user = client.get_users()["_embedded"]["users"][0]["id"]
    form = {"form_id": "site", "form_name": "Site", "form_page": "https://example.com", "form_sent_at": NOW, "ip": "203.0.113.7", "referer": "https://example.com"}
    declined, linked = (only(client.create_unsorted_by_form("wrap-k", "Site", form, {"name": name}, {"name": name}, {"name": "Wrap & Co"}), "unsorted")["uid"] for name in ("Never", "Ever"))
    answer = client.decline_unsorted(declined, user)
    assert (answer["uid"], answer["category"]) == (declined, "forms")
    lead = only(client.create_leads([{"name": "wrap target"}]), "leads")["id"]
    client.crm_url += "/"  # this one call of it lacks a slash
    try:
        answer = client.link_unsorted(linked, user, {"entity_id": lead, "entity_type": "leads"})
    finally:
        client.crm_url = client.crm_url.rstrip("/")
    assert (answer["uid"], answer["_embedded"]["leads"][0]["id"]) == (linked, lead)
    CALLS.extend(["decline_unsorted", "link_unsorted"])


def programs(client: Client) -> None:
    destination = f"https://hooks.example.com/wrap-{NOW}"
    made = client.subscribe_webhook(destination, ["add_lead", "update_contact"])
    assert (made["destination"], made["settings"], made["disabled"]) == (destination, ["add_lead", "update_contact"], False)
    assert destination in [one["destination"] for one in client.get_webhooks()["_embedded"]["webhooks"]]
    assert destination in [one["destination"] for one in client.get_webhooks(destination)["_embedded"]["webhooks"]]  # its filter is misspelt, and so is none
    assert refused(client.unsubscribe_webhook)  # it does not say which
    assert destination in [one["destination"] for one in client.get_webhooks()["_embedded"]["webhooks"]]
    assert client.install_widget("wrap_widget", login="wrap", key="k")["settings"] == {"login": "wrap", "key": "k"}
    assert client.get_widget("wrap_widget")["code"] == "wrap_widget"
    assert "wrap_widget" in [one["code"] for one in client.get_widgets()["_embedded"]["widgets"]]
    assert client.uninstall_widget("wrap_widget") == {}
    assert refused(client.get_widget, "wrap_widget")
    CALLS.extend(["subscribe_webhook", "get_webhooks", "unsubscribe_webhook", "install_widget", "get_widget", "get_widgets", "uninstall_widget"])


def main() -> None:
    client = let_in()
    catalogs(client)
    customers(client)
    unsorted(client)
    programs(client)
    sys.stdout.write(json.dumps({"calls": CALLS}) + "\n")


main()
