// node http_message_signatures.mjs NODE_MODULES < REQUESTS: what an implementation of RFC 9421 that we did not write makes of
// requests, as JSON. Only node:crypto is between it and the keys; nothing here is of the kit.
//
//   {sign: {key | key_id, seed}, method, url, headers, created, nonce}  ->  the headers
//   {verify: {key | key_id, seed}, method, url, headers}                ->  true, or what it says
import * as crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { httpbis } = createRequire(join(process.argv[2], "x"))("http-message-signatures");
const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest();

// A proof: its key XOR an HMAC of the message, both with SHA-256.
function proofKey(key) {
  const digest = sha256(key);
  const pad = (base) => crypto.createHmac("sha256", sha256(digest)).update(sha256(base)).digest();
  const proof = (base) => Buffer.from(pad(base).map((byte, at) => byte ^ digest[at]));
  return { id: key.slice(9, 21), sign: async (base) => proof(base), verify: async (base, shown) => proof(base).equals(shown) };
}

function ed25519Key(id, seed) {
  const d = Buffer.from(seed, "hex").toString("base64url");
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(d, "base64url")]);
  const key = crypto.createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const verify = async (base, shown) => crypto.verify(null, base, crypto.createPublicKey(key), shown);
  return { id, sign: async (base) => crypto.sign(null, base, key), verify };
}

const keyOf = ({ key, key_id, seed }) => (key ? proofKey(key) : ed25519Key(key_id, seed));
const fields = ["@method", "@authority", "@path", "@query", "content-digest"];

async function answer({ sign, verify, method, url, headers, created, nonce }) {
  const key = keyOf(sign ?? verify);
  if (sign) {
    const paramValues = { created: new Date(created * 1000), nonce, tag: "relay" };
    const params = ["created", "nonce", "keyid", "tag"];
    return (await httpbis.signMessage({ key, name: "relay", fields, params, paramValues }, { method, url, headers })).headers;
  }
  const keyLookup = async ({ keyid }) => (keyid === key.id ? key : null);
  const rules = { keyLookup, requiredFields: fields, requiredParams: ["created", "nonce", "keyid", "tag"], notAfter: 1e12 };
  return httpbis.verifyMessage(rules, { method, url, headers }).catch((error) => String(error));
}

const said = [];
for (const one of JSON.parse(readFileSync(0, "utf8"))) said.push(await answer(one));
process.stdout.write(JSON.stringify(said));
