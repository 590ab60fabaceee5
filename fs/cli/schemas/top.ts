/** `varve top`: one object a sample, each in one line. */
import { flag, list, number, object, orNull, type Schema, share, text, whole } from '../json-schema.js';
import { causes } from './volume.js';

export const topSchema = (): Schema =>
  object(
    'What a mount did between two moments. Lengths are bytes; rates are per second, over the time between the moments. Latencies are told by the end of a histogram bucket, at most 6.3 % too high.',
    {
      time: text('when the sample was taken, in ISO 8601'),
      mount: text('the directory'),
      image: text('the file or device'),
      seconds: number('between the two moments'),
      upSeconds: number('since the mount'),
      server: object('the process that serves the mount', {
        pid: { ...whole('its number'), minimum: 1 },
        cpu: number('processor time a second: 1 is one core'),
        memoryBytes: whole('resident memory'),
        journal: text('journalling mode'),
        failure: orNull(text('why nothing more can be written'), 'it can'),
      }),
      requests: object('of the kernel', {
        perSecond: number('how many'),
        bytesRead: number('asked for by reads and delivered'),
        bytesWritten: number('that came with writes'),
        fromMemory: orNull(
          share('of attempts, those that did not have to wait for a node of the tree'),
          'there were none',
        ),
        waiting: whole('not answered yet at the end'),
      }),
      latency: object('of all requests, from being read to being answered; 0 if there were none', {
        p50Ms: number('half of them took no longer, in milliseconds'),
        p99Ms: number('nor 99 % of them than this'),
        longestMs: number('nor any than this'),
      }),
      away: orNull(
        object('stretches between two looks for requests, while the server was awake; 0 if there were none', {
          p9999Ms: number('99.99 % of them were no longer, in milliseconds'),
          longestMs: number('nor any than this'),
        }),
        'not known with this driver',
      ),
      operations: list(
        'by kind of request, the busiest first',
        object('one kind', {
          kind: text('as the kernel calls it, in lower case'),
          perSecond: number('how many were answered'),
          p50Ms: number('half of them took no longer, in milliseconds'),
          p99Ms: number('nor 99 % of them than this'),
          longestMs: number('nor any than this'),
        }),
      ),
      processes: list(
        'who made the last requests, 4,096 at most',
        object('one process', {
          pid: whole('its number; 0 is the kernel by itself: writing back, reading ahead'),
          name: text('its command'),
          share: share('of these requests'),
        }),
      ),
      store: object('the image', {
        bytesRead: number('read through addresses: nodes and pages of files'),
        bytesWritten: number('written, by whatever part'),
        checkpoints: number('commits'),
        records: number('of the journal'),
        barriers: number('fdatasync'),
        committing: flag('a commit is under way at the end'),
      }),
      memory: object('at the end', {
        pageBytes: whole('pages of files'),
        mostPageBytes: whole('most of them'),
        dirtyBytes: whole('those not yet in the log'),
        nodes: whole('of the trees'),
        mostNodes: whole('most of them'),
        dirtyNodes: whole('those no checkpoint has'),
        nodeMisses: number('that had to be read, a second'),
      }),
      cleaner: object('which makes free segments', {
        movedBytes: number('live pages moved'),
        cleanings: number('segments emptied'),
        urgent: number('of these, those that a request waited for'),
        freeSegments: whole('at the end'),
        segments: whole('of all'),
      }),
      space: object('at the end', {
        capacity: whole('usable'),
        used: whole('live, promised or set aside'),
        available: whole('for new data'),
        byCause: orNull(object('asked every five seconds, as varve df --by-cause says it', causes), 'not known yet'),
      }),
    },
  );
