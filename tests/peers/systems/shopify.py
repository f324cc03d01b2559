"""Shopify's Admin API as its documentation has it: lists over REST with links, and GraphQL by a part of its schema."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import re
import time
from functools import partial
from pathlib import Path

import graphql
from graphql import GraphQLError, GraphQLList, GraphQLNonNull, GraphQLUnionType, get_named_type

SCHEMA = graphql.build_schema(Path(__file__).with_suffix(".graphql").read_text())
VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
CREATED, UPDATED = {"created_at_min", "created_at_max"}, {"updated_at_min", "updated_at_max"}
COMMON = {"limit", "since_id", "fields", "order"}
# What each list over REST takes besides the common parameters, and the scope that it needs.
LISTS = {
    "orders": (CREATED | UPDATED | {"status", "financial_status", "fulfillment_status"}, "read_orders"),
    "customers": (CREATED | UPDATED, "read_customers"),
    "draft_orders": (UPDATED | {"status"}, "read_draft_orders"),
    "checkouts": (CREATED | UPDATED | {"status"}, "read_orders"),
    "events": (CREATED | {"filter", "verb"}, "read_products"),
    "locations": (set(), "read_locations"),
    "shop": (set(), None),
}
SCOPES = {
    "products": "read_products",
    "productVariants": "read_products",
    "collections": "read_products",
    "collection": "read_products",
    "orders": "read_orders",
    "inventoryItems": "read_inventory",
    "location": "read_inventory",
    "discountNodes": "read_discounts",
}
THROTTLED = (200, {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]})
BUSY = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
MOST_COST = 1000
_TERM = re.compile(r"(updated_at):(>=|<=)'([^']+)'\s*")
_ZEROS = {"Int": 0, "Float": 0.0, "Boolean": False, "Money": "0.00", "Decimal": "0.0"}


class RefusedError(Exception):
    """A request that Shopify does not answer with rows: its status and what it says instead."""

    def __init__(self, status, errors):
        super().__init__(str(errors))
        self.answer = (status, {"errors": errors})


def instant(text):
    """Return the moment of an ISO text, which must name its zone."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.timestamp()


class Shopify:
    """A store. `page` rows make a page whatever is asked for, so that a few rows have several.

    `rows` are what REST lists, `nodes` what GraphQL does, `levels` the inventory levels of a location, by its number.
    `first` has answers that come before all others, by the name of a list; `stuck` are lists whose pages never end.
    `meanwhile` are functions that are called once, when the first page of a list has been answered.
    """

    def __init__(self, token, *, page=2, client=None):
        self.tokens, self.client, self.page = {token}, client, page
        self.scopes = {scope for _, scope in LISTS.values() if scope} | {*SCOPES.values()}
        self.rows = {name: [] for name in LISTS}
        self.nodes = {name: [] for name in SCOPES if not name.endswith(("collection", "location"))}
        self.levels, self.members = {}, {}
        self.first, self.meanwhile, self.stuck, self._issued = {}, {}, set(), set()
        self.asked, self.refused = [], []

    def add(self, name, number, updated, /, **more):
        stamp = "created_at" if name == "events" else "updated_at"
        self.rows[name].append({"id": number, stamp: updated, **more})

    def node(self, name, number, updated, /, *, kind, **more):
        self.nodes[name].append({"id": f"gid://shopify/{kind}/{number}", "updatedAt": updated, **more})

    def change(self, name, number, /, **more):
        """Change a row; an answer that has it already stays as it is."""
        for rows in (self.rows.get(name, []), self.nodes.get(name, [])):
            rows[:] = [{**row, **more} if str(row["id"]).endswith(f"{number}") else row for row in rows]

    def of(self, name):
        """Return the parameters of what was asked for a list, in their order, and when each came."""
        return [(given, at) for asked, given, at in self.asked if asked == name]

    def __call__(self, asked):
        try:
            if asked.path == "/admin/oauth/access_token":
                return self._grant(asked)
            name, given = self._admitted(asked)
            self.asked.append((name, given, time.monotonic()))
            if self.first.get(name):
                return self.first[name].pop(0)
            with contextlib.ExitStack() as stack:
                stack.callback(self.meanwhile.pop(name, lambda: None))
                if asked.path.endswith("/graphql.json"):
                    return self._executed(given)
                return self._listed(asked, name)
        except RefusedError as error:
            self.refused.append(str(error))
            return error.answer

    def _grant(self, asked):
        wanted = dict(zip(("client_id", "client_secret"), self.client or (), strict=False))
        if not self.client or asked.form != {"grant_type": "client_credentials", **wanted}:
            said = "Client credentials cannot be performed on this shop."
            return 400, {"error": "shop_not_permitted", "error_description": said}
        token = f"shpat_minted_{len(self.tokens)}"
        self.tokens.add(token)
        return 200, {"access_token": token, "scope": ",".join(sorted(self.scopes)), "expires_in": 86399}

    def _admitted(self, asked):
        """Return the name of the list that is asked for, and with what."""
        found = re.fullmatch(r"/admin/api/([^/]+)/(\w+)\.json", asked.path)
        if not found or found[1] not in VERSIONS:
            raise RefusedError(404, "Not Found")
        if asked.headers.get("x-shopify-access-token") not in self.tokens:
            said = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            raise RefusedError(401, said)
        if found[2] == "graphql" and asked.method == "POST":
            if not asked.headers.get("content-type", "").startswith("application/json"):
                raise RefusedError(400, {"query": "Required parameter missing or invalid"})
            given = json.loads(asked.body)
            return _roots(given)[0], given
        if found[2] not in LISTS or asked.method != "GET":
            raise RefusedError(404, "Not Found")
        return found[2], asked.query

    def _listed(self, asked, name):
        known, scope = LISTS[name]
        if scope and scope not in self.scopes:
            raise RefusedError(403, f"[API] This action requires merchant approval for {scope} scope.")
        if name == "shop":
            return 200, {"shop": self.rows["shop"][0]}
        query = self._of_page(name, asked.query) if "page_info" in asked.query else asked.query
        if unknown := query.keys() - COMMON - known - {"after"}:
            raise RefusedError(400, dict.fromkeys(unknown, "is not a parameter of this list"))
        if not re.fullmatch(r"\d+", query.get("limit", "50")) or not 1 <= int(query.get("limit", "50")) <= 250:
            raise RefusedError(400, {"limit": "must be from 1 to 250"})
        found = self._found(name, query)
        found = [row for row in found if "after" not in query or _rank(row, query) > query["after"]]
        size = len(found) if name == "locations" else min(self.page, int(query.get("limit", "50")))
        page = found[:size]
        more = size < len(found) or name in self.stuck
        links = {"Link": self._link(asked, name, query, page)} if more else {}
        return 200, {name: page}, links

    def _of_page(self, name, query):
        if odd := query.keys() - {"page_info", "limit", "fields"}:
            raise RefusedError(400, {key: f"{key} cannot be passed when page_info is present." for key in odd})
        if query["page_info"] not in self._issued:
            raise RefusedError(400, {"page_info": "Invalid value."})
        of, kept = json.loads(base64.urlsafe_b64decode(query["page_info"]))
        if of != name:
            raise RefusedError(400, {"page_info": "Invalid value."})
        return {**kept, **{key: value for key, value in query.items() if key != "page_info"}}

    def _link(self, asked, name, query, page):
        kept = {key: value for key, value in query.items() if key not in ("limit", "after")}
        after = {} if name in self.stuck else {"after": _rank(page[-1], query)}
        info = base64.urlsafe_b64encode(json.dumps([name, {**kept, **after}]).encode()).decode()
        self._issued.add(info)
        limit = query.get("limit", "50")
        following = f'<https://{asked.host}{asked.path}?limit={limit}&page_info={info}>; rel="next"'
        before = f'<https://{asked.host}{asked.path}?limit={limit}&page_info=before>; rel="previous", '
        return before + following if "page_info" in asked.query else following

    def _found(self, name, query):
        bounds = {key: _moment(key, value) for key, value in query.items() if key in CREATED | UPDATED}
        found = self.rows[name]
        for key, bound in bounds.items():
            stamp, most = key[:-4], key.endswith("_max")
            found = [it for it in found if (instant(it[stamp]) <= bound if most else instant(it[stamp]) >= bound)]
        if name == "orders" and query.get("status", "open") == "open":
            found = [row for row in found if not row.get("closed_at") and not row.get("cancelled_at")]
        if query.get("order", "updated_at asc") != "updated_at asc":
            raise RefusedError(400, {"order": "is not known"})
        return sorted(found, key=lambda row: _rank(row, query))

    def _executed(self, given):
        document = graphql.parse(given["query"])
        variables = given.get("variables") or {}
        if errors := graphql.validate(SCHEMA, document):
            self.refused.append(str(errors))
            return 200, {"errors": [error.formatted for error in errors]}
        if (cost := _cost(document.definitions[0].selection_set, SCHEMA.query_type, variables)) > MOST_COST:
            self.refused.append(f"a cost of {cost}")
            said = f"Query cost is {cost}, which exceeds the single query max cost limit ({MOST_COST})."
            return 200, {"errors": [{"message": said, "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
        root = {name: partial(self._connection, name, rows) for name, rows in self.nodes.items()}
        root |= {"location": self._location, "collection": self._collection}
        done = graphql.execute_sync(
            SCHEMA, document, root, self, variables, field_resolver=_resolved, type_resolver=_typed
        )
        if done.errors:
            self.refused.append(str(done.errors))
        throttle = {"maximumAvailable": 2000.0, "currentlyAvailable": 1990, "restoreRate": 100.0}
        cost = {"requestedQueryCost": cost, "actualQueryCost": cost, "throttleStatus": throttle}
        return 200, {**done.formatted, "extensions": {"cost": cost}}

    def _location(self, id):  # noqa: A002 - the argument's name
        number = int(id.removeprefix("gid://shopify/Location/"))
        return {"id": id, "inventoryLevels": partial(self._connection, "location", self.levels.get(number, []))}

    def _collection(self, id):  # noqa: A002 - the argument's name
        return {"id": id, "products": partial(self._connection, "collection", self.members.get(id, []))}

    def _connection(self, name, rows, *, first, after=None, query="", sortKey="ID"):  # noqa: N803 - the API's words
        if not 1 <= first <= 250:
            raise GraphQLError("first must be from 1 to 250")
        if "".join(term[0] for term in _TERM.finditer(query)) != query:
            raise GraphQLError(f"the search does not end: {query}")
        for _, relation, text in _TERM.findall(query):
            bound, least = instant(text), relation == ">="
            rows = [it for it in rows if (_changed(it) >= bound if least else _changed(it) <= bound)]
        rows = sorted(rows, key=lambda row: _place(row, sortKey))
        if after and name not in self.stuck:
            rows = [row for row in rows if _place(row, sortKey) > json.loads(base64.b64decode(after))]
        page = rows[: min(first, self.page)]
        end = base64.b64encode(json.dumps(_place(page[-1], sortKey)).encode()).decode() if page else None
        more = len(page) < len(rows) or name in self.stuck
        return {"nodes": page, "pageInfo": {"hasNextPage": more, "endCursor": end}}


def _moment(key, text):
    try:
        return instant(text)
    except ValueError:
        raise RefusedError(400, {key: "is not a time"}) from None


def _rank(row, query):
    """Return a row's place in a list over REST: by its change if that is asked for, else the newest first."""
    return [instant(row["updated_at"]), row["id"]] if "order" in query else [0, -row["id"]]


def _changed(row):
    return instant(row.get("updatedAt") or row["discount"]["updatedAt"])


def _place(row, by):
    numbers = [int(number) for number in re.findall(r"\d+", row["id"])]  # an inventory level has two
    return [_changed(row) if by == "UPDATED_AT" else 0, numbers]


def _roots(given):
    document = graphql.parse(given["query"])
    return [field.name.value for field in document.definitions[0].selection_set.selections]


def _cost(selection, parent, variables):
    """Return what a query is said to cost at most: one for each object, and a list's for as many as it may have."""
    costs, branches = 0, [0]
    for node in selection.selections:
        if isinstance(node, graphql.InlineFragmentNode):
            branches.append(_cost(node.selection_set, SCHEMA.type_map[node.type_condition.name.value], variables))
        elif node.selection_set and node.name.value != "pageInfo":
            returned = get_named_type(parent.fields[node.name.value].type)
            below = _cost(node.selection_set, returned, variables)
            costs += _size(node, variables) * (below if node.name.value == "nodes" else 1 + below)
    return costs + max(branches)


def _size(node, variables):
    for argument in node.arguments or ():
        if argument.name.value == "first":
            value = argument.value
            named = isinstance(value, graphql.VariableNode)
            return variables[value.name.value] if named else int(value.value)
    return 1


def _typed(value, _info, _kind):
    return value.get("__typename", "MediaImage")


def _resolved(source, info, **arguments):
    """Return a field: what the row has, or what stands for nothing in a field of its type."""
    name, shop = info.field_name, info.context
    if info.parent_type is SCHEMA.query_type and SCOPES[name] not in shop.scopes:
        said = f"Access denied for {name} field. Required access: `{SCOPES[name]}` access scope."
        raise GraphQLError(said, extensions={"code": "ACCESS_DENIED"})
    if name == "legacyResourceId":
        return source["id"].rpartition("/")[2]
    if name in source:
        value = source[name]
        return value(**arguments) if callable(value) else value
    if not isinstance(info.return_type, GraphQLNonNull):
        return None
    if isinstance(info.return_type.of_type, GraphQLList):
        return []
    named = get_named_type(info.return_type)
    if isinstance(named, graphql.GraphQLObjectType | GraphQLUnionType):
        return {"id": f"gid://shopify/{named.name}/0"}
    return source["updatedAt"] if named.name == "DateTime" else _ZEROS.get(named.name, "")
