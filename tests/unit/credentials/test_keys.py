import os
import pickle

import pytest

from dango_action.credentials.keys import KeyRing, PrivateKey, PublicKey, decode, encode, keep
from dango_action.errors import CredentialsError

ONE, TWO = PrivateKey.generate(), PrivateKey.generate()


def problems(text):
    with pytest.raises(CredentialsError) as caught:
        KeyRing.of(text)
    return [problem.what for problem in caught.value.problems]


def test_keys_come_back_from_their_texts():
    assert PrivateKey.parse(ONE.text()) == ONE
    assert PublicKey.parse(ONE.public.text) == ONE.public
    assert len(ONE.text()) == len("dango-secret-v1.") + 43
    assert ONE.public.id != TWO.public.id


def test_a_ring_takes_one_key_a_line_and_blank_lines():
    ring = KeyRing.of(f"\r\n  {ONE.text()}\r\n\n{TWO.text()}\n")

    assert list(ring.keys.values()) == [ONE, TWO]
    assert KeyRing.of("").keys == {}
    assert KeyRing.of(" \n\n").keys == {}


def test_every_line_that_is_no_private_key_is_named_and_none_is_shown():
    canary = ONE.text()[:-3]

    found = problems(f"{canary}\n\n{TWO.text()}\n{TWO.public.text}\nhunter2\n{ONE.text()} {TWO.text()}")

    assert found == [
        "line 1 of DANGO_SECRETS_KEY is no private key: it is not `dango-secret-v1.` and 43 letters",
        "line 4 of DANGO_SECRETS_KEY is no private key: it is a public key, which can't open anything",
        "line 5 of DANGO_SECRETS_KEY is no private key: it is not `dango-secret-v1.` and 43 letters",
        "line 6 of DANGO_SECRETS_KEY is no private key: it is not `dango-secret-v1.` and 43 letters",
    ]


@pytest.mark.parametrize(
    "text", ["", "x", "dango-secret-v1.", f"dango-secret-v1.{'A' * 42}B", "dango-secret-v1.é"]
)
def test_what_is_no_key_is_said_without_showing_it(text):
    assert PrivateKey.parse(text) == "it is not `dango-secret-v1.` and 43 letters"
    assert isinstance(PublicKey.parse(text), str)


def test_a_private_key_in_the_place_of_a_public_one_is_recognized():
    assert PublicKey.parse(ONE.text()) == "it is a private key"


def test_no_representation_shows_a_private_key():
    ring = KeyRing.of(ONE.text())

    for text in (repr(ONE), str(ONE), repr(ring), f"{ring}", repr([ring, ONE])):
        assert ONE.text() not in text
        assert encode(ONE.raw) not in text
        assert repr(ONE.raw) not in text
    assert repr(ring) == f"KeyRing({ONE.public.id})"


def test_a_kept_key_is_found_again_by_its_id_and_is_for_this_user_alone(tmp_path):
    os.umask(umask := os.umask(0))
    os.umask(0)
    try:
        file = keep(tmp_path / "config/dango", ONE)
    finally:
        os.umask(umask)

    assert file == tmp_path / "config/dango/keys" / ONE.public.id
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list(file.parent.iterdir()) == [file]
    ring = KeyRing.of(TWO.text()).kept(tmp_path / "config/dango", [ONE.public.id, TWO.public.id, "00000000"])
    assert ring.keys == {TWO.public.id: TWO, ONE.public.id: ONE}


@pytest.mark.parametrize("key_id", ["../keys/x", "", ".", "/etc/passwd", "0000000G", "00000000/../x", "0" * 5000])
def test_an_id_from_a_document_leads_to_no_other_file(tmp_path, key_id):
    keep(tmp_path, ONE)
    (tmp_path / "keys/x").write_text(ONE.text())

    assert KeyRing().kept(tmp_path, [key_id]).keys == {}


def test_a_kept_key_that_can_not_be_used_is_named_and_not_shown(tmp_path):
    file = keep(tmp_path, ONE)
    for content in (TWO.text(), ONE.text()[:-2], "", "\xff"):
        file.write_text(content)
        with pytest.raises(CredentialsError, match="can't be used") as caught:
            KeyRing().kept(tmp_path, [ONE.public.id])
        assert "dango-secret-v1.w" not in str(caught.value)
        assert not content or content not in str(caught.value)
    file.unlink()
    os.mkfifo(file)
    assert KeyRing().kept(tmp_path, [ONE.public.id]).keys == {}


def test_a_folder_that_can_not_be_written_leaves_nothing(tmp_path):
    (tmp_path / "keys").write_text("a file is in the way")

    with pytest.raises(CredentialsError, match="can't be kept"):
        keep(tmp_path, ONE)


@pytest.mark.parametrize("text", ["A", "AB", "AAA=", "AA==", "A+A", "A A", "AAAA\n", "é", "AAB"])
def test_base64_has_one_spelling(text):
    assert decode(text) is None


def test_a_key_can_be_handed_to_another_process():
    assert pickle.loads(pickle.dumps(ONE)) == ONE
