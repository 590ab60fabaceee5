/** Which files of a directory lie apart. */
import { expect, test } from 'vitest';
import { lieApart, type Span } from '../../fs/posix/inode/span.js';

const perSegment = 1024;
const near = 100;
const at = (first: number, pages = 10): Span => ({ first, behind: first + pages, pages });
const apart = (...spans: (Span | undefined)[]): number[] =>
  lieApart(spans, near, perSegment).flatMap((yes, file) => (yes ? [file] : []));

test('files that lie near each other, in whatever order, are left', () => {
  expect(apart(at(0), at(10), at(20))).toEqual([]);
  expect(apart(at(50), at(10), at(90), undefined, at(0))).toEqual([]);
});

test('small files far from each other are to be laid together', () => {
  expect(apart(at(0), at(2000), undefined, at(400))).toEqual([0, 1, 3]);
  expect(apart(at(0))).toEqual([]);
});

test('a long stretch stays where it is, and so does a single short one beside it', () => {
  const long = Array.from({ length: 12 }, (_, i) => at(5000 + i * 10));
  expect(apart(...long, at(0))).toEqual([]);
  expect(apart(at(2000), at(0), ...long, at(3000), at(4000))).toEqual([0, 1, 14, 15]);
});

test('from the end of one segment to the start of any other a stretch goes on', () => {
  expect(apart(at(1000, 23), at(40 * perSegment))).toEqual([]);
  expect(apart(at(1000, 10), at(40 * perSegment + 2))).toEqual([]);
  expect(apart(at(900), at(40 * perSegment))).toEqual([0, 1]);
  expect(apart(at(1000, 23), at(40 * perSegment + 500))).toEqual([0, 1]);
});
