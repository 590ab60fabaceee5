/** Random damage to every kind of metadata, with all checksums made right again. */
import { below, chance, type Random } from '../../fs/store/random.js';
import type { Store } from '../../fs/store/store.js';
import { editCheckpoint, editNode, editTablePage } from './surgery.js';

/** Bytes that hurt more often than others. */
const spiteful = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

function scratch(bytes: Uint8Array, random: Random, within: number): void {
  for (let n = 1 + below(random, 4); n > 0; n--) {
    const from = below(random, within);
    const value = chance(random, 0.6) ? spiteful[below(random, spiteful.length)] : below(random, 256);
    bytes.fill(value, from, Math.min(bytes.length, from + 1 + below(random, 8)));
  }
}

export async function hurt(store: Store, random: Random): Promise<void> {
  const bytesOf = (view: DataView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  switch (below(random, 7)) {
    case 0:
      return editNode(store, [], (node) => scratch(node.bytes, random, 200));
    case 1:
      return editNode(store, [], (node) => scratch(node.bytes.subarray(16000), random, 384));
    case 2:
    case 3:
      return editNode(store, [below(random, 3)], (node) =>
        scratch(node.bytes, random, chance(random, 0.5) ? 600 : 16384),
      );
    case 4:
      return editTablePage(store, below(random, 2), (view) => scratch(bytesOf(view), random, 400));
    case 5:
      return editCheckpoint(store, (record, map) => {
        const names = Object.keys(record).filter((name) => name !== 'slot') as (keyof typeof record)[];
        const name = names[below(random, names.length)];
        const value = [0, 1, 2 ** 16, 2 ** 31, 2 ** 40, 2 ** 52][below(random, 6)];
        if (typeof record[name] === 'number') (record[name] as number) = value;
        else Object.assign(record[name], { address: value, place: value, page: value % 2 ** 32, serial: value });
        scratch(map, random, 4);
      });
    default:
      return editNode(store, [], (node) => scratch(node.bytes, random, 64), { system: true });
  }
}
