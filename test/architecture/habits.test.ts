/** Habits that a program can check: size of files, words that promise later work, ways around the type checker. */
import { expect, test } from 'vitest';
import { sources } from './sources.js';

const mostLines = 400;
/** Files that may be longer, each with its reason. */
const longer: Readonly<Record<string, string>> = {
  'stress/model/model.ts': 'the whole filesystem in Maps, to be read in one go beside posix/api.ts',
};

const all = sources('fs', 'mkfs', 'fsck', 'stress', 'varve', 'library', 'test', 'bench', 'scripts');
const thisFile = 'test/architecture/habits.test.ts';

test('no file is longer than 400 lines', () => {
  const wrong = all
    .filter(({ path }) => !(path in longer))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > mostLines);
  expect(wrong).toEqual([]);
});

test('every exception names a file that is there and is longer', () => {
  for (const [path, reason] of Object.entries(longer)) {
    const found = all.find((source) => source.path === path);
    expect(found?.text.split('\n').length ?? 0, path).toBeGreaterThan(mostLines);
    expect(reason.length).toBeGreaterThan(10);
  }
});

const forbidden: readonly (readonly [RegExp, string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'work left for later is an issue, not a comment'],
  [/\bas any\b|: any\b(?! \w)|<any>|\bany\[\]/, 'any'],
  [/@ts-(ignore|expect-error|nocheck)/, 'a way around the type checker'],
  [/(biome|eslint)-(ignore|disable)/, 'a way around the linter'],
  [/\b(test|it|describe)\.(only|todo)\b/, 'a test that leaves out others'],
];

test.each(forbidden)('no source has %s: %s', (pattern) => {
  const wrong: string[] = [];
  for (const { path, text } of all) {
    if (path === thisFile) continue;
    text.split('\n').forEach((line, index) => {
      if (pattern.test(line)) wrong.push(`${path}:${index + 1}: ${line.trim()}`);
    });
  }
  expect(wrong).toEqual([]);
});

test('no file or folder is named for nothing', () => {
  const wrong = all
    .map(({ path }) => path)
    .filter((path) => /(^|[/-])(utils?|helpers?|misc|common)([/.-]|$)/.test(path));
  expect(wrong).toEqual([]);
});

test('every file under fs/, mkfs/, fsck/ and stress/ begins with a comment or says what it exports', () => {
  const wrong = sources('fs', 'mkfs', 'fsck', 'stress', 'varve', 'library')
    .filter(({ text }) => !text.startsWith('/**') && !/\/\*\*/.test(text.slice(0, 1500)))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});
