// Checks relay keys: parse, checksum, digest, authenticate, cache, forget on change. Copy it into your gateway.
//
// relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on its own connections (a pooler is fine); its rows
//   connect()            a new connected pg.Client, straight to the same server: for LISTEN

import { createHash } from 'node:crypto';

const KEY = /^(relay_sk_([0-9a-hjkmnp-tv-z]{12})_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})\n?$/;
const PERMISSION = /^(?=.{3,129}$)([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])$/;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const AUTHENTICATE = `
  SELECT d.*, extract(epoch FROM d.expires_at)::float8 - extract(epoch FROM now())::float8 AS seconds_left
  FROM relay_api.authenticate($1, $2, $3, $4, $5, $6) AS d`;
const AUTHORIZE = 'SELECT ok, conditions FROM relay_api.authorize($1, $2, $3, $4)';
const SUBJECTS = ['key_id', 'agent_id', 'org_id'];
const [MAX_KEPT, MAX_STALE, POLL, SIGN_OF_LIFE] = [60e3, 5e3, 1e3, 20e3]; // milliseconds
const PACE = 20; // milliseconds from read to read, however often anyone notifies

const number = (text) => [...text].reduce((value, digit) => value * 62n + BigInt(DIGITS.indexOf(digit)), 0n);

function crc32(text) {
  let crc = -1;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return BigInt(~crc >>> 0);
}

/** {keyId, digest: SHA-256 of the key}; null for what cannot be a key. One newline at the end is forgiven. */
export function parse(text) {
  const [, body, keyId, secret, checksum] = KEY.exec(text) ?? [];
  if (!body || number(checksum) !== crc32(body) || number(secret) >= 1n << 256n) return null;
  return { keyId, digest: createHash('sha256').update(body + checksum).digest() };
}

/** What a row of the feed is about: the narrowest that it names. A reset names nothing: '', which is everything. */
function subject(change) {
  const name = SUBJECTS.find((one) => change[one] !== null);
  return name ? `${name} ${change[name]}` : '';
}

const concerned = (subjects, decision) =>
  subjects.has('') || SUBJECTS.some((name) => subjects.has(`${name} ${decision[name]}`));

/** null: not permitted. []: permitted. Otherwise permitted if the call meets one of these alternatives. */
export function grants(decision, permission) {
  const [, provider, method] = PERMISSION.exec(permission) ?? [];
  const ways = provider ? [permission, `${provider}:*`, `*:${method}`, '*:*'] : [];
  const held = [...new Set(ways)].filter((way) => decision.permissions.includes(way));
  const conditions = held.map((way) => decision.conditions?.[way]);
  return held.length === 0 ? null : conditions.includes(undefined) ? [] : conditions.flat();
}

export class Verifier {
  cache = new Map();
  held = new Map(); // end -> decision
  counter = 0;
  cursor = null;
  readAt = -MAX_STALE;
  acknowledged = [null, 0];

  /** Without a gatewayId the server is a standby, which is polled: it takes neither LISTEN nor acknowledge. */
  constructor(query, connect, gatewayId) {
    Object.assign(this, { query, connect, gatewayId });
  }

  /** The decision, with `ok` and `reason`. Throws when the database cannot be asked: then nobody is let in. */
  async check(text, claims = {}) {
    const parsed = parse(text);
    if (parsed === null) return { ok: false, reason: 'malformed' };
    const [name, now, before] = [parsed.digest.toString('hex'), performance.now(), this.counter];
    const kept = this.cache.get(name);
    if (kept && now < kept.until && now < this.readAt + MAX_STALE &&
        (claims.agent_id ?? kept.agent_id) === kept.agent_id && (claims.org_id ?? kept.org_id) === kept.org_id) {
      return kept;
    }
    const decision = await this.ask(parsed, claims);
    // Only if no change came in between; and a refusal is never kept.
    if (decision.ok && before === this.counter) this.cache.set(name, decision);
    return decision;
  }

  /** The decision of the database itself, with the time until which it may be kept. */
  async ask({ keyId, digest }, { agent_id = null, org_id = null, ip = null, trace_id = null } = {}) {
    const now = performance.now();
    const [row] = await this.query(AUTHENTICATE, [keyId, digest, agent_id, org_id, ip, trace_id]);
    const until = now + Math.min(MAX_KEPT, row.seconds_left === null ? MAX_KEPT : row.seconds_left * 1e3);
    return { ...row, key_id: keyId, digest, until };
  }

  /** As grants; a no is the word of the database, which records it. */
  async permit(decision, permission, { ip = null, trace_id = null } = {}) {
    const granted = grants(decision, permission);
    if (granted !== null) return granted;
    const [row] = await this.query(AUTHORIZE, [decision.agent_id, permission, ip, trace_id]);
    return row.ok ? row.conditions ?? [] : null;
  }

  /** As check, for a connection that stays open: `end()` is called once when a block or a revocation is about it. */
  async hold(text, end, claims) {
    for (;;) {
      const before = this.counter;
      const decision = await this.check(text, claims);
      if (before !== this.counter && decision.ok) continue;
      if (decision.ok) this.held.set(end, decision);
      return decision;
    }
  }

  /** The connection is closed: forget it. */
  release(end) {
    this.held.delete(end);
  }

  /** Keeps up with the changes, for ever. */
  async follow() {
    for (;;) {
      let feed, timer, told = false, wake = () => {};
      try {
        feed = await this.connect();
        const awake = (error) => { told = error ?? true; wake(); };
        feed.on('notification', () => awake()).on('error', awake).on('end', () => awake(new Error('the feed ended')));
        if (this.gatewayId) await feed.query('LISTEN relay_key_changes'); // before the first read: no change is missed
        for (;;) {
          told = false;
          await this.catchUp(feed);
          await new Promise((go) => { wake = go; timer = setTimeout(go, told ? 0 : POLL); });
          clearTimeout(timer);
          await new Promise((go) => setTimeout(go, this.readAt + PACE - performance.now()));
          if (told instanceof Error) throw told;
        }
      } catch { // whatever it was, we do not hear of changes, so the cache must not be used
        this.readAt = -MAX_STALE;
        await feed?.end().catch(() => {});
        await new Promise((go) => setTimeout(go, POLL));
      }
    }
  }

  async catchUp(feed) {
    let before, now;
    do {
      [before, now] = [this.cursor, performance.now()];
      const { rows } = await feed.query('SELECT * FROM relay_api.changes_since($1)', [before]);
      await this.apply(rows);
    } while (before !== this.cursor);
    this.readAt = now;
    if (this.gatewayId && (this.cursor !== this.acknowledged[0] || now > this.acknowledged[1] + SIGN_OF_LIFE)) {
      await feed.query('SELECT relay_api.acknowledge($1, $2)', [this.gatewayId, this.cursor]);
      this.acknowledged = [this.cursor, now];
    }
  }

  async apply(changes) {
    const about = new Set(changes.map(subject));
    const kicking = new Set(changes.filter((change) => change.kicks).map(subject));
    const certain = new Set([...kicking].filter((one) => one !== ''));
    this.counter += changes.length;
    for (const [name, kept] of this.cache) {
      if (performance.now() >= kept.until || concerned(about, kept)) this.cache.delete(name);
    }
    for (const [end, decision] of [...this.held].filter(([, one]) => concerned(kicking, one))) {
      if (concerned(certain, decision) || !(await this.ask({ keyId: decision.key_id, digest: decision.digest })).ok) {
        this.release(end);
        end();
      }
    }
    this.cursor = changes.at(-1)?.next_cursor ?? this.cursor;
  }
}
