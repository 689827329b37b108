// Counts the uses of keys, and reports them to the database in batches. Copy it into your gateway, beside verifier.mjs.
//
// relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on the primary, with a time-out; its rows

import { isIP } from 'node:net';

// Only the database's clock counts, so a report says how long ago each use was.
const REPORT = `
  SELECT again FROM relay_api.report_uses($1::text[], $2::inet[], ARRAY(
      SELECT clock_timestamp() - age * interval '1 second' FROM unnest($3::float8[]) WITH ORDINALITY AS said (age, place)
      ORDER BY place), $4::integer[])`;
const INTERVAL = 10e3; // milliseconds from report to report
const PAGE = 1000; // entries of one call, which takes far less than a time-out
const MOST = 100_000; // entries that are kept, one for each key and address: about 30 MB
const MOST_REPEATS = 1000; // calls that are being repeated
const MOST_USES = 2 ** 31 - 1; // of one entry: what an integer holds

/** What the database takes as an address: null for any other text, which must not spoil a report. */
const address = (text) => (text && isIP(text) && !text.includes('%') ? text : null);

/**
 * Counts, in one entry for each key and address, and reports every 10 seconds.
 *
 * No check waits for a report, and none fails because of one. Entries that could not be reported are part of the next
 * report. `lost` counts the uses that had no room, and those that the last report did not deliver.
 */
export class Uses {
  gathered = new Map(); // key id and address -> {keyId, ip, uses, at: when it was last used}
  repeating = new Set();
  lost = 0;
  reporting = null; // a promise of the end of the report that is under way

  constructor(query, interval = INTERVAL) {
    this.query = query;
    this.timer = setInterval(() => this.report(), interval).unref();
  }

  /** Counts one accepted call. */
  count(keyId, ip) {
    this.add(keyId, ip, 1, performance.now());
  }

  add(keyId, ip, uses, at) {
    const place = `${keyId} ${ip}`;
    const entry = this.gathered.get(place);
    if (entry) {
      entry.uses += uses;
      if (at > entry.at) entry.at = at;
    } else if (this.gathered.size < MOST) {
      this.gathered.set(place, { keyId, ip, uses, at });
    } else {
      this.lost += uses;
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
    } catch { // the answer is not kept, so the next call with the key asks again
    } finally {
      this.repeating.delete(keyId);
    }
  }

  /** Reports what was gathered, unless a report is under way; keeps what could not be recorded for the next one. */
  report() {
    this.reporting ??= this.sendAll().finally(() => { this.reporting = null; });
    return this.reporting;
  }

  async sendAll() {
    let [left, again] = [[...this.gathered.values()], []];
    this.gathered = new Map();
    try {
      for (; left.length > 0; left = left.slice(PAGE)) again = again.concat(await this.send(left.slice(0, PAGE)));
    } catch { // of the network or of the database: the next report may work
      again = again.concat(left);
    }
    for (const { keyId, ip, uses, at } of again) this.add(keyId, ip, uses, at);
  }

  /** Reports some entries in one call; the entries to report again. */
  async send(batch) {
    const now = performance.now();
    const [row] = await this.query(REPORT, [
      batch.map(({ keyId }) => keyId), batch.map(({ ip }) => address(ip)), batch.map(({ at }) => (now - at) / 1e3),
      batch.map(({ uses }) => Math.min(uses, MOST_USES)),
    ]);
    return row.again.map((place) => batch[place - 1]);
  }

  /** Reports the last uses. Call it when the gateway stops, and has no call under way. */
  async close() {
    clearInterval(this.timer);
    await this.reporting;
    await this.report();
    for (const { uses } of this.gathered.values()) this.lost += uses;
    this.gathered.clear();
  }
}
