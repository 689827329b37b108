// Lets the calls of an agent through as fast as its policy allows, over all gateways together. Copy it into your gateway,
// beside verifier.mjs.
//
// relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on the primary; its rows

const LEASE = `
  SELECT rate, burst, retry_after, extract(epoch FROM ends_at - clock_timestamp())::float8 AS seconds
  FROM relay_api.lease_rate($1, $2, $3, $4, $5)`;
const QUIET = 1 / 8; // of its limit, at one gateway: an agent that stays below it needs no lease
const LENGTH = 5; // seconds that a lease lasts
const AGAIN = 1; // seconds from a lease that failed to the next try
const IDLE = 60; // seconds after which an agent that does not call is forgotten

const seconds = () => performance.now() / 1e3;

/** What one agent may do at this gateway: tokens, which come back at a rate. */
class Bucket {
  refused = 0;
  retryAfter = 1;
  leasing = null; // the promise of a lease
  seen = 0; // calls since `since`: the demand

  constructor(limit, now) {
    Object.assign(this, { limit, since: now, leaseAt: now, until: now + LENGTH, filled: now });
    this.beQuiet();
    this.tokens = this.burst;
  }

  beQuiet() {
    this.rate = this.limit * QUIET;
    this.burst = Math.min(Math.max(1, this.rate), this.limit);
    this.leased = false;
  }

  has(now) {
    return this.tokens + this.rate * (now - this.filled) >= 1;
  }

  /** Whether one more call is within the rate. */
  take(now) {
    this.tokens = Math.min(this.burst, this.tokens + this.rate * (now - this.filled));
    this.filled = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  demand(now) {
    return this.seen / Math.max(now - this.since, 1);
  }
}

export class Rates {
  buckets = new Map(); // agent -> Bucket, the longest idle first

  constructor(query, gatewayId) {
    Object.assign(this, { query, gatewayId });
  }

  /** Counts a call. null if it may pass; else the seconds to send as Retry-After, with status 429. */
  async refuse(decision) {
    if ((decision.qps ?? null) === null) return null;
    const now = seconds();
    const bucket = this.bucket(decision, now);
    bucket.seen += 1;
    if (bucket.leasing === null && now >= bucket.leaseAt && (bucket.leased ? now >= bucket.until : !bucket.has(now))) {
      if (bucket.leased && bucket.demand(now) < bucket.limit * QUIET) {
        bucket.beQuiet(); // its share goes to the others
        Object.assign(bucket, { seen: 0, since: now, refused: 0, retryAfter: 1 });
      } else {
        bucket.leasing = this.lease(decision, bucket, now).finally(() => { bucket.leasing = null; });
        await bucket.leasing;
      }
    }
    if (bucket.take(now)) return null;
    bucket.refused += 1;
    return bucket.retryAfter;
  }

  /** The bucket of an agent; another limit begins a new one. */
  bucket({ agent_id, qps }, now) {
    let found = this.buckets.get(agent_id);
    if (found?.limit !== qps) found = new Bucket(qps, now);
    this.buckets.delete(agent_id);
    for (const [agent, idle] of this.buckets) {
      if (now <= idle.filled + IDLE) break;
      this.buckets.delete(agent);
    }
    this.buckets.set(agent_id, found);
    return found;
  }

  /** Asks for a share. Without the database the last rate remains for as long as a lease, and then the quiet one. */
  async lease({ agent_id, org_id }, bucket, now) {
    const refused = bucket.refused;
    const values = [agent_id, org_id, this.gatewayId, bucket.demand(now), refused];
    const [row] = await this.query(LEASE, values).catch(() => [null]);
    if (row === null || row.rate === null) {
      bucket.leaseAt = now + AGAIN;
      if (bucket.leased && now >= bucket.until + LENGTH) bucket.beQuiet();
      return;
    }
    const begins = !bucket.leased;
    Object.assign(bucket, { rate: row.rate, burst: row.burst, leased: true });
    bucket.tokens = begins ? bucket.burst : Math.min(bucket.tokens, bucket.burst);
    bucket.until = bucket.leaseAt = now + row.seconds;
    Object.assign(bucket, { seen: 0, since: now, refused: bucket.refused - refused, retryAfter: Math.max(1, row.retry_after) });
  }
}
