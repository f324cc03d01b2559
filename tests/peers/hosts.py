"""Hosts of the internet on loopback: an HTTPS proxy that speaks for them, and plain HTTP for whoever takes an address.

A client that honours `HTTPS_PROXY` and a CA bundle needs nothing else, so code with its vendor's address in it runs
unchanged, name and TLS included. A host that nobody plays is refused and noted; nothing leaves this machine.
"""

from __future__ import annotations

import datetime as dt
import http.server
import json
import ssl
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Asked:
    """A request: `query` and `form` as dicts, `pairs` as the query's list, the names of `headers` in small letters."""

    method: str
    host: str
    path: str
    query: dict
    headers: dict
    body: bytes = field(repr=False)
    pairs: list = field(default_factory=list, repr=False)
    over_tls: bool = True

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode()))

    @property
    def bearer(self):
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class Hosts:
    """Plays the hosts of `apps`, functions from a request to a status, JSON, and maybe headers. Use it in a `with`."""

    def __init__(self, folder, apps):
        self.apps, self.asked, self.refused = apps, [], []
        self._folder = folder
        self._context = _context(folder, apps)
        self._server = http.server.ThreadingHTTPServer(
            (LOOPBACK, 0), type("Handler", (_Handler,), {"hosts": self})
        )
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, host):
        """Return the address of a host for code that can be given one."""
        return f"http://{LOOPBACK}:{self._server.server_port}/{host}"

    @property
    def environ(self):
        proxy, bundle = f"http://{LOOPBACK}:{self._server.server_port}", str(self._folder / "ca.pem")
        return {
            "HTTPS_PROXY": proxy,
            "HTTP_PROXY": proxy,
            "NO_PROXY": LOOPBACK,
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
        }

    def of(self, host):
        """Return what a host was asked."""
        return [asked for asked in self.asked if asked.host == host]

    def answer(self, asked):
        self.asked.append(asked)
        return self.apps[asked.host](asked)

    def secure(self, host, connection):
        """Return the connection as that of a host, or None if nobody plays it."""
        if host not in self.apps:
            self.refused.append(host)
            return None
        return self._context.wrap_socket(connection, server_side=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hosts: Hosts
    host = None

    def do_CONNECT(self):
        host = self.path.partition(":")[0]
        self.send_response(200 if host in self.hosts.apps else 502)
        self.end_headers()
        secured = self.hosts.secure(host, self.connection)
        self.close_connection = (
            secured is None
        )  # a tunnel goes on whatever the version of HTTP; Python 3.11 says 1.0
        if secured is None:
            return
        self.host, self.connection = host, secured
        self.rfile, self.wfile = secured.makefile("rb"), secured.makefile("wb")

    def finish(self):
        super().finish()
        self.connection.close()

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        host, path = self.host or url.hostname, url.path
        if host is None:  # a plain address, with the host as its first folder
            host, _, path = path.removeprefix("/").partition("/")
            path = f"/{path}"
        headers = {key.lower(): value for key, value in self.headers.items()}
        pairs = parse_qsl(url.query, keep_blank_values=True)
        asked = Asked(self.command, host, path, dict(pairs), headers, body, pairs, self.host is not None)
        if host in self.hosts.apps:
            status, answer, *more = self.hosts.answer(asked)
        else:
            self.hosts.refused.append(host)
            status, answer, *more = 502, {"error": "nobody plays this host"}
        text = json.dumps(answer).encode()
        self.send_response(status)
        lines = {"Content-Type": "application/json", "Content-Length": str(len(text))}
        for key, value in lines.items() | (more[0] if more else {}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def log_message(self, *_):
        pass


def _context(folder, names):
    """Return the TLS side of all these hosts, and leave what a client has to trust in `ca.pem`."""
    keys = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names_of = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in ("tests", "host")]
    now = dt.datetime.now(dt.UTC)
    hosts = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    for index, name in enumerate(("ca", "host")):
        builder = x509.CertificateBuilder(
            issuer_name=names_of[0],
            subject_name=names_of[index],
            public_key=keys[index].public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(days=1),
            not_valid_after=now + dt.timedelta(days=1),
        )
        signed = _extended(builder, keys, hosts if index else None).sign(keys[0], hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "host.key").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "host.key")
    return context


def _extended(builder, keys, hosts):
    """Return the certificate with what a strict client wants to see in it (RFC 5280)."""
    unused = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only"
    usage = dict.fromkeys(unused.split(), False)
    is_ca = hosts is None
    extensions = [
        (x509.BasicConstraints(ca=is_ca, path_length=None), True),
        (x509.KeyUsage(digital_signature=True, key_cert_sign=is_ca, crl_sign=is_ca, **usage), True),
        (x509.SubjectKeyIdentifier.from_public_key(keys[0 if is_ca else 1].public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), False),
    ]
    for extension, critical in extensions if is_ca else [*extensions, (hosts, False)]:
        builder = builder.add_extension(extension, critical=critical)
    return builder
