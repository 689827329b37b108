// Keeps an agent registered, see relay-admin-registry(7). Copy it.

export class Registration {
  until = 0;
  isKnown = false;
  closed = false;
  wake = () => {};

  constructor(relay, key, agent, card, instance, lease = 60) {
    Object.assign(this, { key, card });
    this.agents = `${relay}/api/registry/agents`;
    this.me = `/${agent}/`;
    this.process = { instance_id: instance };
    this.usual = { lease_seconds: lease };
  }

  /** [status, answer] of the relay. Throws without one. */
  async ask(method, path, body) {
    const headers = { Authorization: `Bearer ${this.key}` };
    if (body) headers['Content-Type'] = 'application/json';
    const call = { method, headers, body: JSON.stringify(body) };
    call.signal = AbortSignal.timeout(10e3);
    const answer = await fetch(this.agents + path, call);
    const text = await answer.text();
    return [answer.status, answer.ok ? JSON.parse(text) : text];
  }

  /** The seconds to the next beat; 0: it failed. */
  async beat() {
    const began = performance.now(); // the lease ends later than this
    const body = { ...this.process, ...this.usual };
    if (!this.isKnown) body.card = this.card;
    const path = `${this.me}register`;
    const [status, said] = await this.ask('POST', path, body);
    this.isKnown = status === 200; // 409: the registry has no card
    if (status === 422) this.refused = said;
    // Blocked, revoked, or over the limit:
    if (status === 401 || status === 403) this.until = 0;
    if (status !== 200) return 0;
    this.until = began + 1e3 * said.lease_seconds;
    // It speaks for no later process:
    if (body.card) this.process.started_at = said.started_at;
    return said.lease_seconds / 3;
  }

  async run(pause = 0, first = false) {
    for (let failures = 0; !this.closed;) {
      await new Promise((go) => {
        this.wake = go;
        setTimeout(go, 1e3 * pause * (0.7 + 0.3 * Math.random()));
      });
      if (this.closed) break;
      pause = await this.beat().catch(() => 0); // 0: the relay is away
      if (this.refused) throw new Error(`the card: ${this.refused}`);
      failures = pause ? 0 : failures + 1;
      pause ||= Math.min(2 ** failures, 8);
      if (first && !failures) return pause;
    }
    return 0;
  }

  /** Registers, and returns when the relay has said ok. */
  async start() {
    this.running = this.run(await this.run(0, true));
  }

  /** Whether the agent may take messages, by its own clock. */
  holds() {
    return performance.now() < this.until;
  }

  async drain() {
    this.usual.ready = false; // if the registry forgets it
    await this.end('POST', 'drain');
  }

  /** Call it after the last work: a beat would bring it back. */
  async stop() {
    this.closed = true;
    this.wake();
    await this.running;
    await this.end('DELETE', 'unregister');
  }

  async end(method, what) {
    const query = new URLSearchParams(this.process);
    await this.ask(method, `${this.me}${what}?${query}`);
  }

  /** Reports that this agent has refused a message. */
  async report(reason) {
    await this.ask('POST', `${this.me}refused`, { reason });
  }
}
