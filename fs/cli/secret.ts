/**
 * Where the secret of an encrypted volume comes from: a key file, a file descriptor, a credential that systemd hands on,
 * or a person at a terminal. Never from an argument or the environment, which others can read.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import { VolumeError } from '../errors.js';
import type { Secret } from '../transform/key-slots.js';

/** As options name it. */
export interface SecretOptions {
  readonly keyFile?: string | undefined;
  /** A number. */
  readonly passphraseFd?: string | undefined;
}

const leastKeyFile = 32;
const mostSecret = 1 << 20;
/** Name of the credential that holds a passphrase; systemd.exec(5), LoadCredential. */
const credential = 'varve.passphrase';

/** The secret that options name, or a credential does; else a person is asked. Throws VolumeError. */
export async function findSecret(options: SecretOptions, image: string): Promise<Secret> {
  return named(options) ?? passphrase(await askHidden(`Passphrase for ${image}: `, image));
}

/** The same for a secret that is new: a person types it twice. `orCredential`: systemd's may be meant. */
export async function newSecret(options: SecretOptions, image: string, orCredential = true): Promise<Secret> {
  const given = named(options, orCredential);
  if (given !== undefined) return given;
  const first = await askHidden(`New passphrase for ${image}: `, image);
  const second = await askHidden('The same again: ', image);
  const same = first.equals(second);
  second.fill(0);
  if (!same) {
    first.fill(0);
    throw new VolumeError('usage', 'the two passphrases differ');
  }
  return passphrase(first);
}

function named({ keyFile, passphraseFd }: SecretOptions, orCredential = true): Secret | undefined {
  if (keyFile !== undefined && passphraseFd !== undefined)
    throw new VolumeError('usage', 'a key file and a passphrase exclude each other');
  if (keyFile !== undefined) return fromFile(keyFile);
  if (passphraseFd !== undefined) return passphrase(line(fromDescriptor(passphraseFd)));
  const path = orCredential ? credentialPath() : undefined;
  return path === undefined ? undefined : passphrase(line(readFileSync(path)));
}

/** Whether somebody has given a secret, and not only may be asked for one. */
export const isGiven = ({ keyFile, passphraseFd }: SecretOptions): boolean =>
  keyFile !== undefined || passphraseFd !== undefined || credentialPath() !== undefined;

function credentialPath(): string | undefined {
  const directory = process.env.CREDENTIALS_DIRECTORY;
  const path = directory === undefined ? undefined : join(directory, credential);
  return path !== undefined && existsSync(path) ? path : undefined;
}

function fromFile(path: string): Secret {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new VolumeError('not-found', `key file ${path} does not exist`);
    throw new VolumeError(code === 'EACCES' ? 'no-permission' : 'io', `key file ${path}: ${code}`);
  }
  if (bytes.length < leastKeyFile || bytes.length > mostSecret)
    throw new VolumeError('usage', `key file ${path}: it has ${bytes.length} bytes, not ${leastKeyFile} to 1 MiB`);
  return { kind: 'keyFile', bytes };
}

function fromDescriptor(text: string): Buffer {
  const descriptor = Number(text);
  if (!/^\d+$/.test(text)) throw new VolumeError('usage', `'${text}' is no file descriptor`);
  const all = Buffer.alloc(mostSecret);
  let length = 0;
  try {
    for (let got = 1; got > 0 && length < all.length && !all.subarray(0, length).includes(10); length += got)
      got = readSync(descriptor, all, length, all.length - length, null);
  } catch (e) {
    throw new VolumeError('usage', `no passphrase on descriptor ${text}: ${(e as NodeJS.ErrnoException).code}`);
  }
  // A server would keep it for as long as it serves, and others could read it again.
  if (descriptor > 2) closeSync(descriptor);
  const found = Buffer.from(all.subarray(0, length));
  all.fill(0);
  return found;
}

/** Up to the end of the line. */
function line(bytes: Buffer): Buffer {
  const end = bytes.indexOf(10);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function passphrase(bytes: Uint8Array): Secret {
  if (bytes.length === 0) throw new VolumeError('usage', 'the passphrase is empty');
  return { kind: 'passphrase', bytes };
}

/** Ask on the terminal, without showing what is typed. Throws VolumeError 'wrong-key' where there is no terminal. */
async function askHidden(question: string, image: string): Promise<Buffer> {
  const descriptor = terminal();
  if (descriptor === undefined)
    throw new VolumeError('wrong-key', `${image} needs a passphrase or a key file, and there is no terminal to ask on`);
  const input = new ReadStream(descriptor);
  input.setRawMode(true);
  writeSync(2, question);
  try {
    return await typed(input);
  } finally {
    input.setRawMode(false);
    input.destroy();
    writeSync(2, '\n');
  }
}

/** The terminal that the program was called from; undefined: there is none. */
function terminal(): number | undefined {
  try {
    return openSync('/dev/tty', 'r+');
  } catch {
    // Whatever the reason: nobody can be asked.
    return undefined;
  }
}

/** Of a passphrase that is typed. What comes behind is left out: a terminal's own line has as many bytes. */
const mostTyped = 4096;
const [interrupt, endOfText, backspace, newline, carriageReturn, killLine, rubOut] = [3, 4, 8, 10, 13, 21, 127];

/** A line as it is typed. */
function typed(input: ReadStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const text = Buffer.alloc(mostTyped);
    let length = 0;
    const done = (): void => {
      resolve(Buffer.from(text.subarray(0, length)));
      text.fill(0);
    };
    input.on('error', reject);
    input.on('end', done);
    input.on('data', (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte === newline || byte === carriageReturn || byte === endOfText) return done();
        if (byte === interrupt) return reject(new VolumeError('usage', 'interrupted'));
        if (byte === killLine) length = 0;
        else if (byte === backspace || byte === rubOut) length = withoutLast(text, length);
        else if (length < mostTyped) text[length++] = byte;
      }
      chunk.fill(0);
    });
  });
}

/** Length without the last character, of as many bytes as UTF-8 has for it. */
function withoutLast(text: Buffer, length: number): number {
  let end = length - 1;
  while (end > 0 && (text[end] & 0xc0) === 0x80) end--;
  return Math.max(0, end);
}
