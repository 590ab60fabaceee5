import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generated } from '../../scripts/format-docs.js';

const root = new URL('../../', import.meta.url).pathname;

test('the tables of docs/FORMAT.md are those of the declarations; `npm run docs` makes them anew', () => {
  const document = readFileSync(`${root}docs/FORMAT.md`, 'utf8');
  expect(document).toBe(generated(document));
});

test('every file of fs/format is read when the document is made', () => {
  const script = readFileSync(`${root}scripts/format-docs.ts`, 'utf8');
  for (const file of readdirSync(`${root}fs/format`)) {
    const text = readFileSync(`${root}fs/format/${file}`, 'utf8');
    if (/= struct\('/.test(text)) expect(script).toContain(`'../fs/format/${file.replace('.ts', '.js')}'`);
  }
});
