/**
 * What encryption promises, tried at length: nothing that is known is found in an image, no nonce comes twice under a key,
 * and a flipped bit is never other contents.
 *
 *     node dist/scripts/sealing.js [--files 10000] [--rounds 1000] [--stride 1] [--minutes 60] [--seed N]
 *
 * Prints a line for each part. --stride: of the pages of which all bits are tried, each so many-th bit. Exit codes: 0 all is
 * well, 1 a promise is broken, 2 the time was not enough.
 */
import { seededRandom } from '../fs/store/random.js';
import { BitFlips } from '../stress/sealing/bits.js';
import { countNonces } from '../stress/sealing/nonces.js';
import { searchImage } from '../stress/sealing/search.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    files: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '1000' },
    stride: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});

const deadline = performance.now() + Number(values.minutes) * 60_000;
const goOn = (): boolean => performance.now() < deadline;
const random = seededRandom(Number(values.seed));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  let broken = false;
  for (const transforms of [[], ['lz4']]) {
    const { known, found, bytes } = await searchImage(random, Number(values.files), 256, transforms);
    broken ||= found.length > 0;
    const how = ['aes-256-gcm', ...transforms].join(', ');
    say(`search (${how}): ${known} known names and contents, ${bytes} bytes, ${found.length} found`);
  }
  const nonces = await countNonces(random, Number(values.rounds), goOn);
  broken ||= nonces.repeated > 0;
  say(
    `nonces: ${nonces.messages} messages in ${nonces.sessions} sessions, ${nonces.crashes} power cuts, ` +
      `${nonces.copies} copies, ${nonces.repeated} repeated`,
  );
  const flips = await BitFlips.plan(random, Number(values.seed), Number(values.stride));
  await flips.run(goOn);
  const { count } = flips;
  broken ||= count.wrong.length > 0;
  for (const wrong of count.wrong.slice(0, 20)) say(`wrong: ${wrong}`);
  say(
    `bits: ${count.flips} of ${flips.planned} flipped: ${count.harmless} harmless, ${count.refused} refused, ` +
      `${count.older} an older state, ${count.wrong.length} wrong`,
  );
  if (broken) return 1;
  return count.flips < flips.planned ? 2 : 0;
}

process.exitCode = await main();
