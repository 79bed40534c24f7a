// What the client in clients/typescript does with a server: told on standard output as JSON.
// A jar stands for the browser's: it keeps cookies, and shows a script those that it may see.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Portcullis, PortcullisError } from './client/portcullis.js';

const [at] = process.argv.slice(2);
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const jar = new Map();
const asked = [];

globalThis.document = {
  get cookie() {
    return [...jar].filter(([, { hidden }]) => !hidden).map(([name, { value }]) => `${name}=${value}`).join('; ');
  },
};

const browse = async (url, init) => {
  const headers = new Headers(init.headers);
  if (jar.size) headers.set('Cookie', [...jar].map(([name, { value }]) => `${name}=${value}`).join('; '));
  asked.push(new URL(url).pathname);
  const answer = await fetch(url, { ...init, headers });
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
    if (/max-age=0/i.test(line)) jar.delete(name);
    else jar.set(name, { value, hidden: /httponly/i.test(line) });
  }
  return answer;
};

const refused = async (work) => {
  const error = await work.then(() => null, (error) => error);
  assert(error instanceof PortcullisError, `${error}`);
  return [error.status, error.code];
};

// RFC 6238, as an authenticator app does it.
const totp = (secret) => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
};

const post = (body) => ({ method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

async function withCookies() {
  const wanted = [];
  let proof = { password: 'testpass' };
  const stepUp = async (what) => {
    wanted.push(what);
    await client.reauthenticate(proof);
    return true;
  };
  const client = new Portcullis({ at, fetch: browse, stepUp });
  assert.equal(await client.whoAmI(), null);
  assert.deepEqual(await refused(client.signIn('testuser', 'wrong')), [401, 'bad_credentials']);
  assert.deepEqual(await client.signIn('testuser', 'testpass'), { login: true });
  assert.equal(await client.whoAmI(), 'testuser');
  assert.equal((await client.sessions()).length, 1);

  // Everything that meets the end of access at once renews it once.
  await pause(3);
  asked.length = 0;
  const many = await Promise.all(Array.from({ length: 6 }, () => client.fetch('/protected')));
  assert.deepEqual(many.map((answer) => answer.status), Array(6).fill(200));
  assert.equal(asked.filter((path) => path === '/refresh').length, 1);
  assert.equal((await client.fetch('/sessions/end-others', { method: 'POST' })).status, 200);

  // What must be fresh asks for the password, and is then done.
  const begun = await client.fetch('/account/factors/totp', { method: 'POST' });
  assert.equal(begun.status, 200);
  assert.deepEqual(wanted, ['fresh_required']);
  const { id, secret } = await begun.json();
  const confirmed = await client.fetch('/account/factors/totp/confirm', post({ id, code: totp(secret) }));
  const { recovery_codes: codes } = await confirmed.json();
  assert.equal(codes.length, 10);

  // With a factor a password is half of signing in, and no proof of freshness.
  await client.signOut();
  assert.equal(await client.whoAmI(), null);
  const half = await client.signIn('testuser', 'testpass');
  assert.equal(half.login, false);
  assert.equal(half.next, 'second_factor');
  assert(half.methods.includes('totp') && half.methods.includes('recovery'));
  assert.equal(await client.whoAmI(), null);
  assert.deepEqual(await refused(client.prove({ method: 'recovery', code: 'no code of ours' })), [401, 'bad_code']);
  assert.deepEqual(await client.prove({ method: 'recovery', code: codes[0] }), { login: true });
  await pause(3);
  proof = { method: 'recovery', code: codes[1] };
  const made = await client.fetch('/account/factors/recovery', { method: 'POST' });
  assert.equal(made.status, 200, await made.clone().text());
  await client.signOut();

  // What nobody steps up for is the caller's.
  const plain = new Portcullis({ at, fetch: browse });
  await plain.signIn('admin', 'adminpass');
  await pause(3);
  assert.equal((await plain.fetch('/account/factors/totp', { method: 'POST' })).status, 401);
  await plain.signOut();
  return wanted;
}

async function withTokens() {
  const client = new Portcullis({ at, tokens: true });
  assert.equal((await client.signIn('admin', 'adminpass')).login, true);
  assert.equal(await client.whoAmI(), 'admin');
  await pause(3);
  assert.equal(await client.whoAmI(), 'admin', 'renewed');
  await client.signOut();
  assert.equal(await client.whoAmI(), null);
  assert.equal(await client.renew(), false);
}

const wanted = await withCookies();
jar.clear();
await withTokens();
process.stdout.write(JSON.stringify({ done: true, wanted }));
