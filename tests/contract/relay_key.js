// Relay API keys, offline: 71 ASCII characters, PREFIX (9) + key id (12) + "_" + secret (43) + checksum (6).
// The checksum is the CRC-32 of the 65 characters before it. A key that fails here is never looked up.
'use strict';

const { createHash } = require('node:crypto');

const KEY = /^relay_(?:sk|at)_([0-9a-hjkmnp-tv-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRETS = 1n << 256n;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text, 'ascii')) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function fromBase62(text) {
  let value = 0n;
  for (const digit of text) value = value * 62n + BigInt(BASE62.indexOf(digit));
  return value;
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

/** Parses a key as received; {keyId, prefix, digest: Buffer} or null. One trailing newline is forgiven. */
function parseKey(text) {
  // In JavaScript `$` without the m flag is the very end, so the newline has to go first.
  const key = text.endsWith('\n') ? text.slice(0, -1) : text;
  const match = KEY.exec(key);
  if (!match) return null;
  const [, keyId, secret, checksum] = match;
  if (fromBase62(checksum) !== BigInt(crc32(key.slice(0, 65)))) return null;
  if (fromBase62(secret) >= SECRETS) return null;
  return { keyId, prefix: key.slice(0, 9), digest: sha256(Buffer.from(key, 'ascii')) };
}

module.exports = { parseKey, sha256 };
