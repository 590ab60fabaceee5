/** What varve import, export and install print with --json. */
import { bytes, choice, list, object, type Schema, text, whole } from '../fs/cli/json-schema.js';

export const treeCopySchema = (): Schema =>
  object('What was copied.', {
    files: whole('regular files'),
    directories: whole('directories'),
    others: whole('symbolic links, fifos, sockets, devices'),
    bytes: bytes('contents, holes left out'),
    incomplete: list(
      'what could not be kept',
      object('one', { path: text('of what'), why: text('what could not be kept of it, and why') }),
    ),
  });

export const installSchema = (): Schema =>
  list(
    'Files of the installation.',
    object('one', {
      path: text('where it belongs'),
      outcome: choice('what became of it; kept: it was there already, or is of another', [
        'made',
        'kept',
        'removed',
        'absent',
        'planned',
      ]),
    }),
  );
