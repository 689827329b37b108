// Counts the uses of keys, and reports them to the database in batches. Copy it into your gateway, beside verifier.mjs.
//
// relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on the primary, with time-outs, on a connection that no check
//                        needs; its rows. A query that never settles ends the reports.
//   onError(error)       is called if a report fails: log it

import { isIP } from 'node:net';
import { setImmediate as pause } from 'node:timers/promises';

// Only the database's clock counts, so a report says how long ago each use was.
const REPORT = `
  SELECT again FROM relay_api.report_uses($1::text[], $2::inet[], ARRAY(
      SELECT clock_timestamp() - age * interval '1 second' FROM unnest($3::float8[]) WITH ORDINALITY AS said (age, place)
      ORDER BY place), $4::integer[])`;
const INTERVAL = 10e3; // milliseconds from report to report
const LIMIT = 5e3; // milliseconds that `close` takes at most
const PAGE = 1000; // entries of one call, which takes far less than a time-out
const MOST = 100_000; // entries that are kept, one for each key and address: about 40 MB
const MOST_ADDRESSES = 1000; // entries with an address, of one key
const MOST_REPEATS = 1000; // calls that are being repeated
const MOST_USES = 2 ** 31 - 1; // of one entry: what an integer holds
const REFUSED = /^2[23]...$/; // the classes of SQLSTATE that are about an entry, and not about the database or the login

/** What the database takes as an address: null for anything else, which must not spoil a report. */
const address = (ip) => (isIP(ip) && !ip.includes('%') ? ip : null);

const inPages = (entries) =>
  Array.from({ length: Math.ceil(entries.length / PAGE) }, (_, n) => entries.slice(n * PAGE, (n + 1) * PAGE));
const usesOf = (entries) => entries.reduce((sum, { uses }) => sum + uses, 0);

/**
 * Counts, in one entry for each key and address, and reports every 10 seconds.
 *
 * No check waits for a report, and none fails because of one. Entries that could not be reported are part of the next
 * report. A key with too many addresses does not take the room of others: the rest is counted without an address, and
 * so is each new entry when half of the room is taken.
 */
export class Uses {
  gathered = new Map(); // key id -> Map of address -> {keyId, ip, uses, at: when it was last used}
  size = 0; // entries that were gathered
  sending = 0; // entries that a report has taken
  repeating = new Set();
  counted = 0; // uses, as delivered and dropped
  delivered = 0;
  dropped = 0;
  failures = 0;
  lastError = null;
  lastSuccess = null;
  closed = false;
  reporting = null; // a promise of the end of the report that is under way

  constructor(query, { interval = INTERVAL, most = MOST, onError = () => {} } = {}) {
    Object.assign(this, { query, most, onError });
    this.timer = setInterval(() => this.report(), interval).unref();
  }

  /** Counts one accepted call. */
  count(keyId, ip) {
    this.counted++;
    this.add({ keyId, ip: address(ip), uses: 1, at: performance.now() });
  }

  add({ keyId, ip, uses, at }) {
    const [addresses, size] = [this.gathered.get(keyId) ?? new Map(), this.size + this.sending];
    if (!addresses.has(ip) && (addresses.size >= MOST_ADDRESSES || size >= this.most / 2)) ip = null;
    const entry = addresses.get(ip);
    if (entry) {
      entry.uses += uses;
      if (at > entry.at) entry.at = at;
    } else if (size < this.most) {
      this.gathered.set(keyId, addresses.set(ip, { keyId, ip, uses, at }));
      this.size++;
    } else {
      this.dropped += uses;
    }
  }

  /**
   * Repeats a call of authenticate on the primary, immediately: its use changes something, which a standby cannot
   * record. Not again after an error: it says that the key is used now. The next call will say so.
   */
  async repeat(sql, values) {
    const [keyId] = values;
    if (this.repeating.has(keyId) || this.repeating.size >= MOST_REPEATS) return;
    this.repeating.add(keyId);
    try {
      await this.query(sql, values);
    } catch { // it may quote the digest. The answer is not kept, so the next call with the key asks again
    } finally {
      this.repeating.delete(keyId);
    }
  }

  /** Reports what was gathered, unless a report is under way; keeps what could not be recorded for the next one. */
  report() {
    this.reporting ??= this.sendGathered().catch((error) => this.fail(error)).finally(() => {
      [this.sending, this.reporting] = [0, null];
    });
    return this.reporting;
  }

  async sendGathered() {
    const batch = [...this.gathered.values()].flatMap((addresses) => [...addresses.values()]);
    [this.gathered, this.sending, this.size] = [new Map(), this.size, 0];
    for (const slice of inPages(await this.sendAll(batch))) { // in slices, because checks wait meanwhile
      this.sending -= slice.length;
      for (const entry of slice) this.add(entry);
      await pause();
    }
  }

  /**
   * Reports page by page; the entries to report again. A page that the database refuses is sent in halves, so that
   * only the entry that it refuses is lost.
   */
  async sendAll(batch) {
    const pages = inPages(batch);
    let again = [];
    while (pages.length > 0) {
      const page = pages.pop();
      try {
        const left = await this.send(page);
        this.delivered += usesOf(page) - usesOf(left);
        again = again.concat(left);
        if (left.length < page.length) [this.failures, this.lastSuccess] = [0, new Date()];
      } catch (error) {
        const half = page.length >> 1;
        if (!REFUSED.test(error?.code)) { // the next report may work
          this.fail(error);
          return again.concat(page, ...pages);
        } else if (half > 0) {
          pages.push(page.slice(0, half), page.slice(half));
        } else {
          this.fail(error);
          this.dropped += page[0].uses;
        }
      }
    }
    return again;
  }

  /** Reports some entries in one call; the entries to report again. */
  async send(page) {
    const now = performance.now();
    const [row] = await this.query(REPORT, [
      page.map(({ keyId }) => keyId), page.map(({ ip }) => ip), page.map(({ at }) => (now - at) / 1e3),
      page.map(({ uses }) => Math.min(uses, MOST_USES)),
    ]);
    return row.again.map((place) => page[place - 1]);
  }

  fail(error) {
    [this.failures, this.lastError] = [this.failures + 1, String(error)];
    try {
      this.onError(error);
    } catch { // it must not end the reports
    }
  }

  /**
   * What to watch. `lost`: uses that had no room or were refused, and after `close` all that were not delivered;
   * `waiting`: uses for the next report; `failures` since `lastSuccess`, a Date, when a report recorded something;
   * `lastError`: the text of the last failure. If `failures` grows, keys look unused that are not.
   */
  status() {
    const { counted, delivered, dropped, failures, lastError, lastSuccess } = this;
    const lost = this.closed ? counted - delivered : dropped;
    return { lost, waiting: counted - delivered - lost, failures, lastError, lastSuccess };
  }

  /**
   * Reports the last uses, but takes at most `limit` milliseconds: after that, a database that does not answer does
   * not keep the gateway from stopping. Call it when the gateway stops, and has no call under way.
   */
  async close(limit = LIMIT) {
    clearInterval(this.timer);
    const last = Promise.resolve(this.reporting).then(() => this.report());
    let timer;
    await Promise.race([last, new Promise((go) => { timer = setTimeout(go, limit); })]);
    clearTimeout(timer);
    this.closed = true;
  }
}
