// node check_manifest.mjs NODE_MODULES < MANIFEST: prints what the API server of Kubernetes would have against a document
// (JSON), as JSON. The rules are those of its OpenAPI description, in the package kubernetes-models. As the server does
// since 1.25, it also refuses fields that do not exist.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(process.argv[2], "kubernetes-models");
const document = JSON.parse(readFileSync(0, "utf8"));
const group = join(root, document.apiVersion);
const faults = [];

// The fields of a type, from the declaration that was generated for it: name -> type.
function fieldsOf(file) {
  const text = readFileSync(file, "utf8").replace(/\/\*[^]*?\*\//g, "");
  const imports = new Map([...text.matchAll(/import \{ (\w+) \} from "([^"]+?)(?:\.js)?"/g)].map(([, name, path]) => [name, path]));
  const fields = new Map([...text.split("export declare class")[0].matchAll(/^ {4}"([^"]+)"\??: ([^;]+);/gm)].map(([, name, type]) => [name, type]));
  return { fields, imports, file };
}

function checkFields(value, { fields, imports, file }, path) {
  if (fields.size === 0) return; // an alias, such as a quantity
  for (const [name, inner] of Object.entries(value)) {
    const type = fields.get(name);
    if (type === undefined) {
      faults.push(`${path}/${name}: unknown field`);
      continue;
    }
    const imported = imports.get(type.replace(/^Array<(.*)>$/, "$1"));
    if (imported === undefined || typeof inner !== "object" || inner === null) continue;
    const declaration = fieldsOf(imported.startsWith(".") ? join(dirname(file), `${imported}.d.ts`) : join(process.argv[2], `${imported}.d.ts`));
    for (const one of Array.isArray(inner) ? inner : [inner]) checkFields(one, declaration, `${path}/${name}`);
  }
}

const models = await import(pathToFileURL(join(group, "index.js")));
try {
  new models[document.kind](document).validate();
} catch (error) {
  faults.push(error.message);
}
checkFields(document, fieldsOf(join(group, `${document.kind}.d.ts`)), "");
console.log(JSON.stringify(faults));
