// Signs requests, and reads requests that are signed: RFC 9421, with components that are fixed. Copy it into your agent, or,
// with signatures.mjs, into your gateway.
//
// relay-admin-signing(7) explains the rules that it keeps. An agent signs with the key that it has, or with an Ed25519 key:
//
//   const headers = sign(proof(key), 'POST', 'https://relay.example.com/v1/run', body);
//   const headers = sign(ed25519(keyId, pem), 'POST', 'https://relay.example.com/v1/run', body);
//
// It sends exactly this method, URL and body with these headers, and no key. The clock may be wrong by less than the window
// of its policy.

import * as crypto from 'node:crypto';

const LABEL = 'relay'; // of our member in both headers, and the tag
const COMPONENTS = '("@method" "@authority" "@path" "@query" "content-digest")';
const LONGEST = 8192; // characters of a header
export const [PROOF, ED25519] = [32, 64]; // bytes of a signature

// Structured fields, RFC 8941: only so much that members of other labels are skipped.
const KEY = '[a-z*][a-z0-9_.*-]*';
const BARE = String.raw`(?:` + [
  String.raw`"(?:[ !#-\[\]-~]|\\["\\])*"`, // a string
  String.raw`:[A-Za-z0-9+/=]*:|\?[01]`, // bytes, a boolean
  String.raw`-?[0-9]{1,12}\.[0-9]{1,3}|-?[0-9]{1,15}`, // a decimal, an integer
  "[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*)", // a token
].join('|');
const PARAMETERS = `(?:; *${KEY}(?:=${BARE})?)*`;
const ITEM = `${BARE}${PARAMETERS}`;
const INNER_LIST = String.raw`\( *(?:${ITEM}(?: +${ITEM})* *)?\)${PARAMETERS}`;
const MEMBER = new RegExp(`(${KEY})(?:=(${INNER_LIST}|${ITEM})|(${PARAMETERS}))`, 'y');
const COMMA = /[ \t]*,[ \t]*/y;
const INPUT = new RegExp(String.raw`^\( *"@method" +"@authority" +"@path" +"@query" +"content-digest" *\)(${PARAMETERS})$`);
const PARAMETER = new RegExp(`; *(${KEY})(?:=(${BARE}))?`, 'g');
const FORMS = new Map(Object.entries({
  created: /^(?:0|[1-9][0-9]{0,11})$/, // more digits are not seconds
  nonce: /^"[A-Za-z0-9_-]{8,64}"$/,
  keyid: /^"[0-9a-hjkmnp-tv-z]{12}"$/,
  tag: /^"relay"$/,
}));
const SIGNATURE = /^:((?:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)|(?:[A-Za-z0-9+/]{85}[AQgw]==)):$/;
const DIGEST = /^sha-256=:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=:$/;
const METHOD = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const PRINTABLE = /^[!-~]+$/;
const TARGET = /^(?:https?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?$/i;
const URL_FORM = /^(https?):\/\/([A-Za-z0-9.:[\]-]+)([^?#]*)(\?[^#]*)?$/i;
const API_KEY = /^relay_sk_([0-9a-hjkmnp-tv-z]{12})_[0-9A-Za-z]{49}$/;

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const xor = (one, other) => Buffer.from(one.map((byte, at) => byte ^ other[at]));
const hmac = (key, message) => crypto.createHmac('sha256', key).update(message).digest();

/** The request claims to be signed, and cannot be: it says why. */
export class Malformed extends Error {}

/** The header Content-Digest of a body. */
export const digestOf = (body) => `sha-256=:${sha256(body).toString('base64')}:`;

/** An authority in lower case, without the port that its scheme has anyway. */
export const normal = (authority, scheme) => authority.toLowerCase().replace(scheme === 'http' ? /:80$/ : /:443$/, '');

/** The signature base of RFC 9421. */
function baseOf(method, authority, path, query, digest, parameters) {
  return Buffer.from(`"@method": ${method}\n"@authority": ${authority}\n"@path": ${path || '/'}\n"@query": ${query || '?'}\n` +
    `"content-digest": ${digest}\n"@signature-params": ${COMPONENTS}${parameters}`);
}

// ---- the agent

/** Signs with an API key. A proof shows that the agent has the key, and not the key. */
export function proof(key) {
  const text = key.replace(/\n$/, '');
  const keyId = API_KEY.exec(text)?.[1];
  if (!keyId) throw new TypeError('this is not an API key');
  const digest = sha256(text);
  const verifier = sha256(digest);
  return { keyId, sign: (base) => xor(digest, hmac(verifier, sha256(base))) };
}

/**
 * Signs with the private key whose public key `rotate-key --public-key` has registered. `shown`: in PEM, as `agent keygen` and
 * openssl write it, or its seed of 32 bytes.
 */
export function ed25519(keyId, shown) {
  const der = () => Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), shown]);
  const key = crypto.createPrivateKey(typeof shown === 'string' ? shown : { key: der(), format: 'der', type: 'pkcs8' });
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('this is not a private key of Ed25519');
  return { keyId, sign: (base) => crypto.sign(null, base, key) };
}

/** The three headers of a request. Throws a TypeError for a URL that cannot be signed as it is: it must be encoded already. */
export function sign(signer, method, url, body = '', { created = Math.floor(Date.now() / 1e3), nonce } = {}) {
  const [, scheme, authority, path, query] = (PRINTABLE.test(url) && URL_FORM.exec(url)) || [];
  if (!scheme || !METHOD.test(method) || method === 'CONNECT' || !['', '/'].includes(path.slice(0, 1))) {
    throw new TypeError(`this cannot be signed: ${method} ${url}`);
  }
  const once = nonce ?? crypto.randomBytes(16).toString('base64url');
  const parameters = `;created=${created};nonce="${once}";keyid="${signer.keyId}";tag="${LABEL}"`;
  const base = baseOf(method, normal(authority, scheme.toLowerCase()), path, query, digestOf(body), parameters);
  return {
    'Content-Digest': digestOf(body),
    'Signature-Input': `${LABEL}=${COMPONENTS}${parameters}`,
    Signature: `${LABEL}=:${signer.sign(base).toString('base64')}:`,
  };
}

// ---- the gateway

const trim = (text) => text.replace(/^[ \t]+|[ \t]+$/g, '');
const values = ({ headers }, name) => headers.filter(([header]) => header.toLowerCase() === name).map(([, value]) => trim(value));

/** Matches a sticky expression at a place, or null. */
function matchAt(form, text, at) {
  form.lastIndex = at;
  return form.exec(text);
}

/** The value of our member of a dictionary, as text; null: it has none. */
function member(text) {
  if (text === undefined) return null;
  if (text.length > LONGEST) throw new Malformed('a header is too long');
  const found = new Map();
  for (let at = 0; at < text.length;) {
    const match = matchAt(MEMBER, text, at);
    if (!match || found.has(match[1])) throw new Malformed('a header is not a dictionary, or has a label twice');
    found.set(match[1], match[2] ?? match[3]);
    const end = at + match[0].length;
    const comma = matchAt(COMMA, text, end);
    at = end + (comma?.[0].length ?? 0);
    if ((comma !== null) === (at === text.length)) throw new Malformed('a header is not a dictionary, or has a label twice');
  }
  return found.get(LABEL) ?? null;
}

/** A Map of the parameters in the order received. */
function parametersOf(text) {
  const match = INPUT.exec(text);
  if (!match) throw new Malformed(`the components are not ${COMPONENTS}`);
  const found = new Map();
  for (const [, name, value = ''] of match[1].matchAll(PARAMETER)) {
    if (found.has(name) || !FORMS.get(name)?.test(value)) throw new Malformed('a parameter is unknown, came twice, or has another form');
    found.set(name, value);
  }
  if (found.size !== FORMS.size) throw new Malformed('a parameter is missing');
  return found;
}

function authorityOf(request, absolute, { names, scheme, proxies }) {
  const [hosts, forwarded] = [values(request, 'host'), values(request, 'x-forwarded-host')];
  const named = [...hosts, request.authority, absolute].filter((one) => one !== undefined && one !== null);
  const shown = new Set(named.map((one) => normal(one, scheme)));
  if (hosts.length > 1 || shown.size !== 1 || (hosts.length === 0 && !request.authority)) throw new Malformed('two hosts, or none');
  if (forwarded.length > 1 || (forwarded.length === 1 && !proxies.has(request.peer))) throw new Malformed('X-Forwarded-Host');
  const authority = forwarded.length === 1 ? normal(forwarded[0], scheme) : [...shown][0];
  if (authority === '' || !names.has(authority)) throw new Malformed('not a host of this gateway');
  return authority;
}

/**
 * What a request that is signed says about itself: {keyId, created, nonce, digest, signature, base}; null: it is not signed.
 * Throws Malformed. Verifies nothing.
 *
 * `request`: {method, target, headers, body, authority, peer} as it came, before a framework has decoded, merged or resolved
 * anything. headers: [name, value] each; body: without chunks, but as compressed as it came; authority: `:authority` of HTTP/2;
 * peer: the address of who sent it. `names`: a Set of the authorities of this gateway, in lower case, without the default port of
 * the public `scheme`; `proxies`: a Set of the addresses that may set X-Forwarded-Host; `credentials`: the headers of all other
 * credentials, in lower case, of which a signed request has none.
 */
export function read(request, { names, scheme = 'https', proxies = new Set(), credentials = ['authorization'] }) {
  const [inputs, signatures, digests] = ['signature-input', 'signature', 'content-digest'].map((name) => values(request, name));
  if (inputs.length > 1 || signatures.length > 1) throw new Malformed('a header came twice');
  const [input, shown] = [member(inputs[0]), member(signatures[0])];
  if (input === null && shown === null) return null;
  if (credentials.some((name) => values(request, name).length > 0)) throw new Malformed('two credentials');
  const signature = SIGNATURE.exec(shown ?? '')?.[1];
  if (!signature || input === null || digests.length !== 1 || !DIGEST.test(digests[0])) {
    throw new Malformed('Signature, Signature-Input and Content-Digest go together, with one sha-256');
  }
  const parameters = parametersOf(input);
  const target = PRINTABLE.test(request.target) && TARGET.exec(request.target);
  if (!METHOD.test(request.method) || request.method === 'CONNECT' || !target) throw new Malformed('the method or the target');
  const [, absolute, path, query] = target;
  if (path.slice(0, 1) !== '/' && (path !== '' || absolute === undefined)) throw new Malformed('the target is not a path');
  const authority = authorityOf(request, absolute, { names, scheme, proxies });
  const text = [...parameters].map(([name, value]) => `;${name}=${value}`).join('');
  return {
    keyId: parameters.get('keyid').slice(1, -1),
    created: Number(parameters.get('created')),
    nonce: parameters.get('nonce').slice(1, -1),
    digest: digests[0],
    signature: Buffer.from(signature, 'base64'),
    base: baseOf(request.method, authority, path, query, digests[0], text),
  };
}

/** What a proof is made of, and the database gets. */
export const messageOf = ({ base }) => sha256(base);

/** Whether a proof was made with the key whose stored hash is `verifier`: the same check as of a key that is shown. */
export function proves(verifier, message, shown) {
  return shown.length === PROOF && crypto.timingSafeEqual(sha256(xor(shown, hmac(verifier, message))), verifier);
}

// The points of small order, of which some have two encodings: under them one signature fits any text, and OpenSSL accepts it.
const SMALL = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** A public key, from its 32 bytes; null for one of small order. */
export function publicKey(bytes) {
  const y = Buffer.from(bytes);
  y[31] &= 0x7f; // without the sign of x
  if (y.length !== 32 || SMALL.has(y.toString('hex'))) return null;
  return crypto.createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes]), format: 'der', type: 'spki' });
}

/** Whether a signature was made with the private key of a `publicKey`. */
export function verifies(key, base, signature) {
  return key !== null && signature.length === ED25519 && crypto.verify(null, base, key, signature);
}
