// Writes the types of what is said to Portcullis and answered by it, as its own /openapi.json has them:
//
//     npm install --no-save openapi-typescript typescript
//     node generate.mjs http://127.0.0.1:8000 > schema.ts
import openapiTS, { astToString } from "openapi-typescript";

const answer = await fetch(`${process.argv[2]}/openapi.json`);
const { openapi, info, components } = await answer.json();
// How calls are proved and refused is the client's business.
const types = await openapiTS({ openapi, info, paths: {}, components: { schemas: components.schemas } });
const text = astToString(types).replace(/^(export type (paths|webhooks|\$defs|operations) = .*;\n)/gm, "");
process.stdout.write(`// Written by generate.mjs from /openapi.json; change it there.\n${text}`);
