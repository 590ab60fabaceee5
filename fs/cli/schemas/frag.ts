/** `varve frag` and `varve map`. */
import { choice, flag, list, number, object, optional, type Schema, share, text, whole } from '../json-schema.js';

/** One cell for one or more segments that lie together. */
export const mapSchema = (): Schema =>
  object('The segments of a volume, where they lie.', {
    placesPerCell: { ...whole('segments that share a cell'), minimum: 1 },
    cells: {
      ...list(
        'in the order of the image',
        object('one', {
          place: whole('its first segment'),
          places: { ...whole('how many'), minimum: 1 },
          kind: choice('what most of it is', ['free', 'data', 'cold', 'nodes', 'journal']),
          live: whole('live pages'),
          pages: { ...whole('of all'), minimum: 1 },
          open: flag('being filled'),
          generation: whole('of the last write'),
        }),
      ),
      maxItems: 4096,
    },
  });

const classes = list(
  'how many values lie from `from` to `to`, and how many bytes belong to them',
  object('one class', {
    from: { ...whole('least value'), minimum: 1 },
    to: { ...whole('most'), minimum: 1 },
    count: whole('how many'),
    bytes: whole('that belong to them'),
  }),
);
export const fragSchema = (): Schema =>
  object(
    'Report of fragmentation of a Varve volume. Lengths are bytes unless said otherwise. docs/FRAGMENTATION.md says what the figures mean.',
    {
      version: { const: 1, description: 'of this schema' },
      path: text('what was looked at, from the root of the volume'),
      generation: whole('last generation that is complete'),
      score: {
        ...number('share of jumps in the price of reading all files once, in percent; 0: every file in one piece'),
        minimum: 0,
        maximum: 100,
      },
      files: object('all that were looked at', {
        count: whole('regular files'),
        withoutPages: whole('empty, inline, or all holes'),
        scattered: whole('in more pieces than needed'),
        bytes: whole('in pages of their own'),
        extents: whole('runs in the map of their pages'),
        idealExtents: whole('fewest extents for so many pages'),
        pieces: whole('runs of pages that follow each other in file and image'),
        idealPieces: whole('fewest pieces for so many pages'),
      }),
      cost: object('of reading them all, once', {
        jumps: whole('pieces beyond those needed'),
        jumpBytes: whole('what a jump costs in the score, in bytes read'),
        shortPieceBytes: whole('in pieces shorter than jumpBytes, of files that are not'),
      }),
      filesByPieces: classes,
      piecesByBytes: classes,
      distances: object('from the end of a piece to the next piece of its file', {
        forward: classes,
        backward: classes,
      }),
      worst: {
        ...list(
          'the files with most pieces beyond those needed',
          object('one file', {
            inode: { ...whole('its number'), minimum: 1 },
            path: optional(text('a name of it'), 'absent: it has none'),
            bytes: whole('in pages of its own'),
            extents: whole('as above'),
            pieces: { ...whole('as above'), minimum: 1 },
            idealPieces: { ...whole('as above'), minimum: 1 },
          }),
        ),
        maxItems: 20,
      },
      segments: object('all of the volume', {
        places: { ...whole('how many there is room for'), minimum: 1 },
        segmentBytes: { ...whole('length of one'), minimum: 1 },
        free: whole('how many are free'),
        freeRuns: { ...classes, description: 'free places that follow each other, by length in places' },
        longestFreeRun: whole('in places'),
        open: whole('being filled'),
        journal: whole('of the journal'),
        sealed: whole('full'),
        utilisation: {
          ...list(
            'sealed segments by live share: 0 to 10 %, ...',
            object('those of one tenth', {
              data: whole('of new data'),
              cold: whole('of moved data'),
              nodes: whole('of nodes'),
            }),
          ),
          minItems: 10,
          maxItems: 10,
        },
        ages: { ...classes, description: 'sealed segments by generations since the last write, plus 1' },
      }),
      metadata: optional(
        object('the file tree; absent with --path', {
          leaves: whole('lowest nodes'),
          inner: whole('nodes above them'),
          bytes: whole('of the leaves'),
          fill: share('share of them in use'),
          jumps: whole('leaves that do not lie behind the one before'),
          distances: object('from the end of a leaf to the next one', { forward: classes, backward: classes }),
          score: { ...number('as that of files'), minimum: 0, maximum: 100 },
          damaged: whole('nodes that could not be read'),
        }),
      ),
      map: mapSchema(),
    },
  );
