/**
 * How /dev/fuse wakes Node: the descriptor joins libuv's own epoll set (uv_poll), so that the thread sleeps in
 * one place for requests, timers, signals, completed reads and the control socket alike. Node has no API for
 * that with a character device; the node binary exports libuv, and koffi calls it.
 *
 * libuv gets no callback of ours to run: a function of libuv's own that does nothing stands in its place. Being
 * awake is enough, because an immediate runs after each sleep (see request-loop.ts).
 *
 * Invariants
 * 1. The handle's memory lives as long as the process: libuv may look at it once more after it was closed.
 * 2. Main thread only: uv_default_loop() is the loop of that one.
 */

import { isMainThread } from 'node:worker_threads';
import koffi from 'koffi';
import { poll } from './system-calls.js';

const node = koffi.load(null);
const defaultLoop = node.func('void *uv_default_loop()');
const backendFd = node.func('int uv_backend_fd(void *loop)');
const handleSize = node.func('ulong uv_handle_size(int type)');
const pollInit = node.func('int uv_poll_init(void *loop, void *handle, int fd)');
const pollStart = node.func('int uv_poll_start(void *handle, int events, void *callback)');
const pollStop = node.func('int uv_poll_stop(void *handle)');
const close = node.func('void uv_close(void *handle, void *callback)');
/** uv_handle_get_type(handle): reads a member and returns; called as if it were a uv_poll_cb. */
const doNothing: unknown = node.symbol('uv_handle_get_type');

const pollHandle = 8;
const readable = 1;
const pollIn = 1;

const handles: Uint8Array[] = [];

/** While it exists, libuv's sleep ends when the descriptor is readable, and the process does not end by itself. */
export class Wakeup {
  private readonly handle: Uint8Array;

  constructor(fd: number) {
    if (!isMainThread) throw new Error('a mount must be served from the main thread');
    this.handle = new Uint8Array(Number(handleSize(pollHandle)));
    handles.push(this.handle);
    const result = pollInit(defaultLoop(), this.handle, fd) || pollStart(this.handle, readable, doNothing);
    if (result !== 0) throw new Error(`libuv can't watch the FUSE device (${result})`);
  }

  close(): void {
    pollStop(this.handle);
    close(this.handle, null);
  }
}

/** struct pollfd of libuv's epoll descriptor. */
const backend = new Int32Array([backendFd(defaultLoop()) as number, pollIn]);

/** Something that libuv waits for has happened: a request, a completion, a signal (0.4 us; Node 20, 2026). */
export const somethingHappened = (): boolean => poll(backend, 1, 0) > 0;
