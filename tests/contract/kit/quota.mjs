// Spends what an organization may use, from blocks that it takes from the database. Copy it into your gateway.
//
// relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on the primary, with time-outs; its rows
//   onError(error)       is called if a block could not be given back: log it

// Only the database's clock counts, so it says in how many seconds the day ends.
const TAKE = `
  SELECT granted::float8, reason, remaining::float8, to_char(resets_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS day,
         extract(epoch FROM resets_at - clock_timestamp())::float8 AS seconds_left
  FROM relay_api.take($1, $2, $3, $4)`;
const GIVE_BACK = 'SELECT relay_api.give_back($1, $2, $3, $4::timestamptz)';
const BLOCK = 500; // units of one take
const IDLE = 60e3; // milliseconds without a call, after which a block is given back
const REFUSED = 1e3; // milliseconds for which a refusal counts
const LIMIT = 5e3; // milliseconds that `close` takes at most

/** What is left of the blocks of one organization and meter. */
class Block {
  left = 0; // here
  remaining = null; // in the database when it was last asked; null: no limit
  day = null; // when the day ends, as the database said it
  until = 0; // the same by performance.now()
  usedAt = performance.now();
  asking = null; // a promise of the answer to the question that is under way
  refused = 0; // the units that were refused last
  refusedUntil = 0; // until when that counts

  constructor(orgId, meter) {
    Object.assign(this, { orgId, meter });
  }

  answer(reason) {
    const remaining = this.remaining === null ? null : this.remaining + this.left;
    const retryAfter = Math.max(1, Math.ceil((this.until - performance.now()) / 1e3));
    return { ok: reason === 'ok', reason, remaining, retryAfter, day: this.day };
  }
}

/**
 * Takes blocks, spends from memory, and gives back what no one used.
 *
 * A question to the database is asked by one call, and the others wait for its answer. A refusal counts for a second,
 * so a flood of calls over the limit costs one question per second. If the database is away, calls are accepted until
 * the block is used up, and then `spend` rejects. A process that dies leaves at most one block charged for each
 * organization and meter. A block is never given back twice, because the first time may have worked.
 */
export class Quota {
  blocks = new Map(); // organization and meter -> Block
  closed = false;

  /** `blocks`: {meter: units of one take}, for meters that count in thousands, such as ai_tokens. */
  constructor(query, { block = BLOCK, blocks = {}, idle = IDLE, onError = () => {} } = {}) {
    Object.assign(this, { query, block, sizes: blocks, idle, onError });
    this.timer = setInterval(() => this.giveBackAll(performance.now() - idle), idle / 4).unref();
  }

  /**
   * Spends all of `amount`, or nothing: {ok, reason (ok over_quota), remaining (about what is left of the day; null: no
   * limit), retryAfter (seconds to the end of the day), day (for `give`)}.
   *
   * `orgId`: as authenticate returned it. Rejects if the database must be asked and cannot be.
   */
  async spend(orgId, meter, amount = 1) {
    const key = JSON.stringify([orgId, meter]);
    for (;;) {
      if (!this.blocks.has(key)) this.blocks.set(key, new Block(orgId, meter));
      const block = this.blocks.get(key);
      block.usedAt = performance.now();
      if (block.usedAt >= block.until) block.left = 0; // of a day that is over
      if (block.left >= amount) {
        block.left -= amount;
        return block.answer('ok');
      }
      const missing = amount - block.left;
      if (missing >= block.refused && block.usedAt < block.refusedUntil) return block.answer('over_quota');
      if (block.asking) {
        await block.asking; // rejects as that question did; its answer may be that to this call, too
        continue;
      }
      block.asking = this.refill(block, amount, missing).finally(() => { block.asking = null; });
      const answer = await block.asking;
      if (answer) return answer;
    }
  }

  /**
   * Takes the next block, of which `missing` units are needed, and spends `amount`, before another call does. The answer,
   * or null: others have spent what was left here, so ask again.
   */
  async refill(block, amount, missing) {
    const now = performance.now();
    const size = this.closed ? 0 : this.sizes[block.meter] ?? this.block;
    const [row] = await this.query(TAKE, [block.orgId, block.meter, Math.max(size, missing), missing]);
    block.left = row.granted + (row.day === block.day ? block.left : 0);
    Object.assign(block, { day: row.day, until: now + 1e3 * row.seconds_left, remaining: row.remaining });
    if (!row.granted) {
      Object.assign(block, { refused: missing, refusedUntil: Math.min(performance.now() + REFUSED, block.until) });
      return block.answer(row.reason);
    }
    if (block.left < amount) return null;
    block.left -= amount;
    return block.answer('ok');
  }

  /** Returns what was spent and not needed, such as an estimate of tokens. `day`: of the answer of `spend`. */
  async give(orgId, meter, amount, day) {
    const block = this.blocks.get(JSON.stringify([orgId, meter]));
    if (block?.day === day) block.left += amount;
    else await this.giveBack(orgId, meter, amount, day);
  }

  /** Gives back the blocks that no call has used since `before`. */
  async giveBackAll(before) {
    const unused = [...this.blocks].filter(([, { usedAt, asking }]) => usedAt < before && !asking);
    for (const [key] of unused) this.blocks.delete(key);
    for (const [, { orgId, meter, left, day, until }] of unused) {
      if (left > 0 && performance.now() < until) await this.giveBack(orgId, meter, left, day);
    }
  }

  async giveBack(orgId, meter, amount, day) {
    try {
      await this.query(GIVE_BACK, [orgId, meter, amount, day]);
    } catch (error) {
      await Promise.resolve(error).then(this.onError).catch(() => {}); // else the process would end
    }
  }

  /** Gives all blocks back, but takes at most `limit` milliseconds. Call it when the gateway stops, and has no call under way. */
  async close(limit = LIMIT) {
    this.closed = true;
    clearInterval(this.timer);
    let timer;
    await Promise.race([this.giveBackAll(Infinity), new Promise((go) => { timer = setTimeout(go, limit); })]);
    clearTimeout(timer);
  }
}
