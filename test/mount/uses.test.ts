/**
 * What programs do with a filesystem beyond single calls: map files, lock them across processes, run them, connect
 * through sockets and fifos, watch, export, and put an overlay on top. On a volume as people mount it.
 */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MountedVolume } from '../support/programs.js';

const execute = promisify(execFile);
let volume: MountedVolume;
const path = (name: string): string => volume.path(name);

/** A program in Python, which has the system calls that Node lacks; its output. */
const python = async (program: string, ...args: string[]): Promise<string> => {
  const { stdout } = await execute('python3', ['-c', program, ...args], { timeout: 60_000 });
  return stdout.trim();
};

describe.each([
  ['as mounted by default', 'rehearsal'],
  ['write-through', 'writethrough'],
  ['in mode data', 'journal=data'],
  ['by the driver over fuse-native', 'driver=native'],
])('%s', (_, options) => {
  beforeAll(async () => {
    volume = await MountedVolume.make();
    await volume.mount(options);
  });
  afterAll(async () => {
    await volume.unmount();
    await volume.expect('fsck.varve', '-f', '--data', volume.image);
    await volume.dispose();
  });

  it('maps files, shared between processes and with read and write', async () => {
    const said = await python(
      `
import mmap, os, sys
path = sys.argv[1]
f = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(f, 5 * 4096 + 100)
m = mmap.mmap(f, 0, mmap.MAP_SHARED)
m[4090:4100] = b'0123456789'
m[5 * 4096 + 90:] = b'the end...'
assert os.pread(f, 10, 4090) == b'0123456789'
os.pwrite(f, b'written', 8192)
assert m[8192:8199] == b'written'
child = os.fork()
if child == 0:
    m[100:105] = b'child'
    os._exit(0)
os.waitpid(child, 0)
assert os.pread(f, 5, 100) == b'child'
m.flush()
os.fsync(f)
m.close(); os.close(f)
g = os.open(path, os.O_RDONLY)
p = mmap.mmap(g, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
p[0:4] = b'mine'
assert os.pread(g, 4, 0) == b'\\0\\0\\0\\0'
print('mapped')
`,
      path('mapped'),
    );
    expect(said).toBe('mapped');
    const bytes = readFileSync(path('mapped'));
    expect([bytes.length, bytes.toString('latin1', 4090, 4100), bytes.toString('latin1', 100, 105)]).toEqual([
      20_580,
      '0123456789',
      'child',
    ]);
  });

  it('shows one file to buffered, direct and mapped use', async () => {
    const said = await python(
      `
import mmap, os, sys
path = sys.argv[1]
page = mmap.mmap(-1, 4096)
b = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
d = os.open(path, os.O_RDWR | os.O_DIRECT)
os.ftruncate(b, 16 * 4096)
m = mmap.mmap(b, 0, mmap.MAP_SHARED)
for i in range(200):
    at, byte = (i * 7 % 16) * 4096, bytes([i + 1])
    way = i % 3
    if way == 0: os.pwrite(b, byte * 4096, at)
    elif way == 1:
        page[:] = byte * 4096
        assert os.pwritev(d, [page], at) == 4096
    else: m[at:at + 4096] = byte * 4096
    assert os.pread(b, 4096, at) == byte * 4096, (i, 'buffered')
    assert m[at:at + 4096] == byte * 4096, (i, 'mapped')
    assert os.preadv(d, [page], at) == 4096
    assert page[:] == byte * 4096, (i, 'direct')
print('one')
`,
      path('mixed'),
    );
    expect(said).toBe('one');
  });

  it('keeps locks of POSIX, flock and open file descriptions apart between processes', async () => {
    const said = await python(
      `
import fcntl, os, struct, sys
path = sys.argv[1]
f = open(path, 'w+b'); f.write(b'x' * 100); f.flush()
def other(work):
    child = os.fork()
    if child == 0:
        try: work(open(path, 'r+b')); os._exit(0)
        except BlockingIOError: os._exit(1)
        except BaseException: os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
EX, SH, NB, UN = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_NB, fcntl.LOCK_UN
fcntl.lockf(f, EX, 10, 0)
results = [other(lambda g: fcntl.lockf(g, EX | NB, 10, 5)), other(lambda g: fcntl.lockf(g, EX | NB, 10, 10))]
def tell(g):
    asked = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)
    who = struct.unpack('hhqqi4x', fcntl.fcntl(g, fcntl.F_GETLK, asked))
    assert who[4] == os.getppid(), who
results.append(other(tell))
fcntl.lockf(f, SH, 10, 0)
results += [other(lambda g: fcntl.lockf(g, SH | NB, 10, 0)), other(lambda g: fcntl.lockf(g, EX | NB, 10, 0))]
fcntl.lockf(f, UN, 10, 0)
results.append(other(lambda g: fcntl.lockf(g, EX | NB)))
fcntl.flock(f, EX)
results += [other(lambda g: fcntl.flock(g, SH | NB)), other(lambda g: fcntl.lockf(g, EX | NB))]
fcntl.flock(f, UN)
results.append(other(lambda g: fcntl.flock(g, EX | NB)))
fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0))
results += [other(lambda g: fcntl.lockf(g, SH | NB, 1, 0)), other(lambda g: fcntl.fcntl(g, 37, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 1, 0)))]
# One that waits gets it when it is free.
r, w = os.pipe()
child = os.fork()
if child == 0:
    g = open(path, 'r+b'); os.write(w, b'.'); fcntl.lockf(g, EX); os._exit(7)
os.read(r, 1)
fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_UNLCK, 0, 0, 0, 0))
results.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(results)
`,
      path('locked'),
    );
    expect(said).toBe('[1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 7]');
  });

  it('runs programs, and says that they are busy', async () => {
    writeFileSync(path('script'), '#!/bin/sh\necho "run from $0"\n', { mode: 0o755 });
    expect((await execute(path('script'))).stdout).toBe(`run from ${path('script')}\n`);
    execFileSync('cp', ['/bin/sleep', path('sleep')]);
    const child = spawn(path('sleep'), ['60']);
    await once(child, 'spawn');
    expect(() => writeFileSync(path('sleep'), 'x')).toThrow(/ETXTBSY/);
    child.kill();
    await once(child, 'exit');
    chmodSync(path('sleep'), 0o644);
    await expect(execute(path('sleep'), ['0'])).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('connects through sockets and fifos', async () => {
    const server = createServer((client) => client.end('hello'));
    server.listen(path('socket'));
    await once(server, 'listening');
    const client = connect(path('socket'));
    const [data] = (await once(client, 'data')) as [Buffer];
    expect(data.toString()).toBe('hello');
    server.close();
    await once(server, 'close');
    execFileSync('mkfifo', [path('fifo')]);
    const reader = execute('cat', [path('fifo')]);
    await execute('sh', ['-c', `echo through > '${path('fifo')}'`]);
    expect((await reader).stdout).toBe('through\n');
  });

  it('tells who watches what happens', async () => {
    mkdirSync(path('watched'));
    const said = await python(
      `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
fd = libc.inotify_init1(0)
assert libc.inotify_add_watch(fd, sys.argv[1].encode(), 0xfff) == 1
os.chdir(sys.argv[1])
with open('a', 'w') as f: f.write('x')
os.chmod('a', 0o600); os.rename('a', 'b'); os.link('b', 'c'); os.unlink('b'); os.mkdir('d')
events, at = os.read(fd, 65536), 0
names = {2: 'modify', 4: 'attrib', 8: 'close', 0x20: 'open', 0x40: 'from', 0x80: 'to', 0x100: 'create', 0x200: 'delete'}
said = []
while at < len(events):
    _, mask, _, length = struct.unpack_from('iIII', events, at)
    said.append(names.get(mask & 0xffff, hex(mask)) + ' ' + events[at + 16:at + 16 + length].rstrip(b'\\0').decode())
    at += 16 + length
print(', '.join(said))
`,
      path('watched'),
    );
    expect(said).toBe('create a, open a, modify a, close a, attrib a, from a, to b, create c, delete b, create d');
  });

  it('copies within itself, holes kept, and sends to sockets', async (context) => {
    const said = await python(
      `
import os, socket, sys
size, at = 64 << 20, 40 << 20
f = os.open(sys.argv[1] + '/sparse', os.O_RDWR | os.O_CREAT)
os.ftruncate(f, size); os.pwrite(f, b'data' * 3000, at)
g = os.open(sys.argv[1] + '/copied', os.O_RDWR | os.O_CREAT)
done = 0
while done < size: done += os.copy_file_range(f, g, size - done, done, done)
os.fsync(g)
assert os.pread(g, 12000, at) == b'data' * 3000 and os.pread(g, 4096, at - 4096) == bytes(4096)
a, b = socket.socketpair()
assert os.sendfile(a.fileno(), f, at + 1, 5000) == 5000
assert b.recv(9000) == (b'data' * 3000)[1:5001]
print(os.fstat(g).st_size, os.fstat(g).st_blocks < 100)
`,
      volume.directory,
    );
    expect(said.split(' ')[0]).toBe(String(64 << 20));
    context.skip(options === 'driver=native', 'libfuse 2 has no copy_file_range: the kernel reads and writes zeros');
    expect(said).toBe(`${64 << 20} True`);
  });

  it('keeps the flags of chattr, and obeys them', async (context) => {
    context.skip(options === 'driver=native', 'libfuse 2 passes no ioctl on');
    context.skip(spawnSync('lsattr', ['-V']).error !== undefined, 'e2fsprogs is not installed');
    writeFileSync(path('marked'), 'x');
    const marks = (): string =>
      execFileSync('lsattr', ['-l', path('marked')])
        .toString()
        .trim()
        .split(/ +/)[1];
    for (const [letter, word] of [
      ['i', 'Immutable'],
      ['a', 'Append_Only'],
      ['A', 'No_Atime'],
      ['d', 'No_Dump'],
      ['c', 'Compression_Requested'],
    ]) {
      execFileSync('chattr', [`+${letter}`, path('marked')]);
      expect(marks()).toBe(word);
      const write = (): void => writeFileSync(path('marked'), 'y');
      if (letter === 'i' || letter === 'a') expect(write).toThrow(/EPERM/);
      else write();
      execFileSync('chattr', [`-${letter}`, path('marked')]);
      expect(marks()).toBe('---');
    }
  });

  it('is both lower layers of an overlay', () => {
    for (const name of ['first', 'second', 'both']) mkdirSync(path(name));
    for (const name of ['first/a', 'first/b', 'second/b', 'second/c']) writeFileSync(path(name), name);
    const layers = `lowerdir=${path('first')}:${path('second')}`;
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, path('both')]);
    try {
      expect(readdirSync(path('both')).sort()).toEqual(['a', 'b', 'c']);
      expect(['a', 'b', 'c'].map((name) => readFileSync(path(`both/${name}`), 'utf8'))).toEqual([
        'first/a',
        'first/b',
        'second/c',
      ]);
    } finally {
      execFileSync('umount', [path('both')]);
    }
  });

  it('is the upper and the lower layer of an overlay', async (context) => {
    context.skip(options === 'driver=native', 'libfuse 2 has no flags of rename, and an upper layer needs them');
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(path(name));
    for (const name of ['keep', 'change', 'remove']) writeFileSync(path(`lower/${name}`), `${name} below`);
    mkdirSync(path('lower/folder'));
    writeFileSync(path('lower/folder/inner'), 'inner below');
    const layers = `lowerdir=${path('lower')},upperdir=${path('upper')},workdir=${path('work')}`;
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, path('merged')]);
    try {
      writeFileSync(path('merged/change'), 'changed above');
      writeFileSync(path('merged/new'), 'new above');
      execFileSync('rm', ['-r', path('merged/remove'), path('merged/folder')]);
      mkdirSync(path('merged/folder'));
      execFileSync('mv', [path('merged/new'), path('merged/folder/new')]);
      chmodSync(path('merged/keep'), 0o600);
      expect(readdirSync(path('merged')).sort()).toEqual(['change', 'folder', 'keep']);
      expect(readdirSync(path('merged/folder'))).toEqual(['new']);
      expect(readFileSync(path('merged/change'), 'utf8')).toBe('changed above');
    } finally {
      execFileSync('umount', [path('merged')]);
    }
    expect(statSync(path('upper/remove')).isCharacterDevice()).toBe(true);
    expect(readFileSync(path('lower/change'), 'utf8')).toBe('change below');
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, path('merged')]);
    expect(readdirSync(path('merged')).sort()).toEqual(['change', 'folder', 'keep']);
    execFileSync('umount', [path('merged')]);
  });
});

it('handles of files hold across a remount, and end with the file', async () => {
  volume = await MountedVolume.make();
  try {
    await volume.mount();
    mkdirSync(path('d'));
    writeFileSync(path('d/kept'), 'kept');
    writeFileSync(path('d/gone'), 'gone');
    const program = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
handles, place = sys.argv[1], os.open(sys.argv[2], os.O_RDONLY)
def handle(path):
    h = ctypes.create_string_buffer(8 + 128); h[0] = 128
    assert libc.name_to_handle_at(-100, path.encode(), h, ctypes.byref(ctypes.c_int()), 0) == 0
    return h.raw
def opened(h):
    fd = libc.open_by_handle_at(place, h, os.O_RDONLY)
    if fd < 0: return os.strerror(ctypes.get_errno())
    return os.pread(fd, 100, 0).decode()
if handles == 'take': print(' '.join(handle(sys.argv[2] + '/d/' + n).hex() for n in ('kept', 'gone')))
else: print(', '.join(opened(bytes.fromhex(h)) for h in handles.split()))
`;
    const handles = await python(program, 'take', volume.directory);
    expect(await python(program, handles, volume.directory)).toBe('kept, gone');
    execFileSync('mv', [path('d/kept'), path('moved')]);
    execFileSync('rm', [path('d/gone')]);
    await volume.unmount();
    await volume.mount();
    expect(await python(program, handles, volume.directory)).toBe('kept, Stale file handle');
    await volume.unmount();
  } finally {
    await volume.dispose();
  }
});
