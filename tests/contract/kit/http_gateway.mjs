// A whole gateway made of the kit, in Node: POST /PROVIDER/METHOD with a key, and the registry below /api/registry/.
//
//   node http_gateway.mjs            prints its port; libpq's PG* variables name the database
//
// The checks run in this order, and the first one that fails gives the status. 400, 413 and 501: the end of the body is unclear,
// or it is too large or not just in chunks. 401: the key is not accepted. 403: it is, but the call claimed another agent or
// organization, or comes from an address that is not allowed, or the agent has no seat or lacks the permission. 429: the agent
// calls too often, or its organization has used up its calls of the day; Retry-After has the seconds. 503: the database could
// not be asked. Calls to the registry need no permission and spend no call of the day: if these are used up, agents still run.
//
// An agent may sign a call instead of showing its key. GATEWAY_NAMES has the hosts, with commas, that such a call may name.
//
// SIGTERM ends it: it accepts no more calls, waits for those under way, reports the last uses of keys, and gives back the calls
// that were not used. http_gateway.py has what this one leaves out: devices, and calls without a key during a migration.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { Quota } from './quota.mjs';
import { Rates } from './rates.mjs';
import { LONGEST_BODY, PLACE, Refused, Registry, route } from './registry.mjs';
import { requestOf, Signatures } from './signatures.mjs';
import { Uses } from './uses.mjs';
import { Verifier } from './verifier.mjs';

const pg = createRequire(import.meta.url)('pg'); // by NODE_PATH, which `import` does not know
const LONGEST_CALL = 2 ** 20; // bytes
const LONGEST_REST = 2e3; // milliseconds, of a request that has its answer
const FORBIDDEN = ['agent_mismatch', 'org_mismatch', 'over_limit', 'address_not_allowed']; // the caller has a good key
const JSON_TYPE = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };

const pool = new pg.Pool({ max: 16, connectionTimeoutMillis: 5000, query_timeout: 30_000 }).on('error', () => {});
const query = async (sql, values) => (await pool.query(sql, values)).rows;

async function connect() {
  const client = new pg.Client({ connectionTimeoutMillis: 5000, query_timeout: 5000, keepAlive: true });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Runs a statement on a new connection: a report takes no connection from the checks. */
async function record(sql, values) {
  const client = await connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

const uses = new Uses(record, { onError: (error) => console.error(`a report of the uses of keys failed: ${error}`) });
const verifier = new Verifier(query, connect, 'http-gateway-node', uses);
const signatures = new Signatures(query, verifier, (process.env.GATEWAY_NAMES ?? '').replaceAll(' ', '').split(','));
const rates = new Rates(query, 'http-gateway-node');
const quota = new Quota(query, { onError: (error) => console.error(`calls that were not used could not be given back: ${error}`) });
const registry = new Registry(query, verifier);

/** An answer that has no body. */
class Status extends Error {
  constructor(status, headers = {}) {
    super(String(status));
    Object.assign(this, { status, headers });
  }
}

/** The bytes of a body, without chunks. If they are not all read, the connection ends: the rest would be the next request. Node itself
 *  refuses a length beside chunks, and chunks that are unclear. */
async function readBody(request, longest) {
  const { 'transfer-encoding': coding = 'chunked', 'content-length': length = 0 } = request.headers;
  if (coding.toLowerCase() !== 'chunked') throw new Status(501, { Connection: 'close' });
  if (Number(length) > longest) throw new Status(413, { Connection: 'close' });
  const parts = [];
  let left = longest;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    left -= part.length;
    if (left < 0) throw new Status(413, { Connection: 'close' });
    parts.push(part);
  }
  if (request.rawTrailers.length > 0) throw new Status(400, { Connection: 'close' });
  return Buffer.concat(parts);
}

/** The decision about a request that is signed or shows a key, which must belong to the agent `own` if that is given. */
async function identify(request, body, own = null) {
  const { authorization = '', 'x-agent-id': claimed, 'x-org-id': org_id, 'x-request-id': trace_id } = request.headers;
  const [, key = ''] = /^Bearer (.*)$/.exec(authorization) ?? [];
  const claims = { agent_id: own ?? claimed, org_id, ip: request.socket.remoteAddress, trace_id };
  let decision = await signatures.check(requestOf(request, body), claims) ?? await verifier.check(key, claims);
  if (decision.ok && claimed !== undefined && claimed !== decision.agent_id) decision = { ok: false, reason: 'agent_mismatch' };
  if (!decision.ok) {
    throw FORBIDDEN.includes(decision.reason) ? new Status(403) : new Status(401, { 'WWW-Authenticate': 'Bearer' });
  }
  const wait = await rates.refuse(decision);
  if (wait !== null) throw new Status(429, { 'Retry-After': String(wait) });
  return { decision, claims };
}

/** Whether a call meets all conditions; an unknown one is not met. */
const meets = (conditions, call) => Object.entries(conditions).every(([name, limit]) =>
  name === 'max_amount' && typeof call.amount === 'number' && call.amount <= limit);

async function decide(request) {
  const body = await readBody(request, LONGEST_CALL);
  const { decision, claims } = await identify(request, body);
  const alternatives = await verifier.permit(decision, request.url.slice(1).split('?', 1)[0].replaceAll('/', ':'), claims);
  if (alternatives === null) throw new Status(403);
  if (alternatives.length > 0 && !alternatives.some((one) => meets(one, JSON.parse(body)))) throw new Status(403);
  const spent = await quota.spend(decision.org_id, 'api_calls');
  if (!spent.ok) throw new Status(429, { 'Retry-After': String(spent.retryAfter) });
  return { status: 200, answer: 'done\n', headers: { 'Content-Type': 'text/plain' } }; // a real gateway passes the call on here
}

async function askRegistry(request) {
  const body = await readBody(request, LONGEST_BODY);
  const asked = route(request.method, request.url);
  const { decision } = await identify(request, body, asked.own);
  const said = await registry.answer(asked, decision, request.headers['content-type'], body);
  return { ...said, headers: JSON_TYPE };
}

async function answer(request) {
  try {
    if (request.url.startsWith(PLACE)) return await askRegistry(request);
    if (request.method !== 'POST') throw new Status(404, { Connection: 'close' });
    return await decide(request);
  } catch (error) { // an error never accepts a call
    if (error instanceof Status) return error;
    if (error instanceof Refused) return { ...error, headers: { ...JSON_TYPE, ...(error.allow ? { Allow: error.allow } : {}) } };
    return { status: 503, headers: {} };
  }
}

/** The rest of a request that has its answer. If the connection ended while the client still sends, the system would discard the
 *  answer (RFC 9112, 9.6). */
const rest = (request) => new Promise((resolve) => {
  request.resume().once('end', resolve).once('close', resolve);
  setTimeout(resolve, LONGEST_REST).unref();
});

let closing = false;

const server = createServer(async (request, response) => {
  const { status, headers, answer: body = '' } = await answer(request);
  response.sendDate = false;
  if (closing) response.setHeader('Connection', 'close');
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  if (headers.Connection === 'close' && !request.complete) {
    response.flushHeaders();
    await rest(request);
  }
  response.end(request.method === 'HEAD' ? '' : body);
});
process.once('SIGTERM', () => {
  closing = true;
  server.close(async () => {
    await uses.close();
    await quota.close();
    if (uses.status().lost > 0) console.error(`${uses.status().lost} uses of keys could not be reported`);
    process.exit();
  });
  server.closeIdleConnections();
});

verifier.follow();
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
