/** `varve scrub`, `defrag`, `transform`, `key`, `property`, and what --progress json prints. */
import {
  bytes,
  choice,
  flag,
  list,
  moment,
  named,
  number,
  object,
  optional,
  orNull,
  type Schema,
  share,
  text,
  whole,
} from '../json-schema.js';

const finding = object('a page that does not verify', {
  what: choice('what it belongs to', ['superblock', 'checkpoint', 'segment-table', 'summary', 'node', 'data']),
  problem: text('what is wrong with it'),
  offset: optional(whole('where it lies, from the start of the image, in bytes')),
  address: optional(whole('its address in the log')),
  inode: optional(whole('of data: the file')),
  page: optional(whole('of data: which page of the file')),
  path: optional(text('a name of the file')),
  holder: optional(text('what has it, if the live files have not: snapshot NAME')),
});

export const scrubSchema = (): Schema =>
  orNull(
    object('How far a scrub is, or how it ended', {
      state: choice('whether it is over, and how', ['running', 'finished', 'stopped', 'failed']),
      stage: text('what is being verified'),
      pagesChecked: object('pages that were verified', {
        fixed: whole('superblocks, checkpoints, segment table'),
        summaries: whole('of segments'),
        nodes: whole('of the trees'),
        data: whole('of files'),
      }),
      done: whole('pages of nodes and data verified'),
      all: whole('how many of them were live when it began'),
      bytesRead: bytes('what was read for it'),
      seconds: number('how long it has taken'),
      findings: list('the first thousand', finding),
      errors: whole('all of them'),
      failure: optional(text('why it failed')),
    }),
    'none since the volume was mounted',
  );

export const defragSchema = (): Schema =>
  object('What was laid in one piece, or would be with --dry-run.', {
    files: whole('files that were looked at'),
    changed: whole('of them laid anew'),
    bytes: bytes('of them laid anew'),
    pieces: whole('in which that lay before'),
    heldBytes: bytes('left as they are, as a snapshot holds them'),
    interrupted: flag('a signal ended it; run again, it goes on'),
  });

export const transformListSchema = (): Schema =>
  list(
    'Ways to compress.',
    object('one', {
      id: whole('its number in images'),
      name: text('its name'),
      levels: orNull(
        object('levels that it has', {
          least: whole('the lowest'),
          most: whole('the highest'),
          usual: whole('the one that is taken unless told'),
        }),
        'it has none',
      ),
    }),
  );

export const transformCheckSchema = (): Schema =>
  object('Whether a way to compress keeps its rules.', {
    id: whole('its number in images'),
    name: text('its name'),
    problems: list('what it does not keep', text('in words')),
    speeds: list(
      'how quick it is, if there are no problems',
      object('at one level', {
        level: whole('the level; 0 if it has none'),
        ratio: whole('what is left of a unit, in percent'),
        encode: whole('MB/s in'),
        decode: whole('MB/s out'),
      }),
    ),
  });

export const keyListSchema = (): Schema =>
  list(
    'Slots in use.',
    object('one', {
      slot: whole('its number'),
      kind: choice('what opens it', ['passphrase', 'key file', 'unknown']),
      name: text('what it is called, or empty'),
      created: moment('when it was filled'),
      memory: bytes('what scrypt needs to open it; 0 for a key file'),
    }),
  );

export const keySlotSchema = (): Schema =>
  object('The slot that was filled or emptied.', { slot: whole('its number'), image: text('of which image') });

export const propertiesSchema = (): Schema =>
  list(
    'Properties of files and directories.',
    object('one', {
      path: text('the file or directory'),
      properties: named('by name; default: as the volume does', text('value')),
    }),
  );

export const progressSchema = (): Schema =>
  object(
    'How far a command is: with --progress json one such object a line, each second and at the end, on standard error.',
    {
      what: text('the command'),
      stage: text('what it is at'),
      share: share('of the whole'),
      bytes: bytes('what was gone through'),
      seconds: number('since it began'),
      secondsLeft: orNull(number('by the rate so far'), 'not known yet'),
    },
  );
