"""Signs requests, and reads requests that are signed: RFC 9421, with components that are fixed. Copy it into your agent, or, with
signatures.py, into your gateway.

relay-admin-signing(7) explains the rules that it keeps. An agent signs with the key that it has, or with an Ed25519 key:

    signer = Proof(key)
    headers = sign(signer, "POST", "https://relay.example.com/v1/run", body)

    signer = Ed25519(key_id, seed_of(pem))

It sends exactly this method, URL and body with these headers, and no key. The clock may be wrong by less than the window of its policy.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from typing import NamedTuple, Optional

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

LABEL = "relay"  # of our member in both headers, and the tag
COMPONENTS = '("@method" "@authority" "@path" "@query" "content-digest")'
HEADERS = ("content-digest", "signature-input", "signature")
LONGEST = 8192  # characters of a header
PROOF, ED25519 = 32, 64  # bytes of a signature

# Structured fields, RFC 8941: only so much that members of other labels are skipped.
KEY = r"[a-z*][a-z0-9_.*-]*"
BARE = r"""(?: "(?:[\x20!\x23-\x5b\x5d-\x7e]|\\["\\])*"              # a string
    | :[A-Za-z0-9+/=]*: | \?[01]                                     # bytes, a boolean
    | -?[0-9]{1,12}\.[0-9]{1,3} | -?[0-9]{1,15}                      # a decimal, an integer
    | [A-Za-z*][A-Za-z0-9!\x23$%&'*+.^_`|~:/-]* )"""  # a token
PARAMETERS = rf"(?:;\x20*{KEY}(?:={BARE})?)*"
ITEM = rf"{BARE}{PARAMETERS}"
INNER_LIST = rf"\(\x20*(?:{ITEM}(?:\x20+{ITEM})*\x20*)?\){PARAMETERS}"
MEMBER = re.compile(rf"({KEY})(?:=({INNER_LIST}|{ITEM})|({PARAMETERS}))", re.VERBOSE | re.ASCII)
COMMA = re.compile(r"[ \t]*,[ \t]*")
INPUT = re.compile(
    rf'\(\x20*"@method"\x20+"@authority"\x20+"@path"\x20+"@query"\x20+"content-digest"\x20*\)({PARAMETERS})', re.VERBOSE | re.ASCII
)
PARAMETER = re.compile(rf";\x20*({KEY})(?:=({BARE}))?", re.VERBOSE | re.ASCII)
FORMS = {
    "created": re.compile("0|[1-9][0-9]{0,11}"),  # more digits are not seconds
    "nonce": re.compile('"([A-Za-z0-9_-]{8,64})"'),
    "keyid": re.compile('"([0-9a-hjkmnp-tv-z]{12})"'),
    "tag": re.compile(f'"({LABEL})"'),
}
SIGNATURE = re.compile(":((?:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)|(?:[A-Za-z0-9+/]{85}[AQgw]==)):")
DIGEST = re.compile("sha-256=:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=:")
METHOD = re.compile("[A-Za-z0-9!#$%&'*+.^_`|~-]+")
PRINTABLE = re.compile("[!-~]+")
TARGET = re.compile(r"(?:https?://([^/?#]*))?([^?#]*)(\?[^#]*)?", re.IGNORECASE)
URL = re.compile(r"(https?)://([A-Za-z0-9.:\[\]-]+)([^?#]*)(\?[^#]*)?", re.IGNORECASE)
PEM = re.compile(r"-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----")
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # what is before the seed of an Ed25519 key
API_KEY = re.compile("relay_sk_([0-9a-hjkmnp-tv-z]{12})_[0-9A-Za-z]{49}\n?")


class Malformed(Exception):
    """The request claims to be signed, and cannot be: it says why."""


class Request(NamedTuple):
    """A request as it came, before a framework has decoded, merged or resolved anything."""

    method: str
    target: str  # of the request line, or `:path`
    headers: list  # of (name, value)
    body: bytes  # without chunks, but as compressed as it came
    authority: Optional[str] = None  # HTTP/2: `:authority`
    peer: Optional[str] = None  # the address of who sent it: a proxy, or the caller


class Signed(NamedTuple):
    """What a request that is signed says about itself. Nothing of it is verified."""

    key_id: str
    created: int  # seconds since 1970
    nonce: str
    digest: str  # the header Content-Digest
    signature: bytes
    base: bytes

    @property
    def message(self):
        """What a proof is made of, and the database gets."""
        return hashlib.sha256(self.base).digest()


def digest_of(body):
    """The header Content-Digest of a body."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def normal(authority, scheme):
    """An authority in lower case, without the port that its scheme has anyway."""
    return re.sub(":80$" if scheme == "http" else ":443$", "", authority.lower())


def base_of(method, authority, path, query, digest, parameters):
    """The signature base of RFC 9421."""
    values = {"@method": method, "@authority": authority, "@path": path or "/", "@query": query or "?", "content-digest": digest}
    lines = [f'"{name}": {value}' for name, value in values.items()]
    return "\n".join([*lines, f'"@signature-params": {COMPONENTS}{parameters}']).encode("ascii")


# ---- the agent


def xor(one, other):
    return bytes(left ^ right for left, right in zip(one, other))


class Proof:
    """Signs with an API key. A proof shows that the agent has the key, and not the key."""

    def __init__(self, key):
        match = API_KEY.fullmatch(key)
        if not match:
            raise ValueError("this is not an API key")
        self.key_id, self.digest = match[1], hashlib.sha256(key.removesuffix("\n").encode()).digest()
        self.verifier = hashlib.sha256(self.digest).digest()

    def sign(self, base):
        return xor(self.digest, hmac.digest(self.verifier, hashlib.sha256(base).digest(), "sha256"))


def seed_of(pem):
    """The seed of a private key of Ed25519 in PEM, as `agent keygen` and openssl write it. Raises ValueError."""
    match = PEM.fullmatch(pem.strip())
    der = base64.b64decode(match[1]) if match else b""
    if len(der) != 48 or not der.startswith(PKCS8):
        raise ValueError("this is not a private key of Ed25519 in PEM")
    return der[16:]


class Ed25519:
    """Signs with the private key (a seed of 32 bytes) whose public key `rotate-key --public-key` has registered."""

    def __init__(self, key_id, seed):
        self.key_id, self.key = key_id, SigningKey(seed)

    def sign(self, base):
        return self.key.sign(base).signature


def sign(signer, method, url, body=b"", *, created=None, nonce=None):
    """The three headers of a request. Raises ValueError for a URL that cannot be signed as it is: it must be encoded already."""
    match = URL.fullmatch(url) if PRINTABLE.fullmatch(url) else None
    if not match or not METHOD.fullmatch(method) or method == "CONNECT" or match[3][:1] not in ("", "/"):
        raise ValueError(f"this cannot be signed: {method} {url}")
    created, nonce = int(time.time()) if created is None else created, nonce or secrets.token_urlsafe(16)
    parameters = f';created={created};nonce="{nonce}";keyid="{signer.key_id}";tag="{LABEL}"'
    base = base_of(method, normal(match[2], match[1].lower()), match[3], match[4], digest_of(body), parameters)
    return {
        "Content-Digest": digest_of(body),
        "Signature-Input": f"{LABEL}={COMPONENTS}{parameters}",
        "Signature": f"{LABEL}=:{base64.b64encode(signer.sign(base)).decode()}:",
    }


# ---- the gateway


def values(request, name):
    return [value.strip(" \t") for header, value in request.headers if header.lower() == name]


def member(text):
    """The value of our member of a dictionary, as text; None: it has none."""
    if len(text) > LONGEST:
        raise Malformed("a header is too long")
    found, at = {}, 0
    while at < len(text):
        match = MEMBER.match(text, at)
        if not match or match[1] in found:
            raise Malformed("a header is not a dictionary, or has a label twice")
        found[match[1]] = match[2] or match[3]
        comma = COMMA.match(text, match.end())
        at = comma.end() if comma else match.end()
        if bool(comma) == (at == len(text)):
            raise Malformed("a header is not a dictionary, or has a label twice")
    return found.get(LABEL)


def parameters_of(text):
    """{name: value} in the order received."""
    match = INPUT.fullmatch(text)
    if not match:
        raise Malformed(f"the components are not {COMPONENTS}")
    found = {}
    for name, value in PARAMETER.findall(match[1]):
        if name not in FORMS or name in found or not FORMS[name].fullmatch(value):
            raise Malformed("a parameter is unknown, came twice, or has another form")
        found[name] = value
    if len(found) != len(FORMS):
        raise Malformed("a parameter is missing")
    return found


def authority_of(request, absolute, names, scheme, proxies):
    hosts, forwarded = values(request, "host"), values(request, "x-forwarded-host")
    shown = {normal(one, scheme) for one in [*hosts, request.authority, absolute] if one is not None}
    if len(hosts) > 1 or len(shown) != 1 or not (hosts or request.authority):
        raise Malformed("two hosts, or none")
    if forwarded and (len(forwarded) > 1 or request.peer not in proxies):
        raise Malformed("X-Forwarded-Host")
    authority = normal(forwarded[0], scheme) if forwarded else shown.pop()
    if not authority or authority not in names:
        raise Malformed("not a host of this gateway")
    return authority


def read(request, names, *, scheme="https", proxies=(), credentials=("authorization",)):
    """Returns what is Signed; None: the request is not signed. Raises Malformed. Verifies nothing.

    `names`: the authorities of this gateway, in lower case, without the default port of the public `scheme`; `proxies`: the addresses that
    may set X-Forwarded-Host; `credentials`: the headers of all other credentials, in lower case, of which a signed request has none."""
    found = {name: values(request, name) for name in HEADERS}
    if any(len(found[name]) > 1 for name in HEADERS[1:]):
        raise Malformed("a header came twice")
    inputs, signatures = (member(found[name][0]) if found[name] else None for name in HEADERS[1:])
    if inputs is None and signatures is None:
        return None
    if any(values(request, name) for name in credentials):
        raise Malformed("two credentials")
    digests = found["content-digest"]
    signature = SIGNATURE.fullmatch(signatures or "")
    if not signature or inputs is None or len(digests) != 1 or not DIGEST.fullmatch(digests[0]):
        raise Malformed("Signature, Signature-Input and Content-Digest go together, with one sha-256")
    parameters = parameters_of(inputs)
    target = TARGET.fullmatch(request.target) if PRINTABLE.fullmatch(request.target) else None
    if not METHOD.fullmatch(request.method) or request.method == "CONNECT" or not target:
        raise Malformed("the method or the target")
    absolute, path, query = target.groups()
    if path[:1] != "/" and (path or absolute is None):
        raise Malformed("the target is not a path")
    authority = authority_of(request, absolute, names, scheme, proxies)
    text = "".join(f";{name}={value}" for name, value in parameters.items())
    return Signed(
        key_id=parameters["keyid"].strip('"'),
        created=int(parameters["created"]),
        nonce=parameters["nonce"].strip('"'),
        digest=digests[0],
        signature=base64.b64decode(signature[1]),
        base=base_of(request.method, authority, path, query, digests[0], text),
    )


def proves(verifier, message, proof):
    """Returns whether a proof was made with the key whose stored hash is `verifier`: the same check as of a key that is shown."""
    digest = xor(proof, hmac.digest(verifier, message, "sha256"))
    return len(proof) == PROOF and hmac.compare_digest(hashlib.sha256(digest).digest(), verifier)


def verifies(public_key, base, signature):
    """Returns whether a signature was made with the private key of a public key. libsodium refuses the keys under which one signature fits
    any text."""
    try:
        VerifyKey(public_key).verify(base, signature)
        return True
    except (BadSignatureError, ValueError):
        return False
