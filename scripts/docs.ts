/**
 * `npm run docs`: writes what in docs/ is made of the sources: the tables of FORMAT.md, REFERENCE.md, and the schemas of
 * what commands print with --json. With `--check` nothing is written, and what is stale is named and exits 1.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { generated } from './format-docs.js';
import { reference, schemaFiles } from './reference-docs.js';

const folder = `${process.cwd()}/docs`;
const schemas = 'schemas';
mkdirSync(`${folder}/${schemas}`, { recursive: true });

const read = (name: string): string | undefined => {
  try {
    return readFileSync(`${folder}/${name}`, 'utf8');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw e;
  }
};

/** Name below docs/ and text; no text: it is to go. */
const wanted = new Map<string, string | undefined>(
  readdirSync(`${folder}/${schemas}`).map((n) => [`${schemas}/${n}`, undefined]),
);
wanted.set('FORMAT.md', generated(read('FORMAT.md') ?? ''));
wanted.set('REFERENCE.md', reference());
for (const [name, text] of schemaFiles()) wanted.set(`${schemas}/${name}`, text);

const stale = [...wanted].filter(([name, text]) => read(name) !== text);
if (process.argv.includes('--check')) {
  for (const [name] of stale)
    process.stderr.write(`docs/${name} is stale: run \`npm run docs\` and commit the result\n`);
  if (stale.length > 0) process.exitCode = 1;
} else
  for (const [name, text] of stale) {
    if (text === undefined) rmSync(`${folder}/${name}`);
    else writeFileSync(`${folder}/${name}`, text);
    process.stdout.write(`docs/${name} ${text === undefined ? 'removed' : 'written'}\n`);
  }
