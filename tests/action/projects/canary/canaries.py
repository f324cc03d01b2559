"""Secrets to be planted, each in a place of its own, with what is awkward in it."""

import json

LINES = ("MIIEvQ%0AIB'ADANBg\"kqhkiG9w0", "BAQEF\\nAASC\tBKcwggSj%25AgEAAoIB", "AQC7/VJT+Ut9Us8cKj<b>&Mz==")
PEM = "\r\n".join(("-----BEGIN PRIVATE KEY-----", *LINES, "-----END PRIVATE KEY-----"))
GOOGLE = "-----BEGIN PRIVATE KEY-----\nMIICdgIBADAN+gkqhkiG9w0BAQ/FAASCAmAwggJcAgE\nKanarieKanarieKanarie00\n-----END PRIVATE KEY-----\n"
ACCOUNT = json.dumps(
    {
        "type": "service_account",
        "project_id": "kanarie-project",
        "private_key_id": "9f8e7d6c5b4a39281706",
        "private_key": GOOGLE,
        "client_email": "kanarie@kanarie-project.iam.gserviceaccount.com",
    }
)
SECRETS = {
    "token": "kanarie/seal+ed é \"q\" 'a' <b>&\\n %0A =",
    "account": ACCOUNT,
    "key": "kanarie-of-the-job/+%41",
    "pem": PEM,
    "dotenv": "kanarie_7f3a9c_of_dotenv",
    "foreign": "kanarie-of-nobody-in-the-table",
    "toml": "kanarie|of|toml_*with*_[marks]`",
}
"""What the source gets, by its parameter; it reads `foreign` from the file."""
PATHS = {
    "token": "SOURCES__SHOP__TOKEN in .dango/secrets.enc.yml",
    "account": "SOURCES__SHOP__ACCOUNT in .dango/secrets.enc.yml",
    "key": "SOURCES__SHOP__KEY in environment",
    "pem": "SOURCES__SHOP__PEM in environment",
    "dotenv": "SOURCES__SHOP__DOTENV in .env",
    "foreign": "OF_NOBODY in .env",
    "toml": "sources.shop.toml in .dlt/secrets.toml",
}
"""What people call them, and where they lie."""
SEALED = ("token", "account")
JOB = {f"SOURCES__SHOP__{name.upper()}": SECRETS[name] for name in ("key", "pem")}


def files(*deeds):
    """Return the files of a project whose source does these deeds, apart from its code and what is sealed."""
    native = {"source_module": "shop", "source_function": "source", "function_kwargs": {"deeds": deeds}}
    entry = {"name": "shop", "type": "dlt_native", "dlt_native": native}
    return {
        ".dango/sources.yml": json.dumps({"version": "1.0", "sources": [entry]}),
        ".env": f"SOURCES__SHOP__DOTENV={SECRETS['dotenv']}\nOF_NOBODY={SECRETS['foreign']}\n",
        ".dlt/secrets.toml": f"[sources.shop]\ntoml = {json.dumps(SECRETS['toml'])}\n",
    }
