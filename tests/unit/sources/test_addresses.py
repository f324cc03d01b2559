"""Where a database is: of parts, of one connection string, or of both."""

import pytest

from dango_action.errors import CredentialsError
from dango_action.sources.sql.address import address_of

PARTS = {"host": "db.example.com", "database": "shop", "username": "dango", "password": "p"}
SECRET = "pa55-word-that-is-secret"


def shown(address):
    where = (address.host, address.port, address.database, address.username, address.password)
    return (*where, address.ssl_mode, address.ssl_root_cert, dict(address.options))


@pytest.mark.parametrize(
    ("dialect", "values", "expected"),
    [
        ("postgresql", PARTS, ("db.example.com", 5432, "shop", "dango", "p", "require", None, {})),
        (
            "mysql",
            PARTS | {"port": 1, "ssl_mode": "disable"},
            ("db.example.com", 1, "shop", "dango", "p", "disable", None, {}),
        ),
        # nobody listens in between
        ("mysql", PARTS | {"host": "127.0.0.1"}, ("127.0.0.1", 3306, "shop", "dango", "p", "prefer", None, {})),
        (
            "postgresql",
            PARTS | {"host": "/run/postgresql"},
            ("/run/postgresql", 5432, "shop", "dango", "p", "prefer", None, {}),
        ),
        (
            "postgresql",
            {
                "credentials": "postgres://u%40x:a%2Fb%23@h:6432/d%20b?sslmode=verify-full&sslrootcert=ca.pem&options=endpoint%3Dx"
            },
            ("h", 6432, "d b", "u@x", "a/b#", "verify-full", "ca.pem", {"options": "endpoint=x"}),
        ),
        (
            "postgresql",
            {"credentials": "postgresql+psycopg2://u@[::1]/d", "password": "from elsewhere"},
            ("::1", 5432, "d", "u", "from elsewhere", "prefer", None, {}),
        ),
        (
            "mysql",
            {"credentials": "mariadb://u:p@h/d?ssl-mode=VERIFY_IDENTITY&charset=latin1"},
            ("h", 3306, "d", "u", "p", "verify-full", None, {}),
        ),
        (
            "postgresql",
            {"credentials": {"drivername": "postgresql", **PARTS, "port": 5, "query": {"sslmode": "disable"}}},
            ("db.example.com", 5, "shop", "dango", "p", "disable", None, {}),
        ),
    ],
)
def test_an_address_is_made_of_parts_and_of_a_connection_string(dialect, values, expected):
    assert shown(address_of(dialect, values)) == expected


@pytest.mark.parametrize(
    ("dialect", "values", "says"),
    [
        ("postgresql", {}, "`host` and `database` and `username` of PostgreSQL is missing"),
        ("postgresql", {"credentials": f"postgresql://u:{SECRET}@h"}, "`database` of PostgreSQL is missing"),
        ("postgresql", {"credentials": f"mysql://u:{SECRET}@h/d"}, "is no connection string of PostgreSQL"),
        ("mysql", {"credentials": f"{SECRET}"}, "is no connection string of MySQL"),
        ("mysql", {"credentials": f"mysql://u:{SECRET}#x@h/d"}, "`%23` for `#`"),
        ("mysql", {"credentials": f"mysql://u:{SECRET}/x@h/d"}, "percent-encode"),
        ("mysql", {"credentials": f"mysql://u:{SECRET}@h:port/d"}, "percent-encode"),
        ("mysql", {"credentials": f"mysql://u:{SECRET}@h/d?local_infile=1"}, "unknown option `local_infile`"),
        ("postgresql", {"credentials": f"postgresql://u:{SECRET}@h/d?sslmode=on"}, "use one of: disable"),
        ("postgresql", {"credentials": [SECRET]}, "`credentials` is no text"),
    ],
)
def test_what_is_no_address_is_told_without_what_it_holds(dialect, values, says):
    with pytest.raises(CredentialsError) as raised:
        address_of(dialect, values)

    assert says in str(raised.value)
    assert SECRET not in str(raised.value)


def test_an_address_is_shown_without_its_password():
    address = address_of("postgresql", {"credentials": f"postgresql://u:{SECRET}@h/d"})

    assert SECRET not in f"{address} {address.shown}"
