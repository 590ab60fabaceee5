/** `varve info`, `df`, `compression`, `resize`, `trim`, `map`. */
import {
  bytes,
  either,
  flag,
  list,
  moment,
  named,
  number,
  object,
  optional,
  orNull,
  type Schema,
  text,
  whole,
} from '../json-schema.js';

const usage = {
  size: bytes('what files, metadata and snapshots may take in all'),
  used: bytes('of it taken'),
  available: bytes('of it free for programs'),
  inodes: whole('files, directories and all else that has a name'),
};

const advice = object('what to delete, as the volume is nearly full because of snapshots', {
  held: bytes('what only snapshots hold'),
  snapshots: list(
    'those whose deletion gives back most',
    object('one', { name: text('its name'), unique: bytes('what comes back if it alone is deleted') }),
  ),
});

const latency = object('of one kind, in milliseconds, by the end of a bucket of the histogram', {
  count: whole('how many were answered'),
  p50: number('half of them took no longer'),
  p99: number('nor 99 % of them than this'),
  longest: number('nor any than this'),
});

const server = object('the process that serves the mount', {
  pid: whole('its number'),
  image: text('the file or device'),
  target: text('the directory'),
  device: text('major:minor, as in /proc/self/mountinfo'),
  readOnly: flag('it takes no changes'),
  journal: text('journalling mode'),
  failure: orNull(text('why nothing more can be written'), 'it can'),
  seconds: number('since the mount'),
  memoryBytes: bytes('resident memory'),
  volume: named('counters since the mount, and sizes in pages where the name does not say bytes', number('one')),
  autodefrag: orNull(
    object('what reads found scattered and was laid anew', {
      chunks: whole('pieces of files that were looked at'),
      pages: whole('of 4 KiB, laid anew'),
      beyondBudget: whole('chunks that were left, as there were too many of them'),
    }),
    'the mount does not do that',
  ),
  readAhead: object('what was read ahead from one file of a directory to the next', {
    files: whole('files of which the host was asked to read'),
    bytes: bytes('of them'),
  }),
  advice: orNull(advice, 'nothing needs to be'),
  driver: named('requests of the kernel since the mount, by kind, and what became of them', number('one')),
  latencyMs: named('by kind of request, since the mount', latency),
});

export const infoSchema = (): Schema =>
  either(
    'What a volume is and how it stands.',
    object('of an image', {
      image: text('the file or device'),
      label: text('name of the volume, or empty'),
      uuid: text('identity of the volume'),
      formatVersion: whole('version of the format on disk'),
      created: moment('when it was made'),
      features: list('features of the format that it uses', text('one')),
      compression: list('ways to compress that it knows', text('name, with a mark at the one for new data')),
      imageBytes: bytes('length of the volume'),
      segmentBytes: bytes('length of a segment'),
      places: whole('segments that there is room for'),
      reservedSegments: whole('of them in reserve'),
      clean: flag('closed in good order: the next mount replays nothing'),
      generation: whole('number of the newest checkpoint'),
      lastCommit: moment('when that was written'),
      treeHeight: whole('levels of the tree of files'),
      usage: object('how full it is', usage),
    }),
    object('of a mount', {
      mounted: text('the directory'),
      image: text('the file or device'),
      usage: object('how full it is', usage),
      server: optional(server, 'absent: it does not answer, or belongs to another user'),
    }),
  );

export const causes = {
  capacity: bytes('all that there is'),
  data: bytes('data of the live files'),
  metadata: bytes('nodes of the live tree and of the system tree'),
  snapshots: bytes('what only snapshots hold'),
  history: bytes('what only the history holds'),
  promised: bytes('accepted from programs and not written yet'),
  copies: bytes('set aside for nodes that are shared with a snapshot and will be copied'),
  free: bytes('free'),
  scattered: bytes('of that between live pages, which the cleaner must gather first'),
  reserve: bytes('besides, for the cleaner'),
};

const relocations = object('the map of pages that the cleaner moved', {
  entries: whole('entries'),
  moved: whole('pages that are known through them'),
  bytes: bytes('what the map takes in memory and on disk'),
  resettled: orNull(
    object('what was laid anew to keep the map small, since the mount', {
      entries: whole('entries that went'),
      bytes: bytes('data that was written for it'),
      nodes: whole('nodes that were written for it'),
    }),
    'nothing is mounted',
  ),
});

const path = { path: text('as it was asked for') };

export const dfSchema = (): Schema =>
  either(
    'How full volumes are.',
    list('usage of each volume', object('a volume', { ...path, ...usage })),
    list('with --by-cause', object('a volume', { ...path, ...causes, relocations })),
  );

export const compressionSchema = (): Schema =>
  list(
    'What data takes, by the way it is compressed.',
    object('one way', {
      chain: text('its name; none: as it is'),
      extents: whole('extents stored so'),
      plainBytes: bytes('what files have of it'),
      storedBytes: bytes('what that takes'),
    }),
  );

export const resizeSchema = (): Schema =>
  object('What became of the volume.', {
    before: bytes('size before'),
    after: bytes('size now'),
  });

export const trimSchema = (): Schema =>
  object('What was given back to the host.', {
    bytes: bytes('free space of the volume that was trimmed'),
    before: optional(bytes('what the image took before'), 'absent: it is a device'),
    after: optional(bytes('what it takes now'), 'absent: it is a device'),
  });
