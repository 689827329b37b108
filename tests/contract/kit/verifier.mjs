// Checks relay keys: parse, checksum, digest, authenticate, cache, forget on change. Copy it into your gateway.
//
// relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on its own connections (a pooler is fine); its rows
//   connect()            a new connected pg.Client, straight to the same server: for LISTEN
//   uses                 a Uses of uses.mjs; null: the database records uses itself, but only those of calls that ask it

import * as crypto from 'node:crypto';
import * as net from 'node:net';

const KEY = /^(relay_sk_([0-9a-hjkmnp-tv-z]{12})_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})\n?$/;
const PERMISSION = /^(?=.{3,129}$)([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])$/;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
// The policy of an agent that is accepted, in the same statement; OFFSET 0: it is not asked about a call that is refused.
export const WITH_POLICY = `
  LEFT JOIN LATERAL (
    SELECT p.qps::float8 AS qps, extract(epoch FROM p."window")::float8 AS window_seconds, p.require_nonce,
           p.addresses::text[] AS addresses, p.changes_at
    FROM relay_api.policy(d.org_id, d.agent_id) AS p WHERE d.ok OFFSET 0) AS policy ON true`;
const AUTHENTICATE = `
  SELECT d.*, policy.*,
         extract(epoch FROM LEAST(d.expires_at, policy.changes_at))::float8 - extract(epoch FROM now())::float8 AS seconds_left
  FROM relay_api.authenticate($1, $2, $3, $4, $5, $6, $7) AS d${WITH_POLICY}`;
const AUTHORIZE = 'SELECT ok, conditions FROM relay_api.authorize($1, $2, $3, $4)';
const SUBJECTS = ['key_id', 'agent_id', 'org_id'];
const [MAX_KEPT, MAX_STALE, POLL, SIGN_OF_LIFE] = [60e3, 5e3, 1e3, 20e3]; // milliseconds
const PACE = 20; // milliseconds from read to read, however often anyone notifies
const GATHER = 5; // milliseconds from a notification to the read: one read for all changes of that moment
const ACKNOWLEDGE = 100; // milliseconds from one acknowledgement to the next, however many changes come
const PAGE = 1000; // rows of the feed
const EVERYTHING = ''; // the subject of a reset
const LENGTH = 71; // characters of a key
const LARGEST = 'yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1'; // 2^256 - 1; digits are in the order of their codes

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = (byte >>> 1) ^ (byte & 1 ? 0xedb88320 : 0);
  return byte;
});

function crc32(text) {
  let crc = -1;
  for (let at = 0; at < text.length; at++) crc = (crc >>> 8) ^ CRC[(crc ^ text.charCodeAt(at)) & 255];
  return ~crc >>> 0;
}

const number = (text) => [...text].reduce((value, digit) => value * 62 + DIGITS.indexOf(digit), 0);
/** In one call if Node is new enough (20.12), which takes a third of the time. `form`: 'hex' or 'buffer'. */
const sha256 = crypto.hash ? (text, form) => crypto.hash('sha256', text, form)
  : (text, form) => crypto.createHash('sha256').update(text).digest(form);
const sleep = (milliseconds) => new Promise((go) => { setTimeout(go, milliseconds); });

/** {keyId, digest: SHA-256 of the key}; null for what cannot be a key. One newline at the end is forgiven. */
export function parse(text) {
  const [, body, keyId, secret, checksum] = KEY.exec(text) ?? [];
  if (!body || number(checksum) !== crc32(body) || secret > LARGEST) return null;
  return { keyId, digest: sha256(body + checksum, 'buffer') };
}

/** What a row of the feed is about: the narrowest that it names. A reset names nothing: EVERYTHING. */
function subject(change) {
  const name = SUBJECTS.find((one) => change[one] !== null);
  return name ? `${name} ${change[name]}` : EVERYTHING;
}

/** The four subjects of which a row can concern a decision. */
const subjects = (decision) => [EVERYTHING, ...SUBJECTS.map((name) => `${name} ${decision[name]}`)];

/** The list of a policy; null for any address. */
function networks(texts) {
  if (texts === null) return null;
  const list = new net.BlockList();
  for (const text of texts) {
    const [address, bits] = text.split('/');
    list.addSubnet(address, Number(bits), net.isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/**
 * Whether the policy of a decision that is kept accepts calls from an address. The database decided about the address of
 * the call that asked.
 */
function allows(decision, ip) {
  if (decision.networks === null) return true;
  const plain = String(ip ?? '').replace(/^::ffff:(?=[0-9.]+$)/i, ''); // as a socket that listens on IPv6 shows IPv4
  const version = net.isIP(plain);
  return version !== 0 && decision.networks.check(plain, `ipv${version}`);
}

/** null: not permitted. []: permitted. Otherwise permitted if the call meets one of these alternatives. */
export function grants(decision, permission) {
  const [, provider, method] = PERMISSION.exec(permission) ?? [];
  const ways = provider ? [permission, `${provider}:*`, `*:${method}`, '*:*'] : [];
  const held = [...new Set(ways)].filter((way) => decision.permissions.includes(way));
  const conditions = held.map((way) => decision.conditions?.[way]);
  return held.length === 0 ? null : conditions.includes(undefined) ? [] : conditions.flat();
}

/**
 * Knows when each subject last changed, in constant memory (8 MB) and constant time, whatever is cached.
 *
 * Reads of the feed are numbered. Each subject has a place with the number of the last read that changed it. Subjects
 * share the places, so a place can be newer than a subject: then a gateway asks once more than it must.
 */
class Changes {
  number = 0;
  places = new Float64Array(2 ** 20);
  salt = crypto.randomInt(2 ** 32);

  place(about) {
    if (about === EVERYTHING) return 0;
    let hash = this.salt;
    for (let at = 0; at < about.length; at++) hash = Math.imul(hash ^ about.charCodeAt(at), 0x01000193);
    return 1 + (hash >>> 0) % (this.places.length - 1);
  }

  /** Notes that these subjects have changed. */
  note(changed) {
    this.number++;
    for (const about of changed) this.places[this.place(about)] = this.number;
  }

  /** Whether nothing that concerns a decision has changed since the gateway asked for it. */
  spare({ asked, places: [everything, key, agent, org] }) {
    const at = this.places;
    return at[everything] <= asked && at[key] <= asked && at[agent] <= asked && at[org] <= asked;
  }

  /** As spare, for any number of places. */
  unchanged(places, asked) {
    return places.every((place) => this.places[place] <= asked);
  }
}

export class Verifier {
  changes = new Changes();
  cache = new Map(); // digest -> decision
  older = new Map(); // what was in the cache a minute ago, by which time it has ended
  turnAt = 0;
  asking = new Map(); // question -> a promise of its answer
  held = new Map(); // subject -> Map of end -> decision
  cursor = null;
  readAt = -MAX_STALE;
  acknowledged = [null, -SIGN_OF_LIFE];

  /** Without a gatewayId the server is a standby, which is polled: it takes neither LISTEN nor acknowledge. */
  constructor(query, connect, gatewayId, uses = null) {
    Object.assign(this, { query, connect, gatewayId, uses });
  }

  /** The decision, with `ok` and `reason`. Throws if the database cannot be asked: then accept no one. */
  async check(text, claims = {}) {
    return this.counted(await this.decide(text, claims), claims);
  }

  /** Counts a call if it is accepted; its decision. */
  counted(decision, { ip }) {
    if (decision.ok) this.uses?.count(decision.key_id, ip);
    return decision;
  }

  /** As check, but counts no use. */
  decide(text, claims) {
    const shown = String(text).replace(/\n$/, '');
    if (shown.length !== LENGTH) return { ok: false, reason: 'malformed' };
    // If the digest is kept, the text is a key: it was parsed when it was first shown.
    const digest = sha256(shown, 'hex');
    const kept = this.kept(digest, claims);
    if (kept !== null) return kept;
    const parsed = parse(text);
    return parsed === null ? { ok: false, reason: 'malformed' } : this.share(digest, parsed, claims);
  }

  /** The kept decision if it may answer a call, or null. Every check that costs no question is answered here. */
  kept(digest, claims) {
    const decision = this.cache.get(digest) ?? this.older.get(digest);
    return decision && this.mayAnswer(decision, claims) ? decision : null;
  }

  /** Whether a decision that is kept still holds, and is one about a call with these claims. */
  mayAnswer(decision, { agent_id, org_id, ip }) {
    return performance.now() < decision.until && this.hears() && this.changes.spare(decision) &&
      (agent_id ?? decision.agent_id) === decision.agent_id && (org_id ?? decision.org_id) === decision.org_id &&
      allows(decision, ip);
  }

  /** Whether we hear of changes. If not, an answer holds for its own call only. */
  hears() {
    return performance.now() < this.readAt + MAX_STALE;
  }

  /**
   * Asks, unless another call asks the same question: then waits, and uses its answer if that is kept. A refusal is
   * not: each call that is refused asks, and the database records it.
   */
  async share(digest, parsed, claims) {
    if (!this.hears()) return this.refill(digest, parsed, claims);
    const question = JSON.stringify([digest, claims.agent_id, claims.org_id]);
    const other = this.asking.get(question);
    if (other) {
      await other.catch(() => {});
      return this.kept(digest, claims) ?? this.refill(digest, parsed, claims);
    }
    const mine = this.refill(digest, parsed, claims).finally(() => this.asking.delete(question));
    this.asking.set(question, mine);
    return mine;
  }

  /** Asks the database, and keeps the answer; but neither a refusal, nor an answer to a use that is not recorded yet. */
  async refill(digest, parsed, claims) {
    const decision = await this.ask(parsed, claims);
    if (!decision.ok) return decision;
    if (this.uses && decision.report_now) {
      if (!this.gatewayId) this.uses.repeat(AUTHENTICATE, this.question(parsed, claims));
      return decision;
    }
    if (performance.now() >= this.turnAt) {
      [this.older, this.cache, this.turnAt] = [this.cache, new Map(), performance.now() + MAX_KEPT];
    }
    this.cache.set(digest, decision);
    return decision;
  }

  /** The values of AUTHENTICATE. */
  question({ keyId, digest }, { agent_id = null, org_id = null, ip = null, trace_id = null } = {}) {
    return [keyId, digest, agent_id, org_id, ip, trace_id, this.uses !== null];
  }

  /** The decision of the database itself, with the time until which it may be kept. Counts no use. */
  async ask({ keyId, digest }, claims) {
    const [now, asked] = [performance.now(), this.changes.number];
    const [row] = await this.query(AUTHENTICATE, this.question({ keyId, digest }, claims));
    return this.decision(row, now, asked, { key_id: keyId, digest });
  }

  /** The decision in an answer of the database to a question of the moment `now`, when `asked` was the number of the last read. */
  decision(row, now, asked, about) {
    const until = now + Math.min(MAX_KEPT, row.seconds_left === null ? MAX_KEPT : row.seconds_left * 1e3);
    const decision = { ...row, ...about, networks: networks(row.addresses), until, asked };
    return { ...decision, places: subjects(decision).map((subject) => this.changes.place(subject)) };
  }

  /** As grants; a no is the word of the database, which records it. */
  async permit(decision, permission, { ip = null, trace_id = null } = {}) {
    const granted = grants(decision, permission);
    if (granted !== null) return granted;
    const [row] = await this.query(AUTHORIZE, [decision.agent_id, permission, ip, trace_id]);
    return row.ok ? row.conditions ?? [] : null;
  }

  /** As check, for a connection that stays open: `end()` is called once when a block or a revocation is about it. */
  async hold(text, end, claims = {}) {
    for (;;) {
      const decision = await this.decide(text, claims);
      if (!decision.ok) return decision;
      if (!this.changes.spare(decision)) continue;
      this.release(end); // the connection has shown another key before
      for (const about of subjects(decision)) {
        if (!this.held.has(about)) this.held.set(about, new Map());
        this.held.get(about).set(end, decision);
      }
      return this.counted(decision, claims);
    }
  }

  /** The connection is closed: forget it. */
  release(end) {
    const decision = this.held.get(EVERYTHING)?.get(end);
    for (const about of decision ? subjects(decision) : []) {
      this.held.get(about).delete(end);
      if (this.held.get(about).size === 0) this.held.delete(about);
    }
  }

  /** Follows the changes and never returns. */
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
          const rest = told ? 0 : Math.min(POLL, this.acknowledgeAt() - performance.now());
          await new Promise((go) => { wake = go; timer = setTimeout(go, rest); });
          clearTimeout(timer);
          await sleep(Math.max(GATHER, this.readAt + PACE - performance.now()));
          if (told instanceof Error) throw told;
        }
      } catch { // whatever it was, we do not hear of changes, so the cache must not be used
        this.readAt = -MAX_STALE;
        await feed?.end().catch(() => {});
        await sleep(POLL);
      }
    }
  }

  async catchUp(feed) {
    let now, rows;
    do { // a page that is not full is the last one
      now = performance.now();
      ({ rows } = await feed.query('SELECT * FROM relay_api.changes_since($1, $2)', [this.cursor, PAGE]));
      await this.apply(rows);
    } while (rows.length === PAGE);
    this.readAt = now;
    if (now >= this.acknowledgeAt()) {
      await feed.query('SELECT relay_api.acknowledge($1, $2)', [this.gatewayId, this.cursor]);
      this.acknowledged = [this.cursor, now];
    }
  }

  /** When the next acknowledgement is due. */
  acknowledgeAt() {
    const [cursor, at] = this.acknowledged;
    return this.gatewayId ? at + (cursor === this.cursor ? SIGN_OF_LIFE : ACKNOWLEDGE) : Infinity;
  }

  async apply(changes) {
    this.changes.note(new Set(changes.map(subject)));
    const kicking = new Set(changes.filter((change) => change.kicks).map(subject));
    const asking = kicking.delete(EVERYTHING) ? [EVERYTHING] : [];
    for (const about of [...kicking, ...asking]) { // those that it must ask about at last
      for (const [end, decision] of [...this.held.get(about) ?? []]) {
        if (about === EVERYTHING && (await this.ask({ keyId: decision.key_id, digest: decision.digest })).ok) continue;
        this.release(end);
        end();
      }
    }
    this.cursor = changes.at(-1)?.next_cursor ?? this.cursor;
  }
}
