/**
 * The npm package fuse-native: libfuse 2.9 and the binding that carries its operations from libfuse's threads to
 * Node's. Loaded only when it is asked for, and without a package of the system: once the libfuse that it brings
 * along is loaded by path, the binding finds it by name.
 *
 * Of the package only the binding is used. Its JavaScript turns names into text and times into whole milliseconds
 * since 1970, and knows nothing of who asks; what the driver does instead depends on the layout of the binding's
 * structures (thread-record.ts), which is checked here by their sizes.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { VolumeError } from '../../errors.js';
import { mountRecordBytes } from './thread-record.js';

/** Called in Node's thread: with the thread's record, the operation's number and what else the binding gives. */
export type NativeHandler = (record: Buffer, operation: number, ...given: unknown[]) => void;
/** Wakes the thread of a record: its operation returns `result`, and the buffer that was lent is taken back. */
export type Signal = (record: Buffer, result: number, ...rest: unknown[]) => void;

export interface Binding {
  readonly sizeof_fuse_thread_t: number;
  fuse_native_mount(
    target: string,
    options: string,
    mount: Buffer,
    self: object,
    allocate: (bytes: number) => Buffer,
    handlers: readonly NativeHandler[],
    implemented: Uint32Array,
  ): void;
  fuse_native_unmount(target: string, mount: Buffer): void;
  /** `op_NAME` and `fuse_native_signal_NAME`. */
  readonly [name: `op_${string}`]: number;
  readonly [name: `fuse_native_signal_${string}`]: Signal;
}

export interface Library {
  readonly binding: Binding;
  readonly libfuse: LibraryHandle;
}

let loaded: Library | undefined;

/** Throws VolumeError: the package is not installed, or not for this machine. */
export function loadLibrary(): Library {
  loaded ??= load();
  return loaded;
}

function load(): Library {
  if (process.arch !== 'x64') {
    throw new VolumeError('usage', 'driver=native is for x86-64 only; the kernel driver needs no such thing');
  }
  const here = createRequire(import.meta.url);
  let libfuse: LibraryHandle;
  let binding: Binding;
  try {
    const path = here.resolve('fuse-native/package.json');
    const there = createRequire(path);
    libfuse = koffi.load((there('fuse-shared-library-linux') as { lib: string }).lib);
    binding = (there('node-gyp-build') as (directory: string) => Binding)(dirname(path));
  } catch (e) {
    throw new VolumeError('usage', `driver=native needs the npm package fuse-native: ${(e as Error).message}`);
  }
  if (binding.sizeof_fuse_thread_t !== mountRecordBytes) {
    throw new VolumeError('usage', 'driver=native needs fuse-native 2.2: this is another one');
  }
  return { binding, libfuse };
}
