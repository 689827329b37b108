// Lets a test drive quota.mjs: JSON lines on stdin and stdout, see README.md.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Quota } from './quota.mjs';

const pg = createRequire(import.meta.url)('pg'); // by NODE_PATH, which `import` does not know
const errors = [];
const pool = new pg.Pool({ max: 4, connectionTimeoutMillis: 5000, query_timeout: 5000 }).on('error', () => {});
let queries = 0;

async function query(sql, values) {
  queries++;
  return (await pool.query(sql, values)).rows;
}

// It fails after its work, as a full log does: that must end nothing.
function onError(error) {
  errors.push(String(error));
  throw new Error('the log is full');
}

const quota = new Quota(query, { blocks: { ai_tokens: 10_000 }, idle: 1e3 * process.env.IDLE, onError });

/** The last answer, with how many calls were accepted, refused and failed. */
async function spend({ org = 'acme', meter = 'messages', amount = 1, times = 1 }) {
  let said = { accepted: 0, refused: 0, failed: 0 };
  for (let n = 0; n < times; n++) {
    try {
      const { retryAfter, ...last } = await quota.spend(org, meter, amount);
      said = { ...said, ...last, retry_after: retryAfter };
      said[last.ok ? 'accepted' : 'refused']++;
    } catch (error) {
      said.failed++;
      said.error_text = String(error);
    }
  }
  return said;
}

const OPERATIONS = {
  spend,
  async crowd({ callers, ...request }) {
    const all = await Promise.all(Array.from({ length: callers }, () => spend(request)));
    const sum = (name) => all.reduce((total, one) => total + one[name], 0);
    return { accepted: sum('accepted'), refused: sum('refused'), failed: sum('failed') };
  },
  async give({ org = 'acme', meter = 'messages', amount, day }) {
    await quota.give(org, meter, amount, day);
    return {};
  },
  async close({ limit }) {
    await quota.close(1e3 * limit);
    return {};
  },
  report() {
    const said = { queries, errors };
    queries = 0;
    return said;
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { op, ...request } = JSON.parse(line);
  const said = await Promise.resolve(OPERATIONS[op](request)).catch((error) => ({ error: String(error) }));
  process.stdout.write(JSON.stringify(said) + '\n');
}
process.exit();
