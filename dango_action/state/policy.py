"""Whether what is kept is sealed, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from dango_action.errors import CredentialsError, Problem

if TYPE_CHECKING:
    from dango_action.credentials.keys import PrivateKey
    from dango_action.state.seal import Keys

Asked: TypeAlias = Literal["sealed", "unsealed"] | None
"""How the input `state` asks for it; None: by default."""

_GET_KEY = "`dango secrets init | gh secret set DANGO_SECRETS_KEY`"
_HAND_KEY = "`secrets-key: ${{ secrets.DANGO_SECRETS_KEY }}`"


def key_for(asked: Asked, keys: Keys, *, private: bool) -> PrivateKey | None:
    """Return the key to seal with; None if it is kept unsealed.

    Raises:
        CredentialsError: there is no key, and without one it would be for everybody, or was not asked for.

    """
    if asked == "unsealed":
        return None
    if keys.first is None and asked == "sealed":
        raise CredentialsError.because(
            "`state` asks for a sealed warehouse, and there is no key",
            f"make one with {_GET_KEY}, and hand it over: {_HAND_KEY}",
        )
    if keys.first is None and not private:
        raise CredentialsError.because(
            "this repository is public, so without a key everybody could read the warehouse that this run keeps",
            f"make one with {_GET_KEY}, and hand it over: {_HAND_KEY}; or, if everybody may read the data, set "
            "`state: artifact unsealed`; or, if nothing needs to be kept between runs, `state: none`",
        )
    return keys.first


def unsealed_notice(asked: Asked, *, private: bool, bucket: bool = False) -> Problem | None:
    """Return what is to be known of a warehouse that is kept unsealed; None if that was known."""
    if bucket and asked is None:
        what = "the warehouse is kept unsealed, since there is no key: who may write to the bucket can replace it"
        hint = f"make a key with {_GET_KEY}, and hand it over: {_HAND_KEY}; or add `unsealed` to `state`"
        return Problem(what=what, hint=hint)
    if not private:
        what = "the warehouse is kept unsealed in a public repository, as asked"
        return Problem(what=what, hint="everybody can download it")
    if asked == "unsealed":
        return None
    return Problem(
        what="the warehouse is kept unsealed, since there is no key: who may read this repository can download it",
        hint=f"make a key with {_GET_KEY}, and hand it over: {_HAND_KEY}; or set `state: artifact unsealed`",
    )
