// Lets a test drive verifier.mjs: JSON lines on stdin and stdout, see README.md.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Nonces } from './nonces.mjs';
import { Rates } from './rates.mjs';
import { Uses } from './uses.mjs';
import { Verifier, parse } from './verifier.mjs';

const pg = createRequire(import.meta.url)('pg'); // by NODE_PATH, which `import` does not know
const DECISION = ['ok', 'reason', 'org_id', 'agent_id', 'permissions', 'expires_at', 'conditions'];
const WORKERS = 2;

const agents = new Map();
const ended = {};
const crowd = [];
let queries = 0;

const monotonic = () => Number(process.hrtime.bigint());
let pool = null; // of the database that the PG* variables name

async function query(sql, values) {
  queries++;
  pool ??= new pg.Pool({ max: 4, connectionTimeoutMillis: 5000, query_timeout: 5000 }).on('error', () => {});
  return (await pool.query(sql, values)).rows;
}

// Connects to FEED_HOST, if it is set: the other connections go through a pooler.
const connect = () => connectTo(process.env.FEED_HOST, process.env.FEED_PORT);

// Runs a statement on a new connection, to PRIMARY_HOST if it is set: the other connections go to a standby.
async function queryPrimary(sql, values) {
  const client = await connectTo(process.env.PRIMARY_HOST, process.env.PRIMARY_PORT);
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function connectTo(host, port) {
  const where = host ? { host, port: Number(port) } : {};
  const client = new pg.Client({ ...where, connectionTimeoutMillis: 5000, query_timeout: 5000, keepAlive: true });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const interval = process.env.REPORT_INTERVAL; // seconds; not set: the gateway does not report
const most = Number(process.env.MOST_ENTRIES);
const uses = interval ? new Uses(queryPrimary, { interval: 1e3 * interval, most }) : null;
const verifier = new Verifier(query, connect, process.env.GATEWAY_ID, uses);

const rates = new Rates(queryPrimary, process.env.GATEWAY_ID ?? 'gateway');
const nonces = new Nonces(queryPrimary);

/** Checks one key again and again. */
class Agent {
  key = null;
  underWay = 0;
  accepted = 0;
  refused = new Set();
  last = null;

  constructor() {
    for (let n = 0; n < WORKERS; n++) this.work();
  }

  async use(key) {
    this.key = null;
    while (this.underWay > 0) await sleep(1);
    this.key = key;
  }

  async work() {
    for (let pause = 1; ; await sleep(pause)) {
      if (this.key === null) continue;
      this.underWay++;
      const { reason } = await verifier.check(this.key).catch((error) => ({ reason: error.message }));
      this.underWay--;
      if (reason === 'ok') [this.accepted, this.last] = [this.accepted + 1, monotonic()];
      else this.refused.add(reason);
      pause = reason === 'ok' ? 1 : 20;
    }
  }

  report() {
    const said = { accepted: this.accepted, refused: [...this.refused].sort(), last: this.last };
    [this.accepted, this.refused] = [0, new Set()];
    return said;
  }
}

const describe = (decision) =>
  Object.fromEntries(DECISION.filter((name) => name in decision).map((name) => [name, decision[name]]));

const OPERATIONS = {
  parse({ text }) {
    const parsed = parse(text);
    return parsed ? { valid: true, key_id: parsed.keyId, digest: parsed.digest.toString('hex') } : { valid: false };
  },
  async ask({ key, ...claims }) {
    const parsed = parse(key);
    return describe(parsed ? await verifier.ask(parsed, claims) : { ok: false, reason: 'malformed' });
  },
  async flood({ key, addresses }) {
    for (let n = 0; n < addresses; n++) {
      await verifier.check(key, { ip: `2001:db8::${n.toString(16)}` });
    }
    return {};
  },
  async rate({ key, calls }) {
    const waits = [];
    for (let n = 0; n < calls; n++) waits.push(await rates.refuse(await verifier.check(key)));
    return { refused: waits.filter((wait) => wait !== null).length, retry_after: waits.at(-1) };
  },
  async nonce({ key, nonce, signed_at }) {
    const { reason } = await nonces.use(await verifier.check(key), nonce && Buffer.from(nonce), signed_at);
    return { reason };
  },
  count({ keys }) {
    for (let n = 0; n < keys; n++) uses.count(`unknown-${n}`, '192.0.2.1');
    return {};
  },
  check: async ({ key, ...claims }) => describe(await verifier.check(key, claims)),
  permit: async ({ key, permission, ...claims }) => ({
    granted: await verifier.permit(await verifier.check(key, claims), permission),
  }),
  follow() {
    verifier.follow();
    return {};
  },
  hold: async ({ key, name }) => describe(await verifier.hold(key, () => { ended[name] = monotonic(); })),
  begin({ key, callers, ...claims }) {
    for (let n = 0; n < callers; n++) crowd.push(verifier.check(key, claims));
    return {};
  },
  async finish() {
    return { reasons: (await Promise.all(crowd.splice(0))).map(({ reason }) => reason).sort() };
  },
  async use({ agent, key }) {
    if (!agents.has(agent)) agents.set(agent, new Agent());
    await agents.get(agent).use(key);
    return {};
  },
  report() {
    const seen = Object.fromEntries([...agents].map(([name, agent]) => [name, agent.report()]));
    const said = { agents: seen, ended, queries };
    queries = 0;
    return said;
  },
  async close({ limit }) {
    await uses.close(1e3 * limit);
    return OPERATIONS.status();
  },
  status() {
    const { lastSuccess, lastError, ...status } = uses.status();
    return { ...status, last_error: lastError, last_success: lastSuccess && lastSuccess / 1e3 };
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { op, ...request } = JSON.parse(line);
  const said = await Promise.resolve(OPERATIONS[op](request)).catch((error) => ({ error: String(error) }));
  process.stdout.write(JSON.stringify(said) + '\n');
}
process.exit();
