"""What is wrong with a definition in sources.yml, all at once, each with its line."""

from dango_action.config.parse import parse
from dango_action.sources.reading import look

TEXT = """\
sources:
  - name: shop
    type: rest_api
    resources: [order]
    rest_api:
      parameters: {token: {secret: true}}
      client:
        base_url: https://api.example.com/
        auth:
          - {type: bearer, token: abcdef}
          - {type: client_credentials, token_url: "https://login.example.com/", client_id: "${id}", client_secret: "${token}"}
          - {type: python, function: "systems.shop:auth"}
      resources:
        - name: orders
          write_disposition: replace
          map: systems.shop:row
          endpoint: {path: "${tokn|upper}/{resources.items.id}/{x}", params: {since: "{incremental.start_value}"}}
        - {name: orders, write_disposition: append, endpoint: {path: "{resources.orders.id}"}}
"""


def test_each_flaw_is_told_with_its_line(tmp_path):
    parsed = parse(TEXT.encode(), "f.yml")
    assert parsed.problems == ()

    found = look(tmp_path, parsed.config.sources, parsed.places(["shop"]))

    assert sorted((problem.at.line, problem.what) for problem in found.problems) == [
        (4, "the source has no resource `order`"),
        (9, "`token_url` is at another host than `base_url`, and the client's secret would go there"),
        (11, "`${id}` is no parameter"),
        (12, "code belongs into Python"),
        (16, "code belongs into Python"),
        (17, "`${tokn|upper}` asks for a form that there is not"),
        (17, "`${tokn}` is no parameter"),
        (17, "nothing fills `{incremental.start_value}`"),
        (17, "nothing fills `{resources.items.id}`"),
        (17, "nothing fills `{x}`"),
        (18, "2 resources are called `orders`"),
        (18, "nothing fills `{resources.orders.id}`"),
    ]
    assert [problem.what for problem in found.notices] == [
        "`token` of `auth` stands in sources.yml, which is committed"
    ]


def test_an_address_without_its_scheme_is_told_before_a_sync(tmp_path):
    parsed = parse(TEXT.replace("https://api.example.com/", "api.example.com").encode(), "f.yml")

    found = look(tmp_path, parsed.config.sources, parsed.places(["shop"]))

    assert (8, "`base_url` is no address of the web") in [(one.at.line, one.what) for one in found.problems]


def test_rows_that_each_sync_would_add_again_are_told(tmp_path):
    text = """\
sources:
  - name: shop
    type: rest_api
    rest_api:
      client: {base_url: "https://api.example.com/"}
      resources:
        - {name: all, primary_key: id}
        - {name: whole, write_disposition: replace}
        - {name: copies, write_disposition: append}
        - {name: new, endpoint: {incremental: {cursor_path: at}}}
        - {name: late, endpoint: {incremental: {cursor_path: at, lag: 60}}}
        - {name: lines, endpoint: {path: "new/{resources.new.id}"}}
        - {name: tags, endpoint: {path: "all/{resources.all.id}"}}
"""
    parsed = parse(text.encode(), "f.yml")

    found = look(tmp_path, parsed.config.sources, parsed.places(["shop"]))

    assert found.problems == []
    assert [(notice.at.line, notice.what) for notice in found.notices] == [
        (7, "`all` adds all of its rows again in each sync: it has no cursor"),
        (11, "`late` adds the rows again that `lag` asks for"),
        (13, "`tags` adds all of its rows again in each sync: it has no cursor"),
    ]
