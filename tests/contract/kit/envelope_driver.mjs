// Lets a test drive envelope.mjs: JSON lines on stdin and stdout, see README.md.

import { createInterface } from 'node:readline';
import { validateEnvelope } from './envelope.mjs';

for await (const line of createInterface({ input: process.stdin })) {
  const { envelopes, tenant, agent, window, messages, now } = JSON.parse(line);
  const checks = envelopes.map((raw) => validateEnvelope(Buffer.from(raw, 'base64'), tenant, agent, window, messages, now));
  console.log(JSON.stringify({ checks }));
}
