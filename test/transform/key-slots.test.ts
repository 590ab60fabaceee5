/** Key slots: a secret opens what it was put into, and what an image asks for stays within bounds. */
import { expect, test } from 'vitest';
import { describe } from '../../fs/cli/key.js';
import { VolumeError } from '../../fs/errors.js';
import { KeySlot, keySlotBytes, keySlots } from '../../fs/format/key-slot.js';
import { addSlot, listSlots, removeSlot, type Secret, unlock } from '../../fs/transform/key-slots.js';
import { VolumeKey } from '../../fs/transform/volume-key.js';

const cost = { costShift: 10, blockSize: 8 };
const raw = Uint8Array.from({ length: 32 }, (_, i) => i);
const phrase = (text: string): Secret => ({ kind: 'passphrase', bytes: Buffer.from(text) });
const file = (fill: number): Secret => ({ kind: 'keyFile', bytes: new Uint8Array(64).fill(fill) });
const empty = () => ({ uuid: new Uint8Array(16).fill(3), keySlots: new Uint8Array(keySlots * keySlotBytes) });
const slotAt = (superblock: { keySlots: Uint8Array }, slot: number): DataView =>
  new DataView(superblock.keySlots.buffer, slot * keySlotBytes, keySlotBytes);

test('each secret opens the same key until its slot goes, and the last slot stays', () => {
  const superblock = empty();
  const key = new VolumeKey(raw);
  const secrets = [phrase('one'), file(1), phrase('two'), file(2)];
  for (const [i, secret] of secrets.entries())
    addSlot(superblock, key, secret, { name: `slot ${i}`, seconds: 5, cost });
  for (const [slot, secret] of secrets.entries()) {
    const opened = unlock(superblock, secret, 'image');
    expect([opened.slot, Uint8Array.from(opened.key.export())]).toEqual([slot, raw]);
  }
  expect(listSlots(superblock).map(({ kind, name, memory }) => [kind, name, memory])).toEqual([
    ['passphrase', 'slot 0', 2 ** 20],
    ['key file', 'slot 1', 0],
    ['passphrase', 'slot 2', 2 ** 20],
    ['key file', 'slot 3', 0],
  ]);
  for (const slot of [0, 1, 3]) removeSlot(superblock, slot);
  expect(() => unlock(superblock, secrets[0], 'image')).toThrow(/no key slot opens with this passphrase/);
  expect(() => unlock(superblock, secrets[1], 'image')).toThrow(/no key slot opens with this key file/);
  expect(() => removeSlot(superblock, 2)).toThrow(/last key slot/);
  expect(() => removeSlot(superblock, 0)).toThrow(/not in use/);
  expect(unlock(superblock, secrets[2], 'image').slot).toBe(2);
});

test('eight slots, and no ninth', () => {
  const superblock = empty();
  const key = new VolumeKey(raw);
  for (let i = 0; i < keySlots; i++) expect(addSlot(superblock, key, file(i), { seconds: 0 })).toBe(i);
  expect(() => addSlot(superblock, key, file(9), { seconds: 0 })).toThrow(VolumeError);
});

test('a slot that was changed, or comes from another volume, opens nothing', () => {
  const superblock = empty();
  addSlot(superblock, new VolumeKey(raw), file(1), { seconds: 0 });
  for (let at = 1; at < KeySlot.size; at++) {
    const changed = { ...superblock, keySlots: superblock.keySlots.slice() };
    changed.keySlots[at] ^= 4;
    expect(() => unlock(changed, file(1), 'image'), `byte ${at}`).toThrow(VolumeError);
  }
  expect(() => unlock({ ...superblock, uuid: new Uint8Array(16) }, file(1), 'image')).toThrow(VolumeError);
});

test('a slot that asks for absurd costs is passed over', () => {
  const superblock = empty();
  addSlot(superblock, new VolumeKey(raw), phrase('one'), { seconds: 0, cost });
  const good = KeySlot.read(slotAt(superblock, 0));
  const absurd = [
    [255, 8],
    [0, 8],
    [20, 32],
    [19, 8],
    [16, 0],
    [16, 65535],
  ];
  for (const [slot, [costShift, blockSize]] of absurd.entries())
    KeySlot.write(slotAt(superblock, slot + 1), 0, { ...good, costShift, blockSize });
  const before = process.memoryUsage().rss;
  expect(unlock(superblock, phrase('one'), 'image').slot).toBe(0);
  expect(() => unlock(superblock, phrase('other'), 'image')).toThrow(VolumeError);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
});

test('a slot that says what there is not is listed, and tells a terminal nothing', () => {
  const superblock = empty();
  addSlot(superblock, new VolumeKey(raw), file(1), { seconds: 2 ** 52, name: '\u001b[2J' });
  slotAt(superblock, 1).setUint8(KeySlot.offsetOf.kind, 9);
  const slots = listSlots(superblock);
  expect(slots.map(({ kind }) => kind)).toEqual(['key file', 'unknown']);
  expect(slots.map(describe)).toEqual([
    'slot 0: key file, "\\u001b[2J", since @4503599627370496',
    'slot 1: unknown, since 1970-01-01T00:00:00Z',
  ]);
});
