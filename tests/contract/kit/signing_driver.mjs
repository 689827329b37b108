// Lets a test drive signing.mjs: JSON lines on stdin and stdout, see README.md.

import { createServer } from 'node:http';
import { createServer as createServer2 } from 'node:http2';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Signatures, requestOf } from './signatures.mjs';
import * as signing from './signing.mjs';
import { Verifier } from './verifier.mjs';

const pg = createRequire(import.meta.url)('pg'); // by NODE_PATH, which `import` does not know
const pool = new pg.Pool({ max: 4, connectionTimeoutMillis: 5000 }).on('error', () => {});
let queries = 0;

async function query(sql, values) {
  queries++;
  return (await pool.query(sql, values)).rows;
}

async function connect() {
  const client = new pg.Client();
  await client.connect();
  return client;
}

const verifier = new Verifier(query, connect, process.env.GATEWAY_ID);
const signatures = new Signatures(query, verifier, ['relay.example.com', 'other.example.com']);
const describe = (decision) => {
  if (decision === null) return { unsigned: true };
  const { ok, reason, agent_id = null, org_id = null, permissions = null } = decision;
  return { ok, reason, agent_id, org_id, permissions, names: Object.keys(decision) }; // names: of all that the decision has
};

const bytes = (hex) => Buffer.from(hex, 'hex');
const signerOf = ({ key, key_id, seed, pem }) => (key !== undefined ? signing.proof(key) : signing.ed25519(key_id, pem ?? bytes(seed)));

/** A gateway: reads the body, and answers with the reason of its decision. */
async function serve(incoming, outgoing) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { authorization, 'x-request-id': trace_id } = incoming.headers;
  const claims = { ip: incoming.socket.remoteAddress, trace_id };
  let decision;
  try {
    decision = await signatures.check(requestOf(incoming, Buffer.concat(chunks)), claims);
    decision ??= await verifier.check(/^Bearer (.*)$/.exec(authorization ?? '')?.[1] ?? '', claims);
  } catch (error) { // an error never accepts a call
    decision = { ok: false, reason: String(error) };
  }
  outgoing.writeHead(decision.ok ? 200 : 401).end(decision.reason);
}

/** The port of a server that listens on loopback. */
const listening = (server) => new Promise((done) => { server.listen(0, '127.0.0.1', () => done(server.address().port)); });

const OPERATIONS = {
  serve: async () => ({ http1: await listening(createServer(serve)), http2: await listening(createServer2(serve)) }),
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
  check: async ({ request, ...claims }) => describe(await signatures.check(request, claims)),
  async crowd({ requests, ...claims }) {
    const decisions = await Promise.all(requests.map((one) => signatures.check(one, claims)));
    return { reasons: decisions.map(({ reason }) => reason).sort() };
  },
  bearer: async ({ key, ...claims }) => describe(await verifier.check(key, claims)),
  follow() {
    verifier.follow();
    return {};
  },
  report() {
    const said = { queries };
    queries = 0;
    return said;
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
    said = await OPERATIONS[op](request);
  } catch (error) {
    said = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(said) + '\n');
}
process.exit();
