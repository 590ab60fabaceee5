/** What varve stress --json prints, with a profile and at random. */
import {
  bytes,
  choice,
  either,
  list,
  named,
  number,
  object,
  optional,
  type Schema,
  text,
  whole,
} from '../../fs/cli/json-schema.js';

const kind = object('one kind', {
  kind: text('its name'),
  count: whole('how many'),
  perSecond: number('how many a second'),
  p50: number('half of them took no longer, in microseconds'),
  p99: number('nor 99 % of them than this'),
  max: number('nor any than this'),
});

const withProfile = object('with --profile', {
  profile: text('its name'),
  seed: whole('of all chance'),
  where: text('the directory, or a volume in memory'),
  files: whole('to begin with'),
  concurrency: whole('workers at a time'),
  endedBy: choice('why it ended', ['operations', 'writes', 'time', 'fill', 'signal', 'error']),
  seconds: number('how long it took'),
  operations: whole('calls'),
  perSecond: number('calls a second'),
  kinds: list('calls by kind', kind),
  bytesPrepared: bytes('written before it began'),
  bytesRead: bytes('read, and compared'),
  bytesWritten: bytes('written'),
  wrong: object('reads that were not what had been written', {
    count: whole('how many'),
    first: list('the first of them', text('in words')),
  }),
  error: optional(text('what failed')),
  space: object('of the filesystem, at the end', {
    size: bytes('in all'),
    used: bytes('of it taken'),
    available: bytes('of it free'),
  }),
  volume: optional(
    object('what it cost the volume', {
      journal: text('journalling mode'),
      bytesWritten: bytes('to the image'),
      fileBytes: bytes('of them pages of files'),
      movedBytes: bytes('of them moved by the cleaner'),
      checkpoints: whole('commits'),
      records: whole('of the journal'),
      barriers: whole('fdatasync'),
      writeAmplification: optional(number('bytes to the image for each that was written to files')),
    }),
    'absent: it is not one of Varve',
  ),
});

const atRandom = object('without --profile', {
  seed: whole('of all chance'),
  journal: text('journalling mode'),
  operations: whole('operations'),
  runs: whole('volumes that were made for them'),
  counts: named('what happened in them', number('how often')),
  failure: optional(
    object('what went wrong, shrunk', {
      why: text('in words'),
      trail: list('what was done', text('one operation')),
      script: object('for --replay', {
        kind: text('varve-stress-script'),
        journal: text('journalling mode'),
        seed: whole('of chance besides the operations'),
        size: bytes('of the disk'),
        mount: { type: 'boolean', description: 'for a mount' },
        steps: list('operations', list('name and seed', { type: ['string', 'integer'], description: 'one of them' })),
      }),
    }),
  ),
});

export const stressSchema = (): Schema => either('How it went.', withProfile, atRandom);
