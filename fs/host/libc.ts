/**
 * The C library, for the few system calls that Node lacks. A koffi call costs about 0.15 us (Node 20, 2026).
 * Each caller declares the functions that it needs; sizes are `ulong`, results `long`.
 */
import koffi from 'koffi';

export const libc = koffi.load('libc.so.6');

/** The thread's errno after a call that returned -1; ask at once. */
export const lastErrno = (): number => koffi.errno();
