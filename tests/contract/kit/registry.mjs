// Shows the agents of an organization which of them run, and takes their cards and beats. Copy it into your gateway, beside
// verifier.mjs.
//
// relay-admin-registry(7) explains the rules that it keeps.
//
//   POST   /api/registry/agents/ID/register    {card, instance_id, lease_seconds}: the agent runs. Without a card, a beat: it still runs
//   POST   /api/registry/agents/ID/drain       with ?instance_id=&started_at=: it takes no new work, and searches do not find it any more
//   DELETE /api/registry/agents/ID/unregister  with ?instance_id=&started_at=: it has stopped
//   POST   /api/registry/agents/ID/refused     {reason, claimed_org_id, trace_id}: the agent refused a message of its organization
//   GET    /api/registry/agents, .../search    ?skill=&tag=&capability=&pattern=&after=&most=: those that run and meet all conditions
//   GET    /api/registry/agents/ID             one of them
//
// `route` reads a request. The gateway authenticates the key, with `request.own` as the agent that it must belong to, and gives
// the decision to `Registry.answer`. The organization comes from the decision, never from the request.

// The database makes the answers, so a card passes through as it was sent, whatever this language makes of its numbers.
const TIME = (value) => `to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const LEASE = (call) => `
  SELECT r.reason, jsonb_strip_nulls(jsonb_build_object('ok', r.ok, 'reason', r.reason, 'problems', r.problems,
             'lease_ends_at', ${TIME('r.lease_ends_at')}, 'started_at', ${TIME('r.started_at')},
             'lease_seconds', round(extract(epoch FROM r.lease_ends_at - clock_timestamp())::numeric, 3)))::text AS answer
  FROM relay_api.${call} AS r`;
const REGISTER = LEASE("register($1, $2::json -> 'card', $3, make_interval(secs => $4))");
const HEARTBEAT = LEASE('heartbeat($1, $2, make_interval(secs => $3), $4::timestamptz, $5::boolean)');
const END = (name) => `SELECT jsonb_build_object('ok', true, 'found', relay_api.${name}($1, $2, $3::timestamptz))::text AS answer`;
const ENDS = { drain: END('drain'), unregister: END('unregister') };
const REFUSED = 'SELECT relay_api.refuse_message($1, NULL, $2, $3, $4, $5)';
const ENTRY = `
  SELECT f.agent_id, f.next, jsonb_build_object('agent_id', f.agent_id, 'card', f.card, 'instances', f.instances,
             'lease_ends_at', ${TIME('f.lease_ends_at')}, 'queue', relay_api.queue_name($1, 'agent', f.agent_id))::text AS entry
  FROM relay_api.`;
const FIND = `${ENTRY}find_agents($1, $2, $3, $4, $5, $6, $7) AS f`;
const CARD = `${ENTRY}agent_card($1, $2) AS f`;

export const PLACE = '/api/registry/';
const AGENT = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,126}$/;
const WORD = /^[!-~]{0,127}$/; // the database knows which of them it takes
const NUMBER = /^-?[0-9]{1,15}$/;
const WAYS = new Map([['register', 'POST'], ['drain', 'POST'], ['unregister', 'DELETE'], ['refused', 'POST']]);
const CONDITIONS = ['skill', 'tag', 'capability', 'pattern', 'after', 'most'];
const FIELDS = ['card', 'instance_id', 'lease_seconds', 'started_at', 'ready'];
const REFUSED_FIELDS = ['reason', 'claimed_org_id', 'trace_id'];
const [PAGE, LONGEST_PAGE] = [100, 1000]; // agents
export const LONGEST_BODY = 2 ** 16 + 2 ** 10; // bytes: a card and what is around it
const [LEASE_SECONDS, MOST_SECONDS] = [60, 86_400]; // the database makes a lease of 10 s to 10 min of them
const STATUS = { ok: 200, card_invalid: 422, register: 409 }; // 403: the database refuses the agent
const [MAX_KEPT, MOST_KEPT, MOST_BYTES] = [5e3, 1000, 2 ** 24]; // milliseconds, results, characters of all of them

/** A request that is answered with `status` and `answer`. `allow`: the methods that the place knows, if it is 405. */
export class Refused extends Error {
  constructor(status, reason, problems = [], allow = null) {
    super(reason);
    const answer = JSON.stringify({ ok: false, reason, ...(problems.length > 0 ? { problems } : {}) });
    Object.assign(this, { status, allow, answer });
  }
}

const bad = (...problems) => new Refused(400, 'bad_request', problems);

/** A part of a target, without its percent signs; null for what is not UTF-8, or has a NUL. */
function decode(text) {
  try {
    const plain = decodeURIComponent(text);
    return plain.includes('\0') ? null : plain;
  } catch {
    return null;
  }
}

/** A Map of a query that names each parameter once, and none but these. */
function parameters(query, known) {
  const found = new Map();
  for (const part of query.split('&').filter(Boolean)) {
    const end = part.includes('=') ? part.indexOf('=') : part.length;
    const [name, value] = [part.slice(0, end), part.slice(end + 1)].map((text) => decode(text.replaceAll('+', ' ')));
    if (name === null || value === null) throw bad('the query must be percent-encoded UTF-8');
    if (!known.includes(name)) throw bad(`${name}: not a parameter of this request`);
    if (found.has(name)) throw bad(`${name}: given twice`);
    found.set(name, value);
  }
  return found;
}

function word(value, where) {
  if (typeof value !== 'string' || !WORD.test(value)) throw bad(`${where}: must be at most 127 characters without blanks`);
  return value;
}

/**
 * What a request is about: `operation`, `own` (the agent that must make it, or null) and what belongs to the operation.
 *
 * null: the place is not one of the registry. Throws Refused for 400, 404 and 405.
 */
export function route(method, target) {
  const end = target.includes('?') ? target.indexOf('?') : target.length;
  const [path, query] = [target.slice(0, end), target.slice(end + 1)];
  if (!path.startsWith(PLACE)) return null;
  const [kind, ...parts] = path.slice(PLACE.length).split('/');
  const rest = parts.map(decode);
  if (kind !== 'agents' || rest.length > 2 || (rest.length > 0 && !AGENT.test(rest[0] ?? '')) || (rest.length === 2 && !WAYS.has(rest[1]))) {
    throw new Refused(404, 'not_found');
  }
  const allow = rest.length === 2 ? WAYS.get(rest[1]) : 'GET';
  if (method !== allow) throw new Refused(405, 'method_not_allowed', [], allow);
  if (rest.length === 0 || (rest.length === 1 && rest[0] === 'search')) {
    const given = parameters(query, CONDITIONS);
    const most = given.get('most') ?? String(PAGE);
    if (!NUMBER.test(most)) throw bad('most: must be a whole number');
    const conditions = { ...Object.fromEntries(given), most: Math.min(Math.max(Number(most), 1), LONGEST_PAGE) };
    return { operation: 'find', own: null, conditions };
  }
  if (rest.length === 1 || rest[1] === 'register' || rest[1] === 'refused') {
    parameters(query, []);
    return rest.length === 2 ? { operation: rest[1], own: rest[0] } : { operation: 'card', own: null, agent_id: rest[0] };
  }
  const given = parameters(query, ['instance_id', 'started_at']);
  const instance_id = word(given.get('instance_id') ?? '', 'instance_id');
  return { operation: rest[1], own: rest[0], instance_id, started_at: given.has('started_at') ? word(given.get('started_at'), 'started_at') : null };
}

/** How many colons JSON has, between names and values and in texts. */
const colons = (json) => json.replaceAll('\\\\', '').replace(/\\u003a/gi, ':').split(':').length - 1;

/** The object that a body, a Buffer, is, with at most these fields; and its text. Throws Refused for 400 and 415. */
function readObject(contentType, body, fields) {
  if ((contentType ?? '').split(';')[0].trim().toLowerCase() !== 'application/json') {
    throw new Refused(415, 'unsupported_media_type', ['the body must be application/json']);
  }
  let text, said;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    said = JSON.parse(text, (_, value) => {
      if (typeof value === 'number' && !Number.isFinite(value)) throw new SyntaxError('a number that does not fit a double');
      return value;
    });
    // Of two members with one name JSON.parse has dropped the first, and with it a colon.
    if (colons(text) > colons(JSON.stringify(said))) throw new SyntaxError('a name is given twice');
  } catch {
    throw bad('the body must be JSON in UTF-8, and no object may have a name twice');
  }
  if (typeof said !== 'object' || said === null || Array.isArray(said)) throw bad('the body must be an object');
  const unknown = Object.keys(said).filter((name) => !fields.includes(name)).sort();
  if (unknown.length > 0) throw bad(...unknown.map((name) => `/${name}: unknown field`));
  return { said, text };
}

/** What `register` says: {has_card, instance_id, lease (seconds)}, of a beat started_at and ready, and its text. Throws Refused for 400 and 415. */
export function read(contentType, body) {
  const { said, text } = body.length > 0 ? readObject(contentType, body, FIELDS) : { said: {}, text: '' };
  const { lease_seconds: lease = LEASE_SECONDS, instance_id = '', started_at, ready } = said;
  if (typeof lease !== 'number') throw bad('/lease_seconds: must be a number');
  word(instance_id, '/instance_id');
  if (started_at !== undefined) word(started_at, '/started_at');
  if (ready !== undefined && typeof ready !== 'boolean') throw bad('/ready: must be true or false');
  const seconds = Math.min(Math.max(lease, 0), MOST_SECONDS);
  return { has_card: Object.hasOwn(said, 'card'), instance_id, lease: seconds, started_at: started_at ?? null, ready: ready ?? null, text };
}

/** [reason, claimed_org_id, trace_id] of a message that an agent refused. The database knows the reasons. */
function readRefused(contentType, body) {
  const { said } = readObject(contentType, body, REFUSED_FIELDS);
  for (const name of ['claimed_org_id', 'trace_id']) {
    if (!['string', 'undefined'].includes(typeof (said[name] ?? undefined))) throw bad(`/${name}: must be a text`);
  }
  return [word(said.reason, '/reason'), said.claimed_org_id ?? null, said.trace_id ?? null];
}

/**
 * query(sql, values), on the primary, and a Verifier that follows the feed, as in verifier.mjs.
 *
 * A search is answered from memory for at most 5 seconds, and asked anew if the feed has a row about one of its agents, for
 * example a block. Agents that come and go have no rows, so a search may show them 5 seconds late.
 */
export class Registry {
  kept = new Map(); // organization and conditions -> result, the longest unused first
  bytes = 0;
  turn = 0; // how many times a result was forgotten

  constructor(query, verifier) {
    Object.assign(this, { query, verifier });
  }

  /**
   * {status, answer: text of JSON}. `decision`: of the key, which belongs to `request.own` if that is given. Throws if the
   * database cannot be asked: then 503.
   */
  async answer(request, decision, contentType = null, body = Buffer.alloc(0)) {
    try {
      return await this[request.operation](request, decision, contentType, body);
    } catch (error) {
      if (error instanceof Refused) return error;
      if (!/^(22|54)/.test(error?.code)) throw error; // else it is about a value of the request
      return bad(error.message);
    }
  }

  async register(_, decision, contentType, body) {
    const said = read(contentType, body);
    const [sql, values] = said.has_card
      ? [REGISTER, [decision.agent_id, said.text, said.instance_id, said.lease]]
      : [HEARTBEAT, [decision.agent_id, said.instance_id, said.lease, said.started_at, said.ready]];
    const [row] = await this.query(sql, values);
    if (said.has_card) this.forget(decision.org_id);
    return { status: STATUS[row.reason] ?? 403, answer: row.answer };
  }

  /** The sender of the message is of the same organization: only its agents can write to the queue. */
  async refused(_, decision, contentType, body) {
    await this.query(REFUSED, [decision.org_id, ...readRefused(contentType, body), decision.agent_id]);
    return { status: 200, answer: '{"ok": true}' };
  }

  drain(request, decision) {
    return this.end(request, decision);
  }

  unregister(request, decision) {
    return this.end(request, decision);
  }

  async end({ operation, instance_id, started_at }, decision) {
    const [row] = await this.query(ENDS[operation], [decision.agent_id, instance_id, started_at]);
    this.forget(decision.org_id);
    return { status: 200, answer: row.answer };
  }

  async card(request, decision) {
    const [row] = await this.query(CARD, [decision.org_id, request.agent_id]);
    return row ? { status: 200, answer: row.entry } : new Refused(404, 'not_found');
  }

  async find({ conditions }, decision) {
    const values = CONDITIONS.map((name) => conditions[name] ?? (name === 'after' ? '' : null));
    const rows = await this.rows([decision.org_id, ...values]);
    const next = rows.at(-1)?.next ?? null; // its row has no agent
    const entries = rows.filter(({ agent_id }) => agent_id).map(({ entry }) => entry);
    return { status: 200, answer: `{"agents": [${entries.join(', ')}], "next": ${JSON.stringify(next)}}` };
  }

  /** Those that were kept, if they may answer; else those of the database. */
  async rows(question) {
    const [org, changes] = [question[0], this.verifier.changes];
    const [key, now, turn, asked] = [JSON.stringify(question), performance.now(), this.turn, changes.number];
    const result = this.kept.get(key);
    if (result && now < result.until && this.verifier.hears() && changes.unchanged(result.places, result.asked)) {
      this.kept.delete(key);
      this.kept.set(key, result); // the last one now
      return result.rows;
    }
    const rows = await this.query(FIND, question);
    const about = ['', `org_id ${org}`, ...rows.filter(({ agent_id }) => agent_id).map(({ agent_id }) => `agent_id ${agent_id}`)];
    const places = about.map((one) => changes.place(one));
    const bytes = rows.reduce((sum, { entry }) => sum + entry.length, 0);
    if (turn === this.turn && bytes <= MOST_BYTES) {
      this.drop(key);
      this.kept.set(key, { rows, org, until: now + MAX_KEPT, asked, places, bytes });
      this.bytes += bytes;
      for (const [oldest] of this.kept) {
        if (this.bytes <= MOST_BYTES && this.kept.size <= MOST_KEPT) break;
        this.drop(oldest);
      }
    }
    return rows;
  }

  /** An agent of the organization came or went here: the next search asks. */
  forget(org) {
    this.turn++;
    for (const [key, result] of this.kept) {
      if (result.org === org) this.drop(key);
    }
  }

  drop(key) {
    this.bytes -= this.kept.get(key)?.bytes ?? 0;
    this.kept.delete(key);
  }
}
