/**
 * Every EIO position of a scenario of 200 operations on the inode API, and every ENOSPC of the host, in each
 * journalling mode: no crash, no hang, no fsynced byte lost (stress/sweep).
 *
 *     npm run fault-sweep -- [--journal MODE] [--seed N] [--operations N] [--in-place SHARE] [--minutes M] [--from N]
 *
 * Exit codes: 0 nothing wrong, 1 something that must hold does not, or no time was left.
 */
import { type JournalMode, journalModes } from '../fs/volume/journal-mode.js';
import { Sweep } from '../stress/sweep/sweep.js';
import { VirtualTime } from '../stress/system/virtual-time.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    journal: { type: 'string', multiple: true, default: [...journalModes] },
    seed: { type: 'string', default: '1' },
    operations: { type: 'string', default: '200' },
    'in-place': { type: 'string', default: '0.5' },
    minutes: { type: 'string', default: '60' },
    from: { type: 'string', default: '0' },
  },
});

const deadline = performance.now() + Number(values.minutes) * 60_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const time = new VirtualTime();
time.install();
let unheard = 0;
process.on('unhandledRejection', (reason) => {
  unheard++;
  say(`unhandled: ${reason instanceof Error ? reason.stack : String(reason)}`);
});

/** All positions in one mode; true if nothing is wrong. */
async function sweepIn(journal: JournalMode): Promise<boolean> {
  const began = performance.now();
  const [seed, operations, inPlace] = [values.seed, values.operations, values['in-place']].map(Number);
  const sweep = await Sweep.of({ journal, seed, operations, inPlace, time });
  const { positions, counts } = sweep;
  let done = Number(values.from);
  let violations = 0;
  for (; done < positions.length && performance.now() < deadline; done++) {
    try {
      await sweep.run(positions[done]);
    } catch (e) {
      violations++;
      say(e instanceof Error ? e.message : String(e));
    }
  }
  const of = (kind: string, code: string): number =>
    positions.slice(0, done).filter((position) => position.kind === kind && position.code === code).length;
  const { foregroundCleanings = 0, backgroundCleanings = 0, records = 0, checkpoints = 0 } = counts;
  say(
    `journal=${journal}, seed ${seed}: a scenario of ${operations} operations (${records} records, ${checkpoints} ` +
      `checkpoints, ${foregroundCleanings + backgroundCleanings} cleanings); ${done} of ${positions.length} positions ` +
      `(EIO at ${of('read', 'EIO')} reads, ${of('write', 'EIO')} writes, ${of('barrier', 'EIO')} barriers, ENOSPC at ` +
      `${of('write', 'ENOSPC')} writes): ${violations} violations, ${Math.round((performance.now() - began) / 1000)} s`,
  );
  return violations === 0 && done === positions.length;
}

const unknown = values.journal.filter((mode) => !journalModes.some((known) => known === mode));
if (unknown.length > 0) throw new Error(`no such journalling mode: ${unknown.join(', ')}`);
let right = true;
for (const journal of journalModes) if (values.journal.includes(journal)) right = (await sweepIn(journal)) && right;
process.exitCode = right && unheard === 0 ? 0 : 1;
