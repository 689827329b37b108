// Lets a test drive signing.mjs: JSON lines on stdin and stdout, see README.md.

import { createInterface } from 'node:readline';
import * as signing from './signing.mjs';

const bytes = (hex) => Buffer.from(hex, 'hex');
const signerOf = ({ key, key_id, seed }) => (key !== undefined ? signing.proof(key) : signing.ed25519(key_id, bytes(seed)));

const OPERATIONS = {
  /** What a request says about itself, and whether it has the body that was signed. */
  read({ request, names, scheme, proxies }) {
    try {
      const signed = signing.read(request, { names: new Set(names), scheme, proxies: new Set(proxies) });
      if (signed === null) return { unsigned: true };
      const { keyId, signature, base, ...others } = signed;
      return { key_id: keyId, ...others, signature: signature.toString('hex'), base: base.toString(),
        message: signing.messageOf(signed).toString('hex'), has_body: signing.digestOf(request.body) === signed.digest };
    } catch (error) {
      if (error instanceof signing.Malformed) return { malformed: error.message };
      throw error;
    }
  },
  sign({ signer, method, url, body, created, nonce }) {
    return { headers: signing.sign(signerOf(signer), method, url, body, { created, nonce }) };
  },
  proves: ({ verifier, message, signature }) =>
    ({ good: signing.proves(bytes(verifier), bytes(message), Buffer.from(signature, 'base64')) }),
  verifies: ({ public_key, base, signature }) =>
    ({ good: signing.verifies(signing.publicKey(bytes(public_key)), base, Buffer.from(signature, 'base64')) }),
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { op, ...request } = JSON.parse(line);
  let said;
  try {
    said = OPERATIONS[op](request);
  } catch (error) {
    said = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(said) + '\n');
}
