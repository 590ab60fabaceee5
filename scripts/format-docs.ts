/**
 * The tables of docs/FORMAT.md, made from the record declarations in fs/format: for each `<!-- record NAME -->`
 * marker, everything up to `<!-- end -->` is replaced; `<!-- features -->` likewise.
 *
 * A record without a marker, or a marker without a record, is an error: the document stays complete.
 */
import { compatibleFeatures, incompatibleFeatures, readOnlyCompatibleFeatures } from '../fs/format/features.js';
import { records } from '../fs/format/struct.js';
import { formatVersion } from '../fs/format/superblock.js';
import '../fs/format/checkpoint.js';
import '../fs/format/item.js';
import '../fs/format/journal-record.js';
import '../fs/format/key-slot.js';
import '../fs/format/pointer.js';
import '../fs/format/seal.js';
import '../fs/format/segment-summary.js';
import '../fs/format/segment-table.js';
import '../fs/format/stream.js';
import '../fs/format/tree-node.js';

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** The table of one record: offset, type, field, meaning. */
function recordTable(name: string): string {
  const found = records.get(name);
  if (!found) throw new Error(`docs/FORMAT.md asks for record ${name}, which fs/format does not declare`);
  const rows = Object.entries(found.fields).map(([field, { type, doc }]) => {
    const offset = found.offsetOf[field as never];
    return `| ${offset} | ${type} | \`${field}\` | ${cell(doc)} |`;
  });
  return [`| offset | type | field | meaning |`, '|---:|---|---|---|', ...rows, '', `${found.size} bytes.`].join('\n');
}

/** The three sets of feature bits. */
function featureTable(): string {
  const rows: string[] = [];
  const sets = {
    compatible: compatibleFeatures,
    'read-only compatible': readOnlyCompatibleFeatures,
    incompatible: incompatibleFeatures,
  };
  for (const [set, bits] of Object.entries(sets)) {
    const named = Object.entries(bits as Record<string, number>);
    if (named.length === 0) rows.push(`| ${set} | none yet | |`);
    for (const [name, bit] of named) rows.push(`| ${set} | ${bit} | \`${name}\` |`);
  }
  return ['| set | bit | name |', '|---|---|---|', ...rows].join('\n');
}

/** The document with its generated parts made anew. */
export function generated(document: string): string {
  const asked = new Set<string>();
  const made = document.replace(
    /<!-- (record ([a-z-]+)|features) -->\n[\s\S]*?<!-- end -->/g,
    (_, marker: string, name: string | undefined) => {
      if (name !== undefined) asked.add(name);
      return `<!-- ${marker} -->\n${name === undefined ? featureTable() : recordTable(name)}\n<!-- end -->`;
    },
  );
  const dated = made.replace(/This is format version \d+/, `This is format version ${formatVersion}`);
  const missing = [...records.keys()].filter((name) => !asked.has(name));
  if (missing.length > 0) throw new Error(`docs/FORMAT.md has no marker for: ${missing.join(', ')}`);
  return dated;
}
