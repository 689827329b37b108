// Checks the envelope of a message before an agent handles it; asks no database. Copy it into your receiver.
//
// `relay-admin schema json message-envelope` has the rules. It checks no signature, so it accepts messages only where they need none.

const MOST_BYTES = 256 * 1024;
const MOST_LEVELS = 64;
const [MOST_DECIMALS, MOST_EXPONENT] = [16383, 2 ** 30 - 1]; // of a number in PostgreSQL
const UNREADABLE = '/: must be JSON that every reader can hold: at most 64 levels, no name twice';
const TEXT = 'must be a text';
const MESSAGE_TYPE = /^[a-z0-9][a-z0-9_-]*(?:[.][a-z0-9][a-z0-9_-]*)*$/;
// Its days exist: 2026-02-30 is not one. A leap second may be one in any zone.
const TIME = new RegExp(
  '^(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)' +
    '|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)' +
    'T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:[.][0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$',
);
const NOT_EVERYWHERE = /\0|\p{Surrogate}/u; // not in PostgreSQL; and halves of pairs

/** Whether PostgreSQL holds a number with these digits after the point and this exponent. */
const isHeld = (decimals, exponent) => decimals - exponent <= MOST_DECIMALS && exponent < MOST_EXPONENT;

/** How many colons JSON has, between names and values and in texts. */
const colons = (json) => json.replaceAll('\\\\', '').replace(/\\u003a/gi, ':').split(':').length - 1;

/** What the JSON text holds. Throws if not every reader can hold it. */
function read(bytes) {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const outside = text.replace(/"[^"\\]*(?:\\[^][^"\\]*)*"/g, '"');
  let depth = 0;
  for (const [bracket] of outside.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > MOST_LEVELS) throw new SyntaxError('too deep');
  }
  for (const [, decimals = '', exponent = '0'] of outside.matchAll(/[0-9]+(?:[.]([0-9]+))?(?:[eE]([+-]?[0-9]+))?/g)) {
    if (!isHeld(decimals.length, Number(exponent))) throw new SyntaxError('a number that PostgreSQL does not hold');
  }
  const value = JSON.parse(text, (name, value) => {
    if (NOT_EVERYWHERE.test(name) || (typeof value === 'string' && NOT_EVERYWHERE.test(value))) {
      throw new SyntaxError('a text with a NUL or half a pair');
    }
    if (typeof value === 'number' && !Number.isFinite(value)) throw new SyntaxError('a number that does not fit a double');
    return value;
  });
  // Of two members with one name JSON.parse has dropped the first, and with it a colon.
  if (colons(text) > colons(JSON.stringify(value))) throw new SyntaxError('a name is given twice');
  return value;
}

function brokenRules(envelope) {
  const field = (name) => (Object.hasOwn(envelope, name) ? envelope[name] : undefined);
  const isText = (name) => typeof field(name) === 'string';
  const rules = [
    ['tenantId', TEXT, isText('tenantId')],
    ['agentId', TEXT, isText('agentId')],
    ['messageType', 'must be words in lower case, joined by dots', isText('messageType') && MESSAGE_TYPE.test(envelope.messageType)],
    ['payload', 'is missing', Object.hasOwn(envelope, 'payload')],
    ['timestamp', 'must be a time of RFC 3339 with a zone', isText('timestamp') && TIME.test(envelope.timestamp)],
    ...['correlationId', 'causationId', 'signature'].map((name) => [name, TEXT, isText(name) || !Object.hasOwn(envelope, name)]),
  ];
  return rules.filter(([, , kept]) => !kept).map(([name, what]) => `/${name}: ${what}`);
}

function judge(raw) {
  const bytes = typeof raw === 'string' ? Buffer.from(raw) : raw;
  if (bytes.length > MOST_BYTES) return { problems: ['/: must have at most 256 KiB'] };
  let envelope;
  try {
    if (typeof raw === 'string' && NOT_EVERYWHERE.test(raw)) throw new SyntaxError('half a pair');
    envelope = read(bytes);
  } catch {
    return { problems: [UNREADABLE] };
  }
  if (envelope === null || typeof envelope !== 'object' || Array.isArray(envelope)) {
    return { problems: ['/: must be an object'] };
  }
  return { envelope, problems: brokenRules(envelope) };
}

/** All that is wrong with an envelope, whoever sent it: a list of "PATH: what". `raw`: a Buffer or text, as received. */
export function envelopeProblems(raw) {
  return judge(raw).problems;
}

/** Seconds since 1970 of a time that TIME matches. 23:59:60 is the second after it. */
export function secondsOf(timestamp) {
  const [, minute, seconds, sign, hours, minutes] = /^(.{16}):([0-9.]+)(?:Z|(.)(..):(..))$/.exec(timestamp);
  const east = sign === undefined ? 0 : (sign === '-' ? -60 : 60) * (60 * hours + Number(minutes));
  return Date.parse(`${minute}:00Z`) / 1000 + Number(seconds) - east;
}

/**
 * {ok, reason, problems}; reasons: ok envelope_invalid tenant_mismatch agent_mismatch stale unverified.
 *
 * `tenantId`, `agentId`: the sender as you know it, not as it says: from authenticate, or the owner of the queue. null as
 * agentId: you know its organization only. `window`: seconds, `window_seconds` of its policy. `messages`: of its policy; unless
 * it is optional, a message is unverified. `now`: seconds since 1970. Record every other reason than ok: with
 * relay_api.refuse_message, or as an agent with POST /api/registry/agents/ID/refused.
 */
export function validateEnvelope(raw, tenantId, agentId, window, messages, now = Date.now() / 1000) {
  if (!Number.isFinite(window)) throw new TypeError('window must be a number of seconds');
  const { envelope, problems } = judge(raw);
  let reason = 'ok';
  if (problems.length > 0) reason = 'envelope_invalid';
  else if (envelope.tenantId !== tenantId) reason = 'tenant_mismatch';
  else if (agentId !== null && envelope.agentId !== agentId) reason = 'agent_mismatch';
  else if (Math.abs(secondsOf(envelope.timestamp) - now) > window) reason = 'stale';
  else if (messages !== 'optional') reason = 'unverified';
  return { ok: reason === 'ok', reason, problems };
}
