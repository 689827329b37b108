// Measures verifier.mjs: JSON lines on stdin and stdout, see README.md.

import { createHash, createHmac, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

const { Signatures } = await import(`${process.env.KIT}/signatures.mjs`);
const signing = await import(`${process.env.KIT}/signing.mjs`);
const { Uses } = await import(`${process.env.KIT}/uses.mjs`);
const { Verifier } = await import(`${process.env.KIT}/verifier.mjs`);
const pg = createRequire(import.meta.url)('pg'); // by NODE_PATH, which `import` does not know

let [questions, delay] = [0, 0];
const secrets = {}; // what an answer about a signed call has, too

/** Answers as authenticate would answer for a good key, after `delay` milliseconds. */
async function query(sql, [keyId]) {
  questions++;
  if (delay > 0) await sleep(delay);
  return [{ ok: true, reason: 'ok', org_id: `org-${keyId.slice(0, 2)}`, agent_id: `agent-${keyId}`, permissions: [],
    expires_at: null, conditions: null, seconds_left: null, report_now: false, qps: null, addresses: null,
    window_seconds: 300, require_nonce: false, now: Date.now() / 1e3, ...secrets }];
}

/** Answers as report_uses would answer. */
const record = async () => [{ again: [] }];

async function connect() {
  const client = new pg.Client();
  await client.connect();
  return client;
}

const verifier = new Verifier(query, connect, 'speed', new Uses(record, { interval: 1e3 }));
const keys = readFileSync(process.env.KEYS, 'latin1').split('\n').filter((key) => key !== '');
const any = (count) => keys[Math.floor(Math.random() * count)];

async function perSecond(round, seconds) {
  const began = performance.now();
  let done = 0;
  while (performance.now() < began + 1e3 * seconds) {
    done += await round();
    await turn();
  }
  return done / ((performance.now() - began) / 1e3);
}

const OPERATIONS = {
  async fill(count) {
    for (let at = 0; at < count; at++) {
      if (!(await verifier.check(keys[at])).ok) throw new Error('refused');
      if (at % 1000 === 0) await turn();
    }
    return questions;
  },
  /** [cached checks per second, SHA-256 of the same keys per second] */
  async rate(seconds) {
    const few = keys.slice(0, 1000);
    const caller = { ip: '192.0.2.1' };
    const checks = await perSecond(async () => {
      for (const key of few) await verifier.check(key, caller);
      return 1000;
    }, seconds);
    const hashes = await perSecond(() => {
      for (const key of few) createHash('sha256').update(key).digest('hex');
      return 1000;
    }, seconds);
    return [checks, hashes];
  },
  /** [cached checks of proofs per second, of Ed25519, HMAC-SHA-256 of 400 bytes per second, Ed25519 alone per second] */
  async signed(seconds) {
    const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
    const [proof, pair] = [signing.proof(keys[0]), signing.ed25519('0123456789ab', Buffer.alloc(32))];
    secrets.verifier = sha256(sha256(keys[0]));
    secrets.public_key = Buffer.from('3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29', 'hex'); // of 32 zeros
    const signatures = new Signatures(query, verifier, ['relay.example.com']);
    const body = '{"amount": 100, "currency": "EUR"}';
    const found = [];
    for (const signer of [proof, pair]) {
      const headers = signing.sign(signer, 'POST', 'https://relay.example.com/v1/run?dry=1', body);
      const request = { method: 'POST', target: '/v1/run?dry=1', headers: [['Host', 'relay.example.com'], ...Object.entries(headers)], body };
      const before = questions;
      found.push(await perSecond(async () => {
        for (let n = 0; n < 100; n++) if (!(await signatures.check(request, { ip: '192.0.2.1' })).ok) throw new Error('refused');
        return 100;
      }, seconds));
      if (questions - before > 2) throw new Error('not kept');
    }
    const text = Buffer.alloc(400);
    const [shown, key] = [pair.sign(text), signing.publicKey(secrets.public_key)];
    found.push(await perSecond(() => {
      for (let n = 0; n < 100; n++) createHmac('sha256', secrets.verifier).update(text).digest();
      return 100;
    }, seconds));
    found.push(await perSecond(() => {
      for (let n = 0; n < 100; n++) verify(null, text, key, shown);
      return 100;
    }, seconds));
    return found;
  },
  /** The longest check, or pause between two, in each 100 ms, in microseconds. */
  async stalls(seconds) {
    const found = [];
    let [worst, at] = [0, performance.now()];
    const end = at + 1e3 * seconds;
    for (let next = at + 100; at < end;) {
      await verifier.check(any(1000));
      await turn();
      const before = at;
      at = performance.now();
      worst = Math.max(worst, at - before);
      if (at >= next) {
        found.push(1e3 * worst);
        [worst, next] = [0, at + 100];
      }
    }
    return found;
  },
  /**
   * [checks, questions] of four callers that check one of `count` keys at random every millisecond, while an answer of
   * the database takes 20 ms.
   */
  async share(seconds, count) {
    delay = 20;
    let [checks, before, end] = [0, questions, performance.now() + 1e3 * seconds];
    await Promise.all([1, 2, 3, 4].map(async () => {
      for (; performance.now() < end; checks++, await sleep(1)) await verifier.check(any(count));
    }));
    delay = 0;
    return [checks, questions - before];
  },
  /** The number of questions of that many callers that check each of `count` keys at the same time. */
  async crowd(callers, count) {
    delay = 20;
    const before = questions;
    for (const key of keys.slice(-count)) await Promise.all(Array.from({ length: callers }, () => verifier.check(key)));
    delay = 0;
    return questions - before;
  },
};

verifier.follow();
for (let before = -1; before !== questions; await sleep(10)) { // until the cache answers: the feed is followed
  before = questions;
  await verifier.check(keys[0]);
}
for await (const line of createInterface({ input: process.stdin })) {
  const [op, ...values] = JSON.parse(line);
  process.stdout.write(JSON.stringify(await OPERATIONS[op](...values)) + '\n');
}
process.exit();
