// Lets a test drive registry.mjs: JSON lines on stdin and stdout, see README.md.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Refused, Registry, read, route } from './registry.mjs';
import { Verifier } from './verifier.mjs';

const pg = createRequire(import.meta.url)('pg'); // by NODE_PATH, which `import` does not know
let pool = null; // of the database that the PG* variables name
let queries = 0;

async function query(sql, values) {
  queries++;
  pool ??= new pg.Pool({ max: 4, connectionTimeoutMillis: 5000, query_timeout: 5000 }).on('error', () => {});
  return (await pool.query(sql, values)).rows;
}

async function connect() {
  const client = new pg.Client({ connectionTimeoutMillis: 5000, query_timeout: 5000, keepAlive: true });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const verifier = new Verifier(query, connect, process.env.GATEWAY_ID);
const registry = new Registry(query, verifier);
const bytes = (body) => Buffer.from(body ?? '', 'latin1');

const OPERATIONS = {
  follow() {
    verifier.follow();
    return {};
  },
  hears: () => ({ hears: verifier.hears() }),
  read({ content_type, body }) {
    const { text, ...said } = read(content_type, bytes(body));
    return said;
  },
  route: ({ method, target }) => ({ request: route(method, target) }),
  async answer({ method, target, agent, org, content_type, body }) {
    queries = 0;
    const decision = { agent_id: agent, org_id: org };
    const { status, answer } = await registry.answer(route(method, target), decision, content_type, bytes(body));
    return { status, answer: JSON.parse(answer), text: answer, queries };
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { op, ...request } = JSON.parse(line);
  const said = await Promise.resolve().then(() => OPERATIONS[op](request)).catch((error) =>
    (error instanceof Refused ? { status: error.status, allow: error.allow, ...JSON.parse(error.answer) } : { error: String(error) }));
  process.stdout.write(JSON.stringify(said) + '\n');
}
process.exit();
