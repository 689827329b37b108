// Accepts each signed call of an agent once. Copy it into your gateway, beside verifier.mjs.
//
// relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
//   query(sql, values)   runs one statement, committed, on the primary; its rows

const USE = 'SELECT ok, reason FROM relay_api.use_nonce($1, $2, $3::timestamptz, make_interval(secs => $4))';

export class Nonces {
  constructor(query) {
    this.query = query;
  }

  /**
   * {ok, reason}. Call it after the signature was verified, or strangers can fill the table.
   *
   * `nonce`: a Buffer of 8 to 64 bytes, or null; `signedAt`: RFC 3339, both as they were signed. Without a nonce a
   * call is accepted only if the policy does not require one. Throws if the database cannot be asked: then refuse.
   */
  async use(decision, nonce, signedAt) {
    if (nonce === null && !decision.require_nonce) return { ok: true, reason: 'ok' };
    const [row] = await this.query(USE, [decision.agent_id, nonce, signedAt, decision.window_seconds]);
    return row;
  }
}
