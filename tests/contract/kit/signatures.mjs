// Verifies requests that are signed: form, time, body, signature and nonce, with the decisions of a Verifier. Copy it into your
// gateway, beside signing.mjs, verifier.mjs and nonces.mjs.
//
// relay-admin-signing(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on the primary; its rows

import { Nonces } from './nonces.mjs';
import { Malformed, PROOF, digestOf, messageOf, normal, proves, publicKey, read, verifies } from './signing.mjs';
import { WITH_POLICY } from './verifier.mjs';

const COLUMNS = `
  SELECT d.*, policy.*,
         extract(epoch FROM LEAST(d.expires_at, policy.changes_at))::float8 - extract(epoch FROM now())::float8 AS seconds_left,
         extract(epoch FROM clock_timestamp())::float8 AS now`;
const AUTHENTICATE =
  `${COLUMNS} FROM relay_api.authenticate_signed($1, $2, $3, to_timestamp($4), $5, $6, $7, $8) AS d${WITH_POLICY}`;
const SIGNER = `${COLUMNS} FROM relay_api.signer($1, to_timestamp($2), $3, $4, $5, $6) AS d${WITH_POLICY}`;
const ACCEPT = 'SELECT ok, reason, report_now FROM relay_api.accept_signed($1, $2, to_timestamp($3), $4, $5)';
const REPORT = 'SELECT relay_api.report_violation($1, $2, $3, $4)';
const MAX_KEPT = 60e3; // milliseconds

const refusal = (reason) => ({ ok: false, reason });
const seconds = () => performance.now() / 1e3;

/** Of what is kept: the signatures of the two kinds of keys have two lengths. */
const placeOf = ({ keyId, signature }) => `${keyId} ${signature.length === PROOF}`;

/** too_old or too_early for a request that was signed outside the window of its agent, by the clock of the database; else null. */
function untimely({ decision, clock }, created) {
  const late = seconds() + clock - created;
  return late > decision.window_seconds ? 'too_old' : late < -decision.window_seconds ? 'too_early' : null;
}

/**
 * A gateway built on node:http or node:http2: the request as it came. `body`: all of it, as it came without chunks.
 *
 * node:http refuses two headers Host itself, and drops none of the others from rawHeaders.
 */
export function requestOf(incoming, body) {
  const pairs = [];
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) pairs.push(incoming.rawHeaders.slice(at, at + 2));
  return {
    method: incoming.method,
    target: incoming.url,
    headers: pairs.filter(([name]) => !name.startsWith(':')),
    body,
    authority: pairs.find(([name]) => name === ':authority')?.[1],
    peer: incoming.socket.remoteAddress,
  };
}

export class Signatures {
  // key id and kind -> {decision, verifiesWith, clock}: what verifies the next signature of a key, and the clock of the database
  // minus ours. It is in no log and in no answer: of a proof, it and a request give the digest of the key.
  cache = new Map();
  older = new Map(); // what was in the cache a minute ago, by which time it has ended
  turnAt = 0;
  asking = new Map(); // what is asked about, and the claims -> the answer

  /** `verifier`: a Verifier that follows the feed; `names`, `scheme`, `proxies`, `credentials`: as for `read`. */
  constructor(query, verifier, names, { scheme = 'https', proxies = [], credentials } = {}) {
    const place = { scheme, names: new Set(names.map((name) => normal(name, scheme))), proxies: new Set(proxies), credentials };
    Object.assign(this, { query, verifier, place, nonces: new Nonces(query) });
  }

  /**
   * The decision about a request that is signed, with `ok` and `reason`; null: it is not signed. Throws if the database cannot be
   * asked: then accept no one. `request`: as for `read`, with a body that is not larger than the gateway takes.
   */
  async check(request, claims = {}) {
    let signed;
    try {
      signed = read(request, this.place);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return this.refuse(null, 'malformed', claims);
    }
    if (signed === null) return null;
    const kept = this.kept(signed, claims);
    return kept || !this.verifier.hears() ? this.decide(request, signed, kept, claims) : this.share(request, signed, claims);
  }

  /** Asks, unless another call asks about the same key and claims: then waits, and uses its answer if that is kept. */
  async share(request, signed, claims) {
    const question = JSON.stringify([placeOf(signed), claims.agent_id, claims.org_id]);
    const other = this.asking.get(question);
    if (other) {
      await other.catch(() => {});
      return this.decide(request, signed, this.kept(signed, claims), claims);
    }
    const mine = this.decide(request, signed, null, claims).finally(() => this.asking.delete(question));
    this.asking.set(question, mine);
    return mine;
  }

  /** The decision by what is kept of the key; null: the database is asked. */
  async decide(request, signed, kept, claims) {
    const reason = kept && untimely(kept, signed.created);
    if (reason) return this.refuse(signed.keyId, reason, claims);
    if (digestOf(request.body) !== signed.digest) return this.refuse(signed.keyId, 'digest_mismatch', claims);
    return signed.signature.length === PROOF ? this.decideProof(signed, kept, claims) : this.decideEd25519(signed, kept, claims);
  }

  /** A proof that does not fit the kept decision is asked about, too: the database records the refusal. */
  async decideProof(signed, kept, claims) {
    const { agent_id = null, org_id = null, ip = null, trace_id = null } = claims;
    const message = messageOf(signed);
    let { decision } = kept ?? {};
    if (!kept || !proves(kept.verifiesWith, message, signed.signature)) {
      const shown = [signed.keyId, message, signed.signature, signed.created, agent_id, org_id, ip, trace_id];
      const made = await this.ask(AUTHENTICATE, shown, signed, ({ verifier }) => verifier);
      ({ decision } = made);
      if (decision.ok && !decision.report_now) this.keep(signed, made);
    }
    if (decision.ok && decision.require_nonce) {
      const used = await this.nonces.use(decision, Buffer.from(signed.nonce), new Date(signed.created * 1e3).toISOString());
      if (!used.ok) return this.refuse(signed.keyId, used.reason, claims);
    }
    return decision;
  }

  /** `signer` records nothing, because a key id is public. So a use is recorded, and the decision kept, once a signature is verified. */
  async decideEd25519(signed, kept, claims) {
    const { agent_id = null, org_id = null, ip = null, trace_id = null } = claims;
    const found = kept ?? await this.ask(SIGNER, [signed.keyId, signed.created, agent_id, org_id, ip, trace_id], signed,
      ({ public_key }) => public_key && publicKey(public_key));
    const { decision } = found;
    if (found.verifiesWith && !verifies(found.verifiesWith, signed.base, signed.signature)) { // first: a stranger learns nothing else
      return this.refuse(signed.keyId, 'bad_signature', claims);
    }
    if (!decision.ok) return this.refuse(signed.keyId, decision.reason, claims);
    if (!kept || decision.require_nonce) {
      const [accepted] = await this.query(ACCEPT, [signed.keyId, Buffer.from(signed.nonce), signed.created, ip, trace_id]);
      if (!accepted.ok) return refusal(accepted.reason);
      if (!kept && !decision.report_now && !accepted.report_now) this.keep(signed, found);
    }
    return decision;
  }

  /** What is kept of a key if it may answer a call, or null. */
  kept(signed, claims) {
    const kept = this.cache.get(placeOf(signed)) ?? this.older.get(placeOf(signed));
    return kept && this.verifier.mayAnswer(kept.decision, claims) ? kept : null;
  }

  /** Keeps an answer. Neither a refusal is kept, nor an answer to a use that is not recorded yet. */
  keep(signed, kept) {
    if (performance.now() >= this.turnAt) {
      [this.older, this.cache, this.turnAt] = [this.cache, new Map(), performance.now() + MAX_KEPT];
    }
    this.cache.set(placeOf(signed), kept);
  }

  /** What the database says, to be kept. `secretOf`: what verifies the next signature, of a row. */
  async ask(sql, question, { keyId }, secretOf) {
    const [before, asked] = [performance.now(), this.verifier.changes.number];
    const [{ now, verifier, public_key, ...row }] = await this.query(sql, question);
    const clock = now - (before / 1e3 + seconds()) / 2;
    return { decision: this.verifier.decision(row, before, asked, { key_id: keyId }), clock, verifiesWith: secretOf({ verifier, public_key }) };
  }

  /** Records what the database has not seen. */
  async refuse(keyId, reason, { ip = null, trace_id = null }) {
    await this.query(REPORT, [keyId, reason, ip, trace_id]);
    return refusal(reason);
  }
}
