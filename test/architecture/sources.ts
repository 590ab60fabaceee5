/**
 * The source files of the project, for tests that read them: path from the root, text, and the paths that a file
 * imports. Words in comments and strings count as text: a rule about words is about all of it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface Source {
  /** Path from the project's root. */
  readonly path: string;
  readonly text: string;
  /** Project files that it imports, as paths from the root. */
  readonly imports: readonly string[];
}

const root = new URL('../../', import.meta.url).pathname;

function importsOf(path: string, text: string): string[] {
  const found: string[] = [];
  for (const [, specifier] of text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'(\.[^']+)'/g)) {
    found.push(normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts'));
  }
  return found;
}

/** All TypeScript files under the folders. */
export function sources(...folders: string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .sort()
      .map((name) => {
        const path = join(folder, name);
        const text = readFileSync(join(root, path), 'utf8');
        return { path, text, imports: importsOf(path, text) };
      }),
  );
}
