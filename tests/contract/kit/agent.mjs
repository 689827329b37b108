// A whole agent: it shouts texts, and passes on to other agents of its tenant what it cannot do. Needs amqplib and a RabbitMQ.
//
//   node agent.mjs         its environment, as `relay-admin agent env` prints it, and:
//     FLOWGRID_API_TOKEN     the key of the agent
//     AMQP_URL               the broker; the queue SERVICEBUS_DEDICATED_QUEUE is there
//     INSTANCE_ID            which of its processes it is (default: the name of the host)
//
// It takes messages while its lease lasts, one at a time, and acknowledges each after its work. So the broker gives a message to
// another process if this one is killed. It may do the same work twice. It prints what it does, one JSON object on each line.
//
// SIGTERM ends it: it is not found any more, finishes its work, and unregisters. relay-admin-registry(7) explains the order.

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { validateEnvelope } from './envelope.mjs';
import { Registration } from './registration.mjs';

const amqp = createRequire(import.meta.url)('amqplib'); // by NODE_PATH, which `import` does not know
const SKILL = { id: 'shout', name: 'Shout', description: 'Writes a text in capitals.', tags: ['text'] };
const WINDOW = 300; // seconds: an older message is stale
const MESSAGES = 'optional'; // the policy of the organization: they need no signature
const LOOK = 200; // milliseconds from one look at the lease to the next

const card = (name) => ({
  protocolVersion: '0.3.0', name, description: SKILL.description, version: '1.0.0', url: 'https://agents.example.com/', capabilities: {},
  defaultInputModes: ['text/plain'], defaultOutputModes: ['text/plain'], skills: [SKILL],
});

const say = (event, about = {}) => console.log(JSON.stringify({ event, ...about }));

class Agent {
  stopping = false;
  busy = Promise.resolve(); // the work that is under way
  tag = null; // of the consumer; null: it takes no messages

  constructor(environment) {
    if (!environment.FLOWGRID_TENANT_ID) {
      console.error('FLOWGRID_TENANT_ID is not set: without a tenant there is no work');
      process.exit(1);
    }
    [this.tenant, this.id] = [environment.FLOWGRID_TENANT_ID, environment.AGENT_ID];
    [this.queue, this.broker] = [environment.SERVICEBUS_DEDICATED_QUEUE, environment.AMQP_URL];
    this.registration = new Registration(environment.FLOWGRID_REGISTRY_URL, environment.FLOWGRID_API_TOKEN, this.id,
      card(environment.AGENT_NAME ?? this.id), environment.INSTANCE_ID ?? hostname(), Number(environment.FLOWGRID_LEASE_SECONDS ?? 60));
  }

  async run() {
    await this.connect(); // before it registers: whatever finds it may send immediately
    await this.registration.start();
    say('registered');
    process.once('SIGTERM', () => this.stop());
    while (!this.stopping) {
      await this.look().catch((error) => say('cut', { error: error.message }));
      await sleep(LOOK);
    }
  }

  async connect() {
    while (!this.stopping) {
      try {
        this.connection = await amqp.connect(this.broker);
        this.connection.on('error', () => {}).on('close', () => { [this.connection, this.tag] = [null, null]; });
        this.channel = await this.connection.createConfirmChannel();
        this.channel.on('error', () => {});
        await this.channel.prefetch(1);
        return;
      } catch {
        await sleep(1000);
      }
    }
  }

  takes() {
    return this.registration.holds() && !this.stopping;
  }

  /** Takes messages while the lease lasts. After it, others may believe that this agent is gone. */
  async look() {
    if (!this.connection) await this.connect(); // what was not acknowledged comes again
    if (this.takes() && this.tag === null) {
      const channel = this.channel;
      ({ consumerTag: this.tag } = await channel.consume(this.queue, (message) => {
        if (message) this.busy = this.handle(channel, message);
      }));
      say('taking');
    } else if (!this.takes() && this.tag !== null) {
      const { tag } = this;
      this.tag = null;
      await this.channel.cancel(tag);
      say('paused');
    }
  }

  async handle(channel, message) {
    if (!this.takes()) {
      channel.nack(message);
      return;
    }
    try {
      if (await this.receive(channel, message.content)) channel.ack(message);
      else channel.reject(message, false);
    } catch { // the relay is away: later, or another process
      await sleep(1000);
      channel.nack(message);
    }
  }

  async stop() {
    this.stopping = true;
    await this.registration.drain().catch(() => {}); // now, even if there is work under way
    say('draining');
    if (this.tag !== null) await this.channel.cancel(this.tag).catch(() => {});
    await this.busy.catch(() => {});
    await this.registration.stop().catch(() => {}); // without the relay, the lease just ends
    await this.connection?.close().catch(() => {});
    say('stopped');
    process.exit();
  }

  /** Whether it was an envelope that this agent may handle; the broker keeps others as dead letters. */
  async receive(channel, body) {
    const { ok, reason, problems } = validateEnvelope(body, this.tenant, null, WINDOW, MESSAGES);
    if (!ok) {
      say('refused', { reason, problems });
      await this.registration.report(reason);
      return false;
    }
    const envelope = JSON.parse(body);
    const { text, skill } = envelope.payload ?? {};
    say('received', { type: envelope.messageType, text, sender: envelope.agentId });
    if (envelope.messageType !== 'text.requested' || typeof text !== 'string') return true;
    if (skill === SKILL.id) {
      await this.send(channel, envelope.agentId, 'text.answered', { text: text.toUpperCase() }, envelope);
    } else { // it sends the request to an agent of the same tenant that has the skill
      const { agents } = await this.ask(`?skill=${encodeURIComponent(String(skill))}&most=1`);
      for (const { agent_id } of agents) await this.send(channel, agent_id, 'text.requested', envelope.payload, envelope);
    }
    return true;
  }

  /** What the registry says; null for an agent that does not run. */
  async ask(path) {
    const [status, said] = await this.registration.ask('GET', path);
    if (status !== 200 && status !== 404) throw new Error(`the registry said ${status}`);
    return status === 200 ? said : null;
  }

  /** Sends an envelope to an agent that runs, and returns when the broker has it. The registry knows its queue. */
  async send(channel, receiver, messageType, payload, cause) {
    const found = await this.ask(`/${encodeURIComponent(receiver)}`);
    if (!found) {
      say('gone', { receiver });
      return;
    }
    const envelope = {
      tenantId: this.tenant, agentId: this.id, messageType, payload, timestamp: new Date().toISOString(),
      correlationId: cause.correlationId ?? randomUUID(),
    };
    channel.sendToQueue(found.queue, Buffer.from(JSON.stringify(envelope)), { persistent: true });
    await channel.waitForConfirms();
    say('sent', { type: messageType, receiver });
  }
}

await new Agent(process.env).run();
