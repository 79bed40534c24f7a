// Fastify: what was revoked is kept in this process.
import Fastify from "fastify";
import cookie from "@fastify/cookie";
import jwt from "@fastify/jwt";

const revoked = new Set();
const app = Fastify();
await app.register(cookie);
await app.register(jwt, {
  secret: process.env.JWT_SECRET,
  cookie: { cookieName: "access_token_cookie", signed: false },
  verify: { algorithms: ["HS256"], onlyCookie: true },
});
app.get("/protected", async (request, reply) => {
  const claims = await request.jwtVerify();
  if (claims.type !== "access" || revoked.has(claims.jti)) return reply.code(401).send();
  return { logged_in_as: claims.sub };
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
