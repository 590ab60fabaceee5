/** What fsck.varve --json and varve quota check --json print. */
import { flag, list, object, optional, type Schema, text, whole } from '../fs/cli/json-schema.js';

const problem = (fix: boolean): Schema =>
  object('one', {
    code: text('its kind'),
    invariant: text('letter and number of the invariant that does not hold'),
    message: text('in words'),
    inode: optional(whole('the inode')),
    path: optional(text('where that is, from the root of the volume')),
    ...(fix ? { fix: optional(text('what -y does about it'), 'absent: nothing can be done') } : {}),
  });

export const fsckSchema = (): Schema =>
  object('What was found and what was done.', {
    image: text('the file or device'),
    wasClean: flag('it had been closed in good order'),
    replayed: optional(
      object('what was replayed of the journal, with -n in memory only', {
        records: whole('records'),
        batches: whole('operations'),
      }),
      'absent: nothing had to be',
    ),
    changesNothing: flag('-n'),
    exit: whole('the exit code'),
    checked: flag('everything was checked; false: it was clean, and not asked for'),
    problems: list('what the check found, of each kind the first hundred', problem(true)),
    total: whole('problems in all'),
    repairs: list(
      'what was repaired, the first thousand',
      object('one', {
        code: text('the kind of problem'),
        message: text('what was done'),
        inode: optional(whole('the inode')),
        path: optional(text('where it is')),
      }),
    ),
    repaired: whole('repairs in all'),
    lost: list(
      'what is gone, the first thousand',
      object('one', {
        path: text('from the root of the volume, #N is inode N; or: snapshot NAME, snapshot #N, branch NAME, history'),
        what: text('what of it'),
      }),
    ),
    left: list('problems that are there after the repairs', problem(true)),
    totalLeft: whole('of them in all'),
    inodes: optional(whole('inodes of the volume'), 'where everything was checked'),
    livePages: optional(whole('pages of 4 KiB in use'), 'where everything was checked'),
    nodes: optional(whole('nodes of the trees'), 'where everything was checked'),
  });

export const quotaCheckSchema = (): Schema => list('Where what is recorded is not what is used.', problem(false));
