/**
 * Pass 2: the two checkpoint slots. The newest that verifies is the state that fsck checks; the other one may be
 * torn if the volume was not closed, and zero if it was never written.
 */
import { FsError } from '../fs/errors.js';
import { Checkpoint, checkpointMagic, type HeadPosition, openCheckpoint } from '../fs/format/checkpoint.js';
import { checksum } from '../fs/format/checksum.js';
import { noPlace, slotOffset, tablePages } from '../fs/format/geometry.js';
import type { Superblock } from '../fs/format/superblock.js';
import type { Store } from '../fs/store/store.js';
import { endOfInodes, type ImageOffset, pageSize } from '../fs/units.js';
import type { OpenSuperblock } from '../fs/volume/superblock.js';
import { type Problem, problem } from './problem.js';

export interface Slot {
  readonly checkpoint: Checkpoint;
  readonly tableMap: Uint8Array;
  /** Why it does not count; undefined: it verifies. */
  readonly wrong: string | undefined;
  readonly empty: boolean;
}

export const readBothSlots = async (store: Store, superblock: OpenSuperblock): Promise<readonly Slot[]> => [
  await readSlot(store, superblock, 0),
  await readSlot(store, superblock, 1),
];

async function readSlot(store: Store, superblock: OpenSuperblock, slot: number): Promise<Slot> {
  const raw = new Uint8Array(superblock.checkpointPages * pageSize);
  const unread = await problemOfRead(store, slotOffset(superblock, slot), raw);
  const empty = unread === undefined && raw.every((byte) => byte === 0);
  const view = new DataView(raw.buffer);
  const stored = Checkpoint.read(view);
  view.setUint32(Checkpoint.offsetOf.checksum, 0, true);
  const sum = checksum(raw);
  const { brand, sealer } = superblock;
  const opened = sealer === undefined || (sum === stored.checksum && openCheckpoint(sealer, raw));
  const checkpoint = Checkpoint.read(view);
  const tableMap = raw.subarray(pageSize, pageSize + Math.ceil(tablePages(superblock) / 4));
  let wrong = unread;
  if (unread !== undefined) raw.fill(0);
  else if (checkpoint.magic !== checkpointMagic) wrong = empty ? 'was never written' : 'is not a checkpoint';
  else if (stored.checksum !== sum) wrong = 'fails its checksum';
  else if (checkpoint.brand !== brand) wrong = 'belongs to another volume';
  else if (!opened) wrong = 'is not authentic';
  else if (checkpoint.slot !== slot) wrong = `says that it is slot ${checkpoint.slot}`;
  return { checkpoint, tableMap, wrong, empty };
}

/** Words for an error of the store; undefined: it was read. */
async function problemOfRead(store: Store, offset: ImageOffset, into: Uint8Array): Promise<string | undefined> {
  try {
    await store.read(offset, into);
    return undefined;
  } catch (e) {
    if (e instanceof FsError && e.code === 'EIO') return "can't be read";
    throw e;
  }
}

/** The newest of the slots that verify; undefined if none does. */
export function newest(slots: readonly Slot[]): Slot | undefined {
  return slots
    .filter((slot) => slot.wrong === undefined)
    .reduce<Slot | undefined>((a, b) => (a && a.checkpoint.generation >= b.checkpoint.generation ? a : b), undefined);
}

/** What is odd about the slots, `chosen` being the newest. */
export function* checkSlots(slots: readonly Slot[], chosen: Slot, superblock: Superblock): Iterable<Problem> {
  const { checkpoint } = chosen;
  for (const [index, slot] of slots.entries()) {
    if (slot.wrong && !slot.empty && checkpoint.clean === 1) {
      yield problem('checkpoint-slot', `checkpoint slot ${'AB'[index]} ${slot.wrong}`);
    }
  }
  const expected = Math.ceil(tablePages(superblock) / 4);
  if (checkpoint.mapBytes !== expected)
    yield bad(`its table map has ${checkpoint.mapBytes} bytes instead of ${expected}`);
  if (checkpoint.clean > 1) yield bad(`its clean mark is ${checkpoint.clean}`);
  if (checkpoint.flags !== 0) yield bad(`reserved flags are set (${checkpoint.flags})`);
  const range = rangeProblem(checkpoint, superblock);
  if (range) yield bad(range);
  for (const head of ['nodeHead', 'dataHead', 'coldHead'] as const) {
    const wrong = headProblem(checkpoint[head], superblock);
    if (wrong) yield problem('log-head', `the checkpoint's ${head} ${wrong}`);
  }
}

/** Generations and serials from here on leave no room to count on. */
const endOfCounting = 2 ** 50;
/** A repair commits some times itself, and then the volume shall be used. */
const countedOn = 2 ** 32;

/** What is wrong with the numbers of a checkpoint, or undefined. */
function rangeProblem(checkpoint: Checkpoint, superblock: Superblock): string | undefined {
  for (const name of numbers) {
    const value = checkpoint[name];
    if (!Number.isSafeInteger(value) || value < 0) return `${name} is out of range`;
  }
  const { generation } = checkpoint;
  if (generation < 1 || generation >= endOfCounting) return `generation ${generation}`;
  if (checkpoint.newestSnapshot > generation) return `a snapshot of ${checkpoint.newestSnapshot}`;
  if (checkpoint.nextSerial * 2 ** superblock.segmentShift >= endOfCounting)
    return `next serial ${checkpoint.nextSerial}`;
  if (checkpoint.nextInode > endOfInodes) return `next inode ${checkpoint.nextInode}`;
  return undefined;
}

/** Whether a repair can count generations on from a checkpoint. */
export const isCountable = ({ generation }: Pick<Checkpoint, 'generation'>): boolean =>
  generation >= 1 && generation < endOfCounting - countedOn;

const numbers = [
  'generation',
  'epoch',
  'newestSnapshot',
  'nextSerial',
  'nextInode',
  'inodes',
  'livePages',
  'promisedPages',
] as const;

const bad = (message: string): Problem => problem('checkpoint', `the checkpoint is not sane: ${message}`);

function headProblem(head: HeadPosition, superblock: Superblock): string | undefined {
  if (head.place === noPlace) return undefined;
  if (head.place >= superblock.places) return `stands in place ${head.place} of ${superblock.places}`;
  if (head.page > 2 ** superblock.segmentShift || head.described > head.page) return `stands at page ${head.page}`;
  return undefined;
}
