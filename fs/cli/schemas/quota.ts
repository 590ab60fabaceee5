/** `varve quota report`, `get`, `set`, `project`. */
import { bytes, choice, list, moment, object, optional, orNull, type Schema, text, whole } from '../json-schema.js';

const limit = (schema: Schema): Schema => orNull(schema, 'no limit');

const limits = {
  softBytes: limit(bytes('may be exceeded for the grace time')),
  hardBytes: limit(bytes('may not be exceeded')),
};
const inodeLimits = {
  softInodes: limit(whole('inodes that may be exceeded for the grace time')),
  hardInodes: limit(whole('inodes that may not be exceeded')),
};

const entry = (description: string): Schema =>
  object(description, {
    user: optional(whole('number of the user'), 'just one of the three is there'),
    group: optional(whole('number of the group')),
    project: optional(whole('number of the project')),
    name: text('the name that this machine has for it, or the number'),
    bytes: bytes('what it uses'),
    ...limits,
    bytesGraceEnds: orNull(moment('when the soft limit of space becomes a hard one'), 'it is not exceeded'),
    inodes: whole('inodes that it has'),
    ...inodeLimits,
    inodesGraceEnds: orNull(moment('when the soft limit of inodes becomes a hard one'), 'it is not exceeded'),
  });

export const quotaGetSchema = (): Schema => entry('What one user, group or project uses and may use.');

export const quotaReportSchema = (): Schema =>
  list(
    'What users, groups and projects use and may use.',
    object('all of one kind', {
      holder: choice('of which kind', ['user', 'group', 'project']),
      default: object('for those who have no limits of their own', {
        ...limits,
        ...inodeLimits,
        graceSeconds: whole('how long a soft limit of space may be exceeded'),
        inodeGraceSeconds: whole('the same for inodes'),
      }),
      entries: list('those that use something or have limits', entry('one')),
    }),
  );
