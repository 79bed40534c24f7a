// What the npm package jose does with our tokens, and mints for us.
// `verify` and `mint` read a question as JSON from standard input and answer on standard output.
// The package's own refusal is an answer; anything else ends the program with an error.

import { readFileSync } from 'node:fs';
import * as jose from 'jose';

const question = JSON.parse(readFileSync(0, 'utf8'));

// Who each token is for; null for one that is refused.
async function verify({ alg, secret, url, tokens }) {
  const key = secret ? new TextEncoder().encode(secret) : jose.createRemoteJWKSet(new URL(url));
  const found = {};
  for (const [name, token] of Object.entries(tokens)) {
    try {
      const options = { algorithms: [alg], typ: 'JWT', requiredClaims: ['exp', 'iat', 'sub'] };
      found[name] = (await jose.jwtVerify(token, key, options)).payload.sub;
    } catch (error) {
      if (!(error instanceof jose.errors.JOSEError)) throw error;
      found[name] = null;
    }
  }
  return { jose: found };
}

// Tokens of these claims: good ones, and ones that must be refused.
async function mint({ alg, key, kid, claims }) {
  const isSecret = alg.startsWith('HS');
  const signing = isSecret ? new TextEncoder().encode(key) : await jose.importPKCS8(key, alg);
  const sign = (header, using = signing, options = undefined) =>
    new jose.SignJWT(claims).setProtectedHeader({ alg, typ: 'JWT', kid, ...header }).sign(using, options);
  const good = { jose: await sign({}), 'jose without kid': await sign({ kid: undefined }) };
  const other = new TextEncoder().encode(isSecret ? key : 'the text of the public key '.repeat(4));
  const bad = {
    'jose, another algorithm': await sign({ alg: alg === 'HS256' ? 'HS512' : 'HS256' }, other),
    'jose, no algorithm': new jose.UnsecuredJWT(claims).encode(),
    'jose, another typ': await sign({ typ: 'at+jwt' }),
    'jose, crit': await sign({ crit: ['zz'], zz: 1 }, signing, { crit: { zz: true } }),
    'jose, unknown kid': await sign({ kid: '0123456789abcdef' }),
  };
  return { good, bad };
}

const answer = await { verify, mint }[process.argv[2]](question);
process.stdout.write(JSON.stringify(answer));
