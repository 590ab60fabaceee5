/**
 * `varve dump`: the parts of an image as they lie on disk, for people and (with --json) for programs. It reads the
 * newest checkpoint and replays nothing.
 */

import { Argument } from 'commander';
import { VolumeError } from '../errors.js';
import { noPlace } from '../format/geometry.js';
import { type AddCommand, withExamples } from './command.js';
import { dumpInode, inodeText } from './dump-inode.js';
import { dumpJournal, journalText } from './dump-journal.js';
import { dumpSegments, segmentsText } from './dump-segments.js';
import { dumpTree, treeLine } from './dump-tree.js';
import { jsonOption } from './json-schema.js';
import { json, type Output, pairs } from './output.js';
import { type RawImage, withImage } from './raw-image.js';
import { dumpSchema } from './schemas/dump.js';
import { formatUuid } from './uuid.js';

export interface DumpOptions {
  readonly json?: boolean;
  /** checkpoint: both slots; segments: free places too. */
  readonly all?: boolean;
  /** tree: the items of the leaves. */
  readonly items?: boolean;
  /** tree: the system tree. */
  readonly system?: boolean;
}

type Dump = (image: RawImage, options: DumpOptions, output: Output, which: string | undefined) => Promise<void> | void;

const parts: Readonly<Record<string, Dump>> = {
  superblock: ({ superblock }, options, output) => {
    const { transforms: _, keySlots: __, brand: ___, ...facts } = superblock;
    const shown = { ...facts, uuid: formatUuid(superblock.uuid) };
    output.line(options.json ? json(shown) : pairs(flat(shown)));
  },
  checkpoint: ({ slots }, options, output) => {
    const shown = (options.all ? slots : slots.slice(0, 1)).map(({ checkpoint: { brand: _, ...facts } }) => facts);
    output.line(options.json ? json(shown) : shown.map((one) => pairs(flat({ ...one }))).join('\n\n'));
  },
  segments: async (image, options, output) => {
    const rows = await dumpSegments(image, options.all ?? false);
    output.line(options.json ? json(rows) : segmentsText(output, rows));
  },
  tree: async (image, options, output) => {
    for await (const entry of dumpTree(image, options)) {
      output.line(options.json ? JSON.stringify(entry) : treeLine(entry));
    }
  },
  inode: async (image, options, output, which) => {
    if (which === undefined) throw new VolumeError('usage', 'say which inode: a number, or a path such as /etc/hosts');
    const found = await dumpInode(image, which);
    output.line(options.json ? json(found) : inodeText(found));
  },
  journal: async (image, options, output) => {
    const records = await dumpJournal(image);
    output.line(options.json ? json(records) : journalText(records));
  },
};

export const addDump: AddCommand = (program, { output }) => {
  withExamples(program.command('dump'), [
    ['varve dump disk.img superblock', 'the fields of the superblock'],
    ['varve dump disk.img inode /etc/fstab', 'where one file lies'],
  ])
    .description('show parts of an image as they lie on disk')
    .argument('<image>', 'image that is not mounted')
    .addArgument(new Argument('<part>', 'what to show').choices(Object.keys(parts)))
    .argument('[inode]', 'for inode: its number, or a path from the root of the volume')
    .option('--all', 'checkpoint: also the older slot; segments: also free places')
    .option('--items', 'tree: also the items of the leaves')
    .option('--system', 'tree: the system tree instead of the file tree')
    .addOption(jsonOption(dumpSchema, 'print JSON; for tree, one object a line'))
    .action(async (image: string, part: string, which: string | undefined, options: DumpOptions) =>
      withImage(image, async (raw) => parts[part](raw, options, output, which)),
    );
};

/** Names and values, those of records inside under `outer.inner`. */
function flat(facts: Readonly<Record<string, unknown>>, prefix = ''): [string, string][] {
  return Object.entries(facts).flatMap(([name, value]): [string, string][] => {
    if (typeof value === 'object' && value !== null) return flat({ ...value }, `${prefix}${name}.`);
    return [[prefix + name, value === noPlace ? 'none' : String(value)]];
  });
}
