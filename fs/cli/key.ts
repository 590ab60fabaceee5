/**
 * `varve key`: who can open an encrypted volume. Slots are changed in the superblock alone, of an image that is not mounted;
 * the key of the volume stays, so no page is written anew.
 *
 * Crash safety: the copy of the superblock is durable before the first page is written, so one of the two verifies at any
 * time, and the old slots or the new ones open the volume.
 */

import type { Command } from 'commander';
import { VolumeError } from '../errors.js';
import { isEncrypted } from '../format/features.js';
import { KeySlot, keySlotBytes } from '../format/key-slot.js';
import type { Superblock } from '../format/superblock.js';
import { openStore } from '../store/open.js';
import type { Store } from '../store/store.js';
import { addSlot, listSlots, removeSlot, type SlotInfo } from '../transform/key-slots.js';
import { lookAtSuperblock, writeSuperblockDurably } from '../volume/superblock.js';
import { type AddCommand, withExamples } from './command.js';
import { jsonOption } from './json-schema.js';
import { json } from './output.js';
import { keyListSchema, keySlotSchema } from './schemas/upkeep.js';
import { newSecret } from './secret.js';
import { formatSize } from './size.js';
import { timeText } from './time.js';
import { hideMemory, openSlot } from './unlock.js';

interface NewOptions {
  readonly newKeyFile?: string;
  readonly newPassphraseFd?: string;
  readonly name?: string;
  readonly json?: boolean;
}

export const addKey: AddCommand = (program, { output }) => {
  const tell = (options: { json?: boolean }, slot: number, image: string, said: string): void =>
    output.line(options.json ? json({ slot, image }) : said);
  const key = program.command('key').description('see and change who can open an encrypted volume: up to 8 slots');
  withExamples(key.command('list <image>'), [['varve key list disk.img', 'the slots in use']])
    .description('the slots in use; needs no key')
    .addOption(jsonOption(keyListSchema))
    .action(async (image: string, options: { json?: boolean }) => {
      const slots = await withSlots(image, true, async (superblock) => listSlots(superblock));
      if (options.json) output.line(json(slots.map((slot) => ({ ...slot, created: timeText(slot.created * 1000) }))));
      else for (const slot of slots) output.line(describe(slot));
    });
  withNew(key.command('add <image>'), 'varve key add disk.img --new-key-file backup.key', 'one more way to open it')
    .description('fill a free slot with a new passphrase or key file')
    .action(async (image: string, options: NewOptions) => {
      const slot = await withSlots(image, false, async (superblock, store) => {
        const { key: opened } = await openSlot(superblock, image);
        const added = await fill(superblock, image, opened, options);
        await writeSuperblockDurably(store, superblock);
        return added;
      });
      tell(options, slot, image, `slot ${slot} opens ${image}`);
    });
  withNew(key.command('change <image>'), 'varve key change disk.img', 'instead of the passphrase that is typed first')
    .description('put a new secret in the place of the one that is given')
    .action(async (image: string, options: NewOptions) => {
      const slot = await withSlots(image, false, async (superblock, store) => {
        const { key: opened, slot: old } = await openSlot(superblock, image);
        const { name } = listSlots(superblock).find((info) => info.slot === old) ?? { name: '' };
        // In memory: nothing is taken away before there is another one.
        clear(superblock, old);
        const added = await fill(superblock, image, opened, { name, ...options });
        await writeSuperblockDurably(store, superblock);
        return added;
      });
      tell(options, slot, image, `slot ${slot} opens ${image}, and the secret before it does not`);
    });
  withExamples(key.command('remove <image> <slot>'), [['varve key remove disk.img 2', 'slot 2 opens it no more']])
    .description('empty a slot; the last one stays')
    .addOption(jsonOption(keySlotSchema))
    .action(async (image: string, text: string, options: { json?: boolean }) => {
      const slot = Number(text);
      if (!/^[0-7]$/.test(text)) throw new VolumeError('usage', `'${text}' is no slot: there are 0 to 7`);
      await withSlots(image, false, async (superblock, store) => {
        await openSlot(superblock, image);
        removeSlot(superblock, slot);
        await writeSuperblockDurably(store, superblock);
      });
      tell(options, slot, image, `slot ${slot} of ${image} is empty`);
    });
};

const withNew = (command: Command, line: string, purpose: string): Command =>
  withExamples(command, [[line, purpose]])
    .option('--new-key-file <file>', 'the new secret is a key file, of 32 random bytes or more')
    .option('--new-passphrase-fd <number>', 'the new passphrase is read from this file descriptor')
    .option('--name <text>', 'what the slot is called, up to 64 bytes')
    .addOption(jsonOption(keySlotSchema));

/** A slot in words. */
export const describe = ({ slot, kind, name, created, memory }: SlotInfo): string =>
  [
    `slot ${slot}: ${kind}`,
    // An image may say anything: nothing that a terminal would obey.
    ...(name === '' ? [] : [JSON.stringify(name)]),
    ...(memory === 0 ? [] : [`scrypt with ${formatSize(memory)}`]),
    `since ${timeText(created * 1000)}`,
  ].join(', ');

/** Empty a slot, also the last one: another one is filled before anything is written. */
function clear(superblock: Superblock, slot: number): void {
  superblock.keySlots.fill(0, slot * keySlotBytes, (slot + 1) * keySlotBytes);
}

async function fill(
  superblock: Superblock,
  image: string,
  key: Parameters<typeof addSlot>[1],
  { newKeyFile, newPassphraseFd, name = '' }: NewOptions,
): Promise<number> {
  if (Buffer.byteLength(name) > KeySlot.fields.name.size || name.includes('\0'))
    throw new VolumeError('usage', 'the name may have up to 64 bytes');
  const secret = await newSecret({ keyFile: newKeyFile, passphraseFd: newPassphraseFd }, image, false);
  try {
    return addSlot(superblock, key, secret, { name, seconds: Math.floor(Date.now() / 1000) });
  } finally {
    secret.bytes.fill(0);
  }
}

/** Open the image for `use`, alone if it is to be changed. Throws VolumeError 'usage' if it is not encrypted. */
async function withSlots<T>(
  image: string,
  readOnly: boolean,
  use: (superblock: Superblock, store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(image, { readOnly });
  try {
    const superblock = await lookAtSuperblock(store);
    if (!isEncrypted(superblock)) throw new VolumeError('usage', `${image} is not encrypted`);
    hideMemory();
    return await use(superblock, store);
  } finally {
    await store.close();
  }
}
