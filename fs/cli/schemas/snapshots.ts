/** `varve snapshot ...`, `diff`, `receive`. */
import {
  bytes,
  choice,
  either,
  flag,
  list,
  moment,
  object,
  optional,
  orNull,
  type Schema,
  text,
  whole,
} from '../json-schema.js';

const snapshot = (description: string): Schema =>
  object(description, {
    name: text('its name; empty for a moment of the history'),
    id: whole('number of its root'),
    generation: whole('of the volume, when it was made'),
    created: moment('when it was made'),
    inodes: whole('files, directories and all else in it'),
    referenced: bytes('all that it leads to'),
    unique: bytes('what comes back if it alone is deleted'),
  });

export const snapshotSchema = (): Schema => snapshot('The snapshot that was made.');

export const snapshotListSchema = (): Schema => list('Snapshots, the oldest first.', snapshot('one'));

export const branchListSchema = (): Schema =>
  list(
    'Branches.',
    object('one', {
      name: text('its name; empty for the one that a new volume has'),
      live: flag('a mount without branch= shows it'),
      inodes: whole('files, directories and all else in it'),
      referenced: bytes('all that it leads to'),
    }),
  );

export const pruneSchema = (): Schema =>
  list(
    'Snapshots, the oldest first: those that nothing keeps were deleted, or would be with --dry-run.',
    object('one', {
      name: text('its name'),
      created: moment('when it was made'),
      keptBy: list('rules that keep it', text('as it is called on the command line, and which of them')),
    }),
  );

export const rollbackSchema = (): Schema =>
  object('What the volume is now.', {
    snapshot: text('as this snapshot was'),
    kept: orNull(text('name of the snapshot that keeps the state before'), 'it was given up'),
  });

export const diffSchema = (): Schema =>
  list(
    'Paths that differ, in the order of the later snapshot.',
    object('one path', {
      change: choice('what became of it', ['added', 'removed', 'changed', 'renamed']),
      path: text('from the root of the volume: in the later snapshot, or in the earlier one if it was removed'),
      from: optional(text('of what was renamed: its path in the earlier snapshot')),
      type: text('file, directory, symlink, ...'),
      inode: whole('its inode'),
      what: optional(list('of what changed or was renamed: what of it', text('contents, size, mode, ...'))),
    }),
  );

export const receiveSchema = (): Schema =>
  either(
    'What came.',
    object('the snapshot that was received', { name: text('its name'), bytes: bytes('length of the stream') }),
    list(
      'with --status: what waits for its rest',
      object('a part of a snapshot', {
        name: text('its name'),
        inodes: whole('files and all else that came'),
        token: text('for varve send -t'),
      }),
    ),
  );
