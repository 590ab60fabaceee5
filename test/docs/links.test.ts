import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'fs/README.md',
  ...readdirSync(`${root}docs`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

test.each(documents)('%s: what it links to and names as a path is there', (name) => {
  const text = readFileSync(join(root, name), 'utf8');
  const missing: string[] = [];
  for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
    if (!existsSync(join(root, dirname(name), target))) missing.push(target);
  }
  for (const [, path] of text.matchAll(/`((?:fs|mkfs|fsck|bin|test|bench|scripts|docs)\/[\w./-]+\.\w+)`/g)) {
    if (!existsSync(join(root, path))) missing.push(path);
  }
  expect(missing).toEqual([]);
});

test('every npm script that a document names is in package.json', () => {
  const scripts = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).scripts as Record<string, string>;
  for (const name of documents) {
    for (const [, script] of readFileSync(join(root, name), 'utf8').matchAll(/npm run (?!-)([\w:-]+)/g)) {
      expect(scripts, `${name} names npm run ${script}`).toHaveProperty([script]);
    }
  }
});
