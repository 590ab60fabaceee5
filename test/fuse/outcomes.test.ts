/** What becomes of a request that can't be answered at once, that fails, or that nobody waits for any more. */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { Suspend } from '../../fs/suspend.js';
import { expected, type FixedToy, header, prepared, rootNode, Wire } from '../support/wire.js';

describe('what becomes of a request', () => {
  const lookup = `${header('01000000', rootNode)} ${Buffer.from('file\0').toString('hex')}`;
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('one that suspends is answered once, when it is run again, and held once', async () => {
    const { toy } = prepared();
    let misses = 3;
    const wire = new Wire(
      Object.assign(Object.create(toy) as FixedToy, {
        lookup: (parent: number, entry: Uint8Array) => {
          if (misses-- > 0) throw new Suspend(Promise.resolve(), 'miss');
          return toy.lookup(parent, entry);
        },
      }),
    );
    expect(wire.ask(lookup)).toBeUndefined();
    expect(wire.dispatch.waiting).toBe(1);
    // Another one in between does not disturb it.
    wire.request(header('11000000', rootNode));
    await turn();
    expect(wire.dispatch.waiting).toBe(0);
    expect(wire.replies).toHaveLength(2);
    expect(wire.replies[1].slice(32, 48)).toBe('0200000000000000');
    expect(toy.nodes.get(2)?.holds).toBe(1);
  });

  it('one whose wait fails gets that error', async () => {
    const { toy } = prepared();
    const wire = new Wire(
      Object.assign(Object.create(toy) as FixedToy, {
        lookup: () => {
          throw new Suspend(Promise.reject(new FsError('EIO', 'read of a node')), 'miss');
        },
      }),
    );
    wire.ask(lookup);
    await turn();
    expect(wire.replies).toEqual([expected('10000000 fbffffff 8877665544332291')]);
    expect(wire.log[0]).toContain('LOOKUP');
  });

  it('one that nobody waits for any more leaves no hold', () => {
    const { wire, toy } = prepared();
    wire.delivered = false;
    wire.ask(lookup);
    expect(toy.nodes.get(2)?.holds).toBe(0);
    const tmpfile = `${header('33000000', rootNode)} 02800000 a4810000 00000000 00000000 2f00`;
    wire.ask(tmpfile);
    expect([...toy.nodes.keys()]).toEqual([1, 2]);
  });

  it('a SEEK_DATA of a file that is open for writing has the kernel write it first', async () => {
    const { wire } = prepared();
    wire.ask(`${header('0e000000', '0200000000000000')} 02800000 00000000`);
    const lseek = `${header('2e000000', '0200000000000000')} 0000000000000000 0000000000000000 03000000 00000000`;
    expect(wire.ask(lseek)).toBeUndefined();
    await turn();
    expect(wire.replies).toHaveLength(1);
    expect(wire.pulled).toBe(1);
    wire.ask(`${header('12000000', '0200000000000000')} 0000000000000000 02800000 00000000 0000000000000000`);
    expect(wire.ask(lseek)).toBeDefined();
  });

  it('a handle that the kernel never got is none that can write', async () => {
    const { toy } = prepared();
    const wire = new Wire(
      Object.assign(Object.create(toy) as FixedToy, {
        settled: () => Promise.reject(new FsError('EIO', 'barrier')),
      }),
    );
    const lseek = (node: string) => `${header('2e000000', node)} 0000000000000000 0000000000000000 03000000 00000000`;
    wire.delivered = false;
    wire.ask(`${header('0e000000', '0200000000000000')} 02800000 00000000`);
    expect(wire.ask(lseek('0200000000000000'))).toBeDefined();
    wire.delivered = true;
    const create = `${header('23000000', rootNode)} 02800000 a4810000 00000000 00000000 ${Buffer.from('new\0').toString('hex')}`;
    expect(wire.ask(create)).toBeUndefined();
    await turn();
    expect(wire.replies).toEqual([expected('10000000 fbffffff 8877665544332291')]);
    expect(wire.ask(lseek('0300000000000000'))).toBeDefined();
  });
});
