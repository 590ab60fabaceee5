/**
 * Requests of the kernel and the replies to them, byte for byte: hexadecimal with a comment per member, in the
 * order of linux/fuse.h. Numbers are little-endian.
 */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { expected, type FixedToy, header, prepared, rootNode, Wire } from '../support/wire.js';

const attributes = (inode: string, mode: string, links: string, size: string, blocks: string): string => `
  ${inode}          // attr.ino
  ${size}           // attr.size
  ${blocks}         // attr.blocks
  feffffffffffffff  // attr.atime: -2
  feffffffffffffff  // attr.mtime
  feffffffffffffff  // attr.ctime
  05000000 05000000 05000000 // nanoseconds
  ${mode}           // attr.mode
  ${links}          // attr.nlink
  00000000 00000000 // attr.uid, attr.gid
  00000000          // attr.rdev
  00100000          // attr.blksize
  00000000          // attr.flags`;

describe('requests and replies, byte for byte', () => {
  it('INIT asks for what the kernel offers and the driver wants', () => {
    const { wire } = prepared();
    const request = `${header('1a000000', '0000000000000000')}
      07000000          // major 7
      2d000000          // minor 45
      00000200          // max_readahead 128 KiB
      ffffffff          // flags: all
      ffffffff          // flags2: all
      ${'00'.repeat(44)} // unused`;
    const reply = expected(`
      50000000          // len 80
      00000000          // error
      8877665544332291  // unique
      07000000          // major
      2d000000          // minor
      00004000          // max_readahead: 4 MiB, the kernel takes what is set for the mount if that is less
      71e0c573          // flags: bits 0 4 5 6 13 14 15 16 18 22 23 24 25 28 29 30, see negotiation.ts
      4000 3000         // max_background 64, congestion_threshold 48
      00001000          // max_write 1 MiB
      01000000          // time_gran 1 ns
      0001 0000         // max_pages 256, map_alignment
      10000000          // flags2: DIRECT_IO_ALLOW_MMAP
      ${'00'.repeat(28)} // max_stack_depth, request_timeout, unused`);
    expect(wire.ask(request)).toBe(reply);
    expect(wire.ready).toBe(true);
  });

  it('INIT refuses a kernel that is too old, and answers a newer one with what is known', () => {
    const { wire } = prepared();
    const init = (major: string, minor: string) =>
      wire.ask(`${header('1a000000', '0000000000000000')} ${major} ${minor} 00000200 ffffffff ${'00'.repeat(48)}`);
    expect(init('07000000', '1f000000')).toBe(expected('10000000 b9ffffff 8877665544332291')); // EPROTO
    expect(wire.log[0]).toContain('FUSE 7.31');
    expect(init('08000000', '00000000')?.slice(32, 48)).toBe(expected('07000000 2d000000'));
    expect(wire.ready).toBe(false);
  });

  it('LOOKUP', () => {
    const { wire, toy } = prepared();
    const request = `${header('01000000', rootNode)} ${Buffer.from('file\0').toString('hex')}`;
    const reply = `
      90000000          // len 144
      00000000          // error
      8877665544332291  // unique
      0200000000000000  // nodeid 2
      0000000000000000  // generation
      8051010000000000  // entry_valid: a day
      8051010000000000  // attr_valid
      00000000 00000000 // nanoseconds of both
      ${attributes('0200000000000000', 'a0810000', '01000000', '0800000000000000', '0800000000000000')}`;
    expect(wire.ask(request)).toBe(expected(reply));
    expect(toy.nodes.get(2)?.holds).toBe(1);
  });

  it('LOOKUP of what is not there: an entry without node, to be remembered', () => {
    const { wire } = prepared();
    const request = `${header('01000000', rootNode)} ${Buffer.from('absent\0').toString('hex')}`;
    const reply = `
      90000000 00000000 8877665544332291
      0000000000000000  // nodeid 0
      0000000000000000  // generation
      8051010000000000  // entry_valid
      ${'00'.repeat(16 + 88)}`;
    expect(wire.ask(request)).toBe(expected(reply));
  });

  it('GETATTR', () => {
    const { wire } = prepared();
    const request = `${header('03000000', rootNode)}
      00000000 00000000 // getattr_flags, dummy
      0000000000000000  // fh`;
    const reply = `
      78000000 00000000 8877665544332291
      8051010000000000  // attr_valid
      00000000 00000000 // nanoseconds, dummy
      ${attributes('0100000000000000', 'ed410000', '02000000', '0000000000000000', '0000000000000000')}`;
    expect(wire.ask(request)).toBe(expected(reply));
  });

  it('STATX adds the time of birth', () => {
    const { wire } = prepared();
    const request = `${header('34000000', '0200000000000000')}
      00000000 00000000 0000000000000000 // getattr_flags, reserved, fh
      00000000 ff0f0000 // sx_flags, sx_mask`;
    const moment = 'feffffffffffffff 05000000 00000000 // -2 s, 5 ns, reserved\n';
    const reply = `
      30010000 00000000 8877665544332291
      8051010000000000 00000000 00000000 // attr_valid, nanoseconds, flags
      ${'00'.repeat(16)} // spare
      ff0f0000          // mask: basic and btime
      00100000          // blksize
      0000000000000000  // attributes
      01000000 00000000 00000000 // nlink, uid, gid
      a081 0000         // mode
      0200000000000000  // ino
      0800000000000000  // size
      0800000000000000  // blocks
      0000000000000000  // attributes_mask
      ${moment}${moment}${moment}${moment} // atime, btime, ctime, mtime
      ${'00'.repeat(16 + 112)} // devices, spare`;
    expect(wire.ask(request)).toBe(expected(reply));
  });

  it('SETATTR changes what its flags say, and nothing else', () => {
    const { wire, toy } = prepared();
    const request = `${header('04000000', '0200000000000000')}
      69040000 00000000 // valid: mode, size, mtime, handle, ctime; padding
      0000000000000000  // fh
      0300000000000000  // size
      0000000000000000  // lock_owner
      ffffffffffffffff  // atime
      0a00000000000000  // mtime
      fbffffffffffffff  // ctime -5
      ffffffff 01000000 02000000 // nanoseconds
      ed810000          // mode 0755
      00000000          // unused
      63000000 63000000 // uid, gid
      00000000          // unused`;
    wire.ask(request);
    const node = toy.nodes.get(2) as NonNullable<ReturnType<typeof toy.nodes.get>>;
    const { mode, contents, uid, mtime, ctime, atime } = node;
    expect([mode, contents.size, uid]).toEqual([0o100755, 3, 0]);
    expect(mtime).toEqual({ seconds: 10, nanos: 1 });
    expect(ctime).toEqual({ seconds: -5, nanos: 2 });
    expect(atime.seconds).toBeGreaterThan(0);
  });

  it('READ and WRITE', () => {
    const { wire } = prepared();
    const write = `${header('10000000', '0200000000000000')}
      0000000000000000  // fh
      0400000000000000  // offset
      05000000          // size
      00000000          // write_flags
      0000000000000000  // lock_owner
      00000000 00000000 // flags, padding
      4142434445        // data`;
    expect(wire.ask(write)).toBe(expected('18000000 00000000 8877665544332291 05000000 00000000'));
    const read = `${header('0f000000', '0200000000000000')}
      0000000000000000  // fh
      0200000000000000  // offset
      00100000          // size
      00000000          // read_flags
      0000000000000000  // lock_owner
      00000000 00000000 // flags, padding`;
    expect(wire.ask(read)).toBe(expected(`17000000 00000000 8877665544332291 6e74 4142434445`));
  });

  it('CREATE holds the inode for its name and its handle, RELEASE and FORGET give them back', () => {
    const { wire, toy } = prepared();
    const create = `${header('23000000', rootNode)}
      42800000          // flags: O_RDWR | O_CREAT
      b6810000          // mode 0666
      12000000          // umask 022
      00000000          // open_flags
      6e657700          // "new"`;
    const reply = wire.ask(create) as string;
    expect(reply.slice(0, 32)).toBe(expected('a0000000 00000000 8877665544332291'));
    expect(reply.slice(32, 48)).toBe('0300000000000000');
    expect(reply.slice(-32)).toBe(expected('0000000000000000 02000000 00000000')); // fh, FOPEN_KEEP_CACHE, padding
    expect(toy.nodes.get(3)).toMatchObject({ holds: 2, mode: 0o100644 });
    const release = `${header('12000000', '0300000000000000')} 0000000000000000 02800000 00000000 0000000000000000`;
    expect(wire.ask(release)).toBe(expected('10000000 00000000 8877665544332291'));
    expect(toy.nodes.get(3)?.holds).toBe(1);
    const forget = `${header('02000000', '0300000000000000')} 0100000000000000 // nlookup`;
    expect(wire.ask(forget)).toBeUndefined();
    expect(toy.nodes.get(3)?.holds).toBe(0);
  });

  it('BATCH_FORGET', () => {
    const { wire, toy } = prepared();
    toy.hold(2);
    toy.hold(2);
    const request = `${header('2a000000', '0000000000000000')}
      02000000 00000000 // count, dummy
      0200000000000000 0100000000000000 // nodeid, nlookup
      0200000000000000 0100000000000000`;
    expect(wire.ask(request)).toBeUndefined();
    expect(toy.nodes.get(2)?.holds).toBe(0);
  });

  it('READDIRPLUS: attributes with each entry, held once; none with . and ..', () => {
    const { wire, toy } = prepared();
    const request = `${header('2c000000', rootNode)}
      0000000000000000  // fh
      0000000000000000  // offset
      00100000          // size
      00000000 0000000000000000 00000000 00000000 // read_flags, lock_owner, flags, padding`;
    const reply = wire.ask(request) as string;
    const dot = (text: string, cookie: string) => `
      ${'00'.repeat(128)} // no entry
      0100000000000000 ${cookie} // ino, off
      ${text.length === 1 ? '01000000' : '02000000'} 04000000 // namelen, DT_DIR
      ${Buffer.from(text.padEnd(8, '\0')).toString('hex')} // name and padding`;
    const entry = `
      0200000000000000 0000000000000000 8051010000000000 8051010000000000 00000000 00000000
      ${attributes('0200000000000000', 'a0810000', '01000000', '0800000000000000', '0800000000000000')}
      0200000000000000 0300000000000000 // ino, off
      04000000 08000000 // namelen, DT_REG
      66696c6500000000  // "file" and padding`;
    const dots = dot('.', '0100000000000000') + dot('..', '0200000000000000');
    expect(reply).toBe(expected(`f0010000 00000000 8877665544332291 ${dots} ${entry}`));
    expect(toy.nodes.get(2)?.holds).toBe(1);
  });

  it('READDIRPLUS lists an entry of which nothing more can be said', () => {
    const { toy } = prepared();
    const wire = new Wire(
      Object.assign(Object.create(toy) as FixedToy, {
        getattr: (inode: number) => {
          if (inode === 2) throw new FsError('ESTALE', 'getattr', inode);
          return toy.getattr(inode);
        },
      }),
    );
    const offset = '0200000000000000';
    const request = `${header('2c000000', rootNode)}
      0000000000000000 ${offset} 00100000 00000000 0000000000000000 00000000 00000000`;
    const entry = `${'00'.repeat(128)} 0200000000000000 0300000000000000 04000000 08000000 66696c6500000000`;
    expect(wire.ask(request)).toBe(expected(`b0000000 00000000 8877665544332291 ${entry}`));
    expect(toy.nodes.get(2)?.holds).toBe(0);
  });

  it('RENAME2, LSEEK, STATFS, GETXATTR', () => {
    const { wire, toy } = prepared();
    const rename = `${header('2d000000', rootNode)}
      0100000000000000 00000000 00000000 // newdir, flags, padding
      ${Buffer.from('file\0other\0').toString('hex')}`;
    expect(wire.ask(rename)).toBe(expected('10000000 00000000 8877665544332291'));
    expect(toy.lookup(1, Buffer.from('other')).inode).toBe(2);
    const lseek = `${header('2e000000', '0200000000000000')} 0000000000000000 0100000000000000 04000000 00000000`;
    expect(wire.ask(lseek)).toBe(expected('18000000 00000000 8877665544332291 0800000000000000'));
    expect(wire.ask(header('11000000', rootNode))).toBe(
      expected(`
        60000000 00000000 8877665544332291
        0000040000000000  // blocks
        ffff030000000000  // bfree
        ffff030000000000  // bavail
        42420f0000000000  // files
        40420f0000000000  // ffree
        00100000 ff000000 00100000 00000000 // bsize, namelen, frsize, padding
        ${'00'.repeat(24)} // spare`),
    );
    const getxattr = `${header('16000000', '0200000000000000')} 40000000 00000000 ${Buffer.from('user.a\0').toString('hex')}`;
    expect(wire.ask(getxattr)).toBe(expected('10000000 c3ffffff 8877665544332291')); // ENODATA
  });

  it('an unknown operation is ENOSYS, an unknown root ESTALE', () => {
    const { wire } = prepared();
    expect(wire.ask(header('3f000000', rootNode))).toBe(expected('10000000 daffffff 8877665544332291'));
    expect(wire.ask(header('00100000', rootNode))).toBe(expected('10000000 daffffff 8877665544332291'));
    expect(wire.ask(header('03000000', '0200000000000300'))).toBe(expected('10000000 8cffffff 8877665544332291'));
  });
});
