/**
 * One round: the same random file in each of several directories (one on each filesystem), the same changes, and then
 * what can be seen of it. The first directory's filesystem is the oracle; our own evaluator is asked as well.
 */
import { join } from 'node:path';
import { permits } from '../../fs/posix/acl/permission.js';
import { type Acl, decodeAcl, encodeAcl } from '../../fs/posix/acl/posix-acl.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { type Answer, at, calls, close, here, lstat, o } from '../conformance/system-calls.js';
import { as, root, type User } from '../trial/identity.js';
import { someAcl, someId, someUser } from './random-acl.js';

const access = 'system.posix_acl_access';
const byDefault = 'system.posix_acl_default';
const decisionsPerRound = 20;

export class Rounds {
  decisions = 0;
  comparisons = 0;
  readonly differences: string[] = [];
  private round = 0;

  constructor(
    private readonly directories: readonly string[],
    /** Those of them where a default ACL takes the place of the umask. */
    private readonly umaskApart: readonly string[],
    private readonly random: Random,
  ) {}

  next(): void {
    const { random } = this;
    this.round++;
    const folder = chance(random, 0.5);
    const name = `${this.round}`;
    const made = this.each((base) => {
      const path = join(base, name);
      const answer = folder ? calls.mkdir(path, 0o777) : calls.mknod(path, 0o100666, 0);
      return answer;
    });
    this.same(`make ${name}`, made);
    const [uid, gid] = [someId(random), someId(random)];
    this.same(
      'chown',
      this.each((base) => calls.chown(join(base, name), uid, gid)),
    );
    this.setAcl(name, access, someAcl(random));
    if (chance(random, 0.5)) {
      const mode = below(random, 0o10000);
      const who = chance(random, 0.5) ? root : { ...someUser(random), uid };
      this.same(
        'chmod',
        this.each((base) => as(who, () => calls.chmod(join(base, name), mode))),
      );
    }
    this.shows(name);
    for (let i = 0; i < decisionsPerRound; i++) this.decide(name);
    if (folder) this.inherit(name);
    this.each((base) => (folder ? calls.rmdir(join(base, name)) : calls.unlink(join(base, name))));
  }

  private setAcl(name: string, attribute: string, acl: Acl): void {
    const bytes = encodeAcl(acl);
    this.same(
      `set ${attribute}`,
      this.each((base) => calls.setxattr(join(base, name), attribute, bytes, bytes.length, 0)),
    );
  }

  /** Mode, and both ACLs. */
  private shows(name: string, bases = this.directories): void {
    this.same(
      `${name}: mode`,
      bases.map((base) => modeOf(join(base, name))),
    );
    for (const attribute of [access, byDefault]) {
      this.same(
        `${name}: ${attribute}`,
        bases.map((base) => aclOf(join(base, name), attribute)),
      );
    }
  }

  private decide(name: string): void {
    const { random } = this;
    const who: User = chance(random, 0.05) ? root : someUser(random);
    const wanted = 1 + below(random, 7);
    const answers = this.each((base) =>
      as(who, () => calls.faccessat(here, join(base, name), wanted, at.effectiveIds)),
    );
    this.decisions++;
    this.same(`${name}: ${wanted} for ${who.name}`, [...answers, this.evaluate(name, who, wanted)]);
  }

  private evaluate(name: string, who: User, wanted: number): Answer {
    const path = join(this.directories[0], name);
    const found = lstat(path);
    if (typeof found === 'string') return found;
    const bytes = aclOf(path, access);
    const acl = bytes === 'ENODATA' ? undefined : decodeAcl(Buffer.from(bytes, 'hex'), 'oracle');
    const object = { mode: Number(found.mode), uid: Number(found.uid), gid: Number(found.gid), acl };
    return permits({ ...who, privileged: who === root }, object, wanted) ? 0 : 'EACCES';
  }

  /** What is made in a directory with a default ACL. */
  private inherit(name: string): void {
    const { random } = this;
    if (chance(random, 0.8)) this.setAcl(name, byDefault, someAcl(random));
    const [mode, umask] = [below(random, 0o1000), chance(random, 0.5) ? below(random, 0o1000) : 0];
    const bases = umask === 0 ? this.directories : this.umaskApart;
    process.umask(umask);
    this.same(
      'creat',
      bases.map((base) => closed(calls.open(join(base, name, 'f'), o.create | o.writeOnly, mode))),
    );
    this.same(
      'mkdir',
      bases.map((base) => calls.mkdir(join(base, name, 'd'), mode)),
    );
    process.umask(0);
    for (const child of ['f', 'd']) this.shows(join(name, child), bases);
    for (const base of bases) {
      calls.unlink(join(base, name, 'f'));
      calls.rmdir(join(base, name, 'd'));
    }
  }

  private each<T>(work: (base: string) => T): T[] {
    return this.directories.map(work);
  }

  private same(what: string, answers: readonly unknown[]): void {
    this.comparisons++;
    if (answers.every((answer) => answer === answers[0])) return;
    this.differences.push(`round ${this.round}: ${what}: ${answers.join(' | ')}`);
  }
}

function modeOf(path: string): string {
  const found = lstat(path);
  return typeof found === 'string' ? found : Number(found.mode).toString(8);
}

const room = Buffer.alloc(4096);
function aclOf(path: string, attribute: string): string {
  const length = calls.getxattr(path, attribute, room, room.length);
  return typeof length === 'string' ? length : room.toString('hex', 0, length);
}

function closed(fd: Answer): Answer {
  close(fd);
  return typeof fd === 'number' ? 'ok' : fd;
}
