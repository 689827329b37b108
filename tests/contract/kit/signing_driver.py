"""Lets a test drive signing.py: JSON lines on stdin and stdout, see README.md."""

import base64
import json
import sys

from signing import Ed25519, Malformed, Proof, Request, digest_of, proves, read, sign, verifies


def request_of(said):
    headers = [tuple(one) for one in said["headers"]]
    return Request(said["method"], said["target"], headers, said["body"].encode(), said.get("authority"), said.get("peer"))


def signer_of(said):
    return Proof(said["key"]) if "key" in said else Ed25519(said["key_id"], bytes.fromhex(said["seed"]))


def reading(said):
    """What a request says about itself, and whether it has the body that was signed."""
    request = request_of(said["request"])
    try:
        signed = read(request, set(said["names"]), scheme=said.get("scheme", "https"), proxies=set(said.get("proxies", ())))
    except Malformed as error:
        return {"malformed": str(error)}
    if signed is None:
        return {"unsigned": True}
    found = {**signed._asdict(), "signature": signed.signature.hex(), "base": signed.base.decode(), "message": signed.message.hex()}
    return {**found, "has_body": digest_of(request.body) == signed.digest}


def answer(said):
    """Returns the answer to one request."""
    if said["op"] == "read":
        return reading(said)
    if said["op"] == "sign":
        signed_at = {"created": said.get("created"), "nonce": said.get("nonce")}
        return {"headers": sign(signer_of(said["signer"]), said["method"], said["url"], said["body"].encode(), **signed_at)}
    signature = base64.b64decode(said["signature"])
    if said["op"] == "proves":
        return {"good": proves(bytes.fromhex(said["verifier"]), bytes.fromhex(said["message"]), signature)}
    return {"good": verifies(bytes.fromhex(said["public_key"]), said["base"].encode(), signature)}


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)
