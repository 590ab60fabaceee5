/** `varve info`: what a volume is and how it stands, from an image or a mount. */

import {
  compatibleFeatures,
  incompatibleFeatures,
  readOnlyCompatibleFeatures,
  unknownBits,
} from '../format/features.js';
import { segmentPages } from '../format/geometry.js';
import { maxTransforms, TransformEntry } from '../format/superblock.js';
import type { MountEntry } from '../fuse/mount-table.js';
import { pageSize } from '../units.js';
import { formatMs } from './activity.js';
import { type AddCommand, withExamples } from './command.js';
import { adviceText } from './full-advice.js';
import { jsonOption } from './json-schema.js';
import { json, pairs } from './output.js';
import { type RawImage, withImage } from './raw-image.js';
import { infoSchema } from './schemas/volume.js';
import { askServer, type ServerFacts } from './server-facts.js';
import { counted, formatSize } from './size.js';
import { mountOf } from './target.js';
import { type Usage, usageOfImage, usageOfMount } from './usage.js';
import { formatUuid } from './uuid.js';

export const addInfo: AddCommand = (program, { output }) => {
  withExamples(program.command('info'), [
    ['varve info disk.img', 'label, size, features, last mount'],
    ['varve info --json /mnt/v', 'the counters of its server, for scripts'],
  ])
    .description('show what a volume is and how it stands')
    .argument('<image-or-directory>', 'an image that is not mounted, or the directory where it is')
    .addOption(jsonOption(infoSchema, 'print JSON, sizes in bytes'))
    .action(async (path: string, options: { json?: boolean }) => {
      const mount = mountOf(path);
      const facts = mount ? await ofMount(mount) : await withImage(path, async (image) => ofImage(path, image));
      output.line(options.json ? json(facts) : asText(facts));
    });
};

type Facts = ReturnType<typeof ofImage> | Awaited<ReturnType<typeof ofMount>>;

function ofImage(path: string, image: RawImage) {
  const { superblock, newest } = image;
  const { checkpoint } = newest;
  return {
    image: path,
    label: superblock.label,
    uuid: formatUuid(superblock.uuid),
    formatVersion: superblock.version,
    created: new Date(superblock.createdSeconds * 1000).toISOString(),
    features: features(superblock),
    compression: chainNames(superblock),
    imageBytes: superblock.imagePages * pageSize,
    segmentBytes: segmentPages(superblock) * pageSize,
    places: superblock.places,
    reservedSegments: superblock.reservedSegments,
    clean: checkpoint.clean === 1,
    generation: checkpoint.generation,
    lastCommit: new Date(checkpoint.seconds * 1000).toISOString(),
    treeHeight: checkpoint.mainHeight,
    usage: usageOfImage(image),
  };
}

async function ofMount(mount: MountEntry) {
  const usage = await usageOfMount(mount.target);
  return { mounted: mount.target, image: mount.source, usage, server: await askServer(mount) };
}

function features(superblock: RawImage['superblock']): string[] {
  const sets: readonly (readonly [number, Record<string, number>])[] = [
    [superblock.compatible, compatibleFeatures],
    [superblock.readOnlyCompatible, readOnlyCompatibleFeatures],
    [superblock.incompatible, incompatibleFeatures],
  ];
  return sets.flatMap(([bits, known]) => {
    const names = Object.keys(known).filter((name) => Math.floor(bits / known[name]) % 2 === 1);
    const unknown = unknownBits(bits, known);
    return unknown === 0 ? names : [...names, `unknown (0x${unknown.toString(16)})`];
  });
}

/** Chains that the volume has, with a mark at the one for new data. */
function chainNames({ transforms, defaultTransform }: RawImage['superblock']): string[] {
  const view = new DataView(transforms.buffer, transforms.byteOffset, transforms.length);
  const names: string[] = [];
  for (let number = 1; number < maxTransforms; number++) {
    const { name } = TransformEntry.read(view, number * TransformEntry.size);
    if (name !== '') names.push(number === defaultTransform ? `${name} (new data)` : name);
  }
  return names;
}

function asText(facts: Facts): string {
  const list: [string, string][] = [];
  if ('mounted' in facts) {
    list.push(['mounted on', facts.mounted], ['image', facts.image], ...serverLines(facts.server));
  } else {
    list.push(
      ['image', facts.image],
      ['label', facts.label === '' ? '(none)' : facts.label],
      ['UUID', facts.uuid],
      ['format version', String(facts.formatVersion)],
      ['features', facts.features.length === 0 ? '(none)' : facts.features.join(', ')],
      ['compression', facts.compression.length === 0 ? 'none' : facts.compression.join(', ')],
      ['created', facts.created],
      ['image size', formatSize(facts.imageBytes)],
      ['segments', `${facts.places} of ${formatSize(facts.segmentBytes)}, ${facts.reservedSegments} in reserve`],
      ['state', facts.clean ? 'clean' : 'not closed: the next mount replays the journal'],
      ['generation', `${facts.generation}, committed ${facts.lastCommit}`],
      ['tree height', String(facts.treeHeight)],
    );
  }
  return pairs([...list, ...usageLines(facts.usage)]);
}

const usageLines = (usage: Usage): [string, string][] => [
  ['usable', formatSize(usage.size)],
  ['used', `${formatSize(usage.used)} (${((100 * usage.used) / usage.size).toFixed(1)} %)`],
  ['available', formatSize(usage.available)],
  ['inodes', String(usage.inodes)],
];

const gathered = ({ chunks, pages, beyondBudget }: NonNullable<ServerFacts['autodefrag']>): string =>
  `${formatSize(pages * pageSize)} laid anew in ${counted(chunks, 'chunk')}, ${counted(beyondBudget, 'chunk')} beyond the budget`;

const aheadLines = ({ files, bytes }: ServerFacts['readAhead']): [string, string][] =>
  files === 0 ? [] : [['read ahead', `${counted(files, 'file')}, ${formatSize(bytes)}`]];

/** Kinds of requests that are shown: those that there were most of. */
const kindsShown = 5;

const latencyLines = (latencies: ServerFacts['latencyMs']): [string, string][] =>
  Object.entries(latencies)
    .sort(([, a], [, b]) => b.count - a.count)
    .slice(0, kindsShown)
    .map(([kind, { count, p50, p99 }]) => [
      kind,
      `${counted(count, 'request')}, half within ${formatMs(p50)}, 99 % within ${formatMs(p99)}`,
    ]);

function serverLines(server: ServerFacts | undefined): [string, string][] {
  if (server === undefined) return [['server', 'does not answer, or belongs to another user']];
  const { checkpoints = 0, records = 0, moved = 0, filePages = 0, bytesWritten = 0 } = server.volume;
  return [
    [
      'server',
      `process ${server.pid}, ${server.readOnly ? 'read-only, ' : ''}${formatSize(server.memoryBytes)} of memory`,
    ],
    ['journal', server.journal],
    ...(server.failure === null ? [] : [['state', `read-only: ${server.failure}`] as [string, string]]),
    ['mounted since', new Date(Date.now() - server.seconds * 1000).toISOString()],
    ['written', `${counted(checkpoints, 'checkpoint')}, ${counted(records, 'journal record')}`],
    ['pages of files', `${formatSize(filePages * pageSize)}, to the image in all ${formatSize(bytesWritten)}`],
    ['cleaner moved', formatSize(moved * pageSize)],
    ...(server.advice === null ? [] : [['nearly full', adviceText(server.advice)] as [string, string]]),
    ...(server.autodefrag === null ? [] : [['autodefrag', gathered(server.autodefrag)] as [string, string]]),
    ...aheadLines(server.readAhead),
    ...latencyLines(server.latencyMs),
  ];
}
