/**
 * varve(5), the format on disk: docs/FORMAT.md as a manual page. Of Markdown it knows what that document uses: headings,
 * paragraphs, lists, tables, code. A row of a table becomes an item, with all cells but the last as its tag.
 */
import { bold, item, paragraph, plain, section, title, verbatim } from './roff.js';

const marked = /(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/;

/** Code and strong words in bold; a link is its text. */
const inline = (text: string): string =>
  text
    .split(marked)
    .map((part, at) => {
      if (at % 2 === 0) return plain(part);
      if (part.startsWith('[')) return plain(part.slice(1, part.indexOf(']')));
      return bold(part.replace(/^[`*]+|[`*]+$/g, ''));
    })
    .join('');

const cells = (row: string): string[] =>
  row
    .slice(1, row.lastIndexOf('|'))
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));

function tableRow(row: string): string {
  const all = cells(row);
  return item(
    all
      .slice(0, -1)
      .filter((cell) => cell !== '')
      .map(inline)
      .join('  '),
    inline(all.at(-1) || '.').replace(/^\\?\.$/, '\\&'),
  );
}

/** Lines that belong together: what stands between empty lines, with headings and fences on their own. */
function blocks(markdown: string): string[][] {
  const found: string[][] = [[]];
  let fenced = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) {
      fenced = !fenced;
      found.push([]);
    } else if (fenced) found.at(-1)?.push(`    ${line}`);
    else if (line === '' || line.startsWith('<!--')) found.push([]);
    else if (line.startsWith('#')) found.push([line], []);
    else found.at(-1)?.push(line);
  }
  return found.filter((block) => block.length > 0);
}

const listed = /^(?:-|\d+\.) /;

function shown(block: readonly string[]): string {
  const [first] = block;
  if (/^#{3,} /.test(first)) return `.SS ${inline(first.replace(/^#+ /, ''))}`;
  if (block.every((line) => line.startsWith('    '))) return verbatim(block.map((line) => plain(line.slice(4))));
  if (first.startsWith('|')) return block.slice(2).map(tableRow).join('\n');
  const parts: string[][] = [[]];
  for (const line of block) {
    if (listed.test(line)) parts.push([line]);
    else parts.at(-1)?.push(line.trim());
  }
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => {
      const text = lines.join(' ');
      const [mark] = listed.exec(text) ?? [];
      if (mark === undefined) return paragraph(inline(text));
      return item(mark === '- ' ? '*' : mark.trim(), inline(text.slice(mark.length)));
    })
    .join('\n');
}

/** The text of varve(5). */
export function formatPage(markdown: string, version: string): string {
  const parts = [
    title('varve', 5, version),
    section('NAME', ['varve \\- the on\\-disk format of Varve volumes']),
    '.SH DESCRIPTION',
  ];
  for (const block of blocks(markdown)) {
    const [first] = block;
    if (first.startsWith('# ')) continue;
    parts.push(first.startsWith('## ') ? `.SH ${inline(first.slice(3)).toUpperCase()}` : shown(block));
  }
  parts.push(
    section('SEE ALSO', [['mkfs.varve(8)', 'mount.varve(8)', 'fsck.varve(8)', 'varve(1)'].map(bold).join(', ')]),
  );
  return `${parts.join('\n')}\n`;
}
