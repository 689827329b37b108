// A gateway's key check, as its author would write it: the key stays here, the database sees its id and its digest.
//
//   node gateway.js check < KEY         one decision; the connection is taken from the PG* variables
//   node gateway.js serve < REQUESTS    a decision a line; a request is {"key", "agent_id", "org_id", "ip", "trace_id"}
//   node gateway.js parse < TEXTS       one JSON string a line, what its offline check says a line; no database
'use strict';

const readline = require('node:readline');
const { parseKey, sha256 } = require('./relay_key.js');

const AUTHENTICATE = 'SELECT * FROM relay_api.authenticate($1, $2, $3, $4, $5, $6)';

async function authenticate(client, request) {
  const key = parseKey(request.key);
  if (key === null || key.prefix !== 'relay_sk_') return { ok: false, reason: 'malformed' };
  const claims = [request.agent_id ?? null, request.org_id ?? null, request.ip ?? null, request.trace_id ?? null];
  const { rows } = await client.query(AUTHENTICATE, [key.keyId, key.digest, ...claims]);
  return rows[0];
}

async function withDatabase(work) {
  const { Client } = require('pg');
  const client = new Client();
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function readAll(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

function answer(object) {
  process.stdout.write(JSON.stringify(object) + '\n');
}

function describe(text) {
  const key = parseKey(text);
  if (key === null) return { valid: false };
  const { keyId, prefix, digest } = key;
  const hash = sha256(digest);
  return { valid: true, key_id: keyId, prefix, digest: digest.toString('hex'), key_hash: hash.toString('hex') };
}

async function main(mode) {
  const lines = () => readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
  if (mode === 'check') {
    const key = await readAll(process.stdin);
    await withDatabase(async (client) => answer(await authenticate(client, { key })));
  } else if (mode === 'serve') {
    await withDatabase(async (client) => {
      for await (const line of lines()) answer(await authenticate(client, JSON.parse(line)));
    });
  } else if (mode === 'parse') {
    for await (const line of lines()) answer(describe(JSON.parse(line)));
  } else {
    throw new Error('usage: gateway.js check|serve|parse');
  }
}

main(process.argv[2]).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
