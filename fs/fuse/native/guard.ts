/**
 * Permissions, where the kernel does not check them: libfuse 2 can't ask it to obey ACLs, and without them its own
 * check would let in whom an ACL keeps out. So each operation is judged here, by who asks and by path: all
 * directories that lead to a name must be searchable, whatever the kernel remembers of them.
 *
 * The decisions are those of fs/posix/acl/permission.ts; here stands what each operation asks for.
 */
import { constants } from 'node:fs';
import { FsError } from '../../errors.js';
import { inodeFlag } from '../../format/item.js';
import { groupsOfProcess } from '../../host/process-groups.js';
import {
  type Guarded,
  isOwner,
  keepsSetgid,
  mayChange,
  mayCreate,
  mayMove,
  mayReadXattr,
  mayRemove,
  mayRemoveXattr,
  mayWriteXattr,
  permits,
  type Refusal,
  type Subject,
} from '../../posix/acl/permission.js';
import { type Acl, decodeAcl, permission } from '../../posix/acl/posix-acl.js';
import type { AttributeChanges, Attributes, Credentials, FileSystemApi, Time } from '../../posix/api.js';
import { modeBit } from '../../posix/inode/mode.js';
import { accessAclName } from '../../posix/inode/xattr-name.js';

const { O_WRONLY, O_RDWR } = constants;
/** FMODE_EXEC, which the kernel leaves in the flags of open for execve(2). */
const openForExecution = 0x20;
/** Times so near to now, in seconds, are those of touch(1): who may write the file may do that. */
const touchSeconds = 2;

/** The one who asks; groups are read when a decision needs them. */
class Caller implements Subject {
  readonly uid: number;
  readonly gid: number;
  private found: readonly number[] | undefined;

  constructor(private readonly who: Credentials) {
    this.uid = who.uid;
    this.gid = who.gid;
  }

  get groups(): readonly number[] {
    this.found ??= groupsOfProcess(this.who.pid);
    return this.found;
  }

  get privileged(): boolean {
    return this.uid === 0;
  }
}

/** Each method throws FsError EACCES, EPERM or ENODATA, and may throw Suspend: it reads ACLs. */
export class Guard {
  private readonly caller: Subject;

  constructor(
    private readonly filesystem: FileSystemApi,
    who: Credentials,
  ) {
    this.caller = new Caller(who);
  }

  search(directory: Attributes): void {
    this.access(directory, permission.execute);
  }

  /** `wanted`: `permission` bits, as access(2) has them. */
  access(object: Attributes, wanted: number): void {
    this.obey(permits(this.caller, this.guarded(object), wanted) ? undefined : 'EACCES', object, 'access');
  }

  /** By the flags of open(2). */
  open(object: Attributes, flags: number): void {
    const mode = flags & (O_WRONLY | O_RDWR);
    const reads = (flags & openForExecution) !== 0 ? permission.execute : permission.read;
    this.access(object, (mode === O_WRONLY ? 0 : reads) | (mode === 0 ? 0 : permission.write));
  }

  create(directory: Attributes): void {
    this.obey(mayCreate(this.caller, this.guarded(directory)), directory, 'create');
  }

  remove(directory: Attributes, entry: Attributes): void {
    this.obey(mayRemove(this.caller, this.guarded(directory), this.guarded(entry)), entry, 'remove');
  }

  /** `replaced`: what has the new name, if anything. */
  move(from: Attributes, entry: Attributes, to: Attributes, replaced: Attributes | undefined): void {
    const otherParent = from.inode !== to.inode;
    this.obey(mayMove(this.caller, this.guarded(from), this.guarded(entry), otherParent), entry, 'rename');
    if (replaced === undefined) this.create(to);
    else this.remove(to, replaced);
  }

  /**
   * The kernel takes setuid and setgid of a file away in the name of who writes it. And from libfuse comes no word
   * whether times are given or those of now.
   */
  change(object: Attributes, changes: AttributeChanges): void {
    const target = this.guarded(object);
    const writable = (): boolean => permits(this.caller, target, permission.write);
    if (changes.mode !== undefined && onlyDropsPrivileges(object.mode, changes.mode) && writable()) return;
    const refusal = isTouch(changes)
      ? isOwner(this.caller, target) || writable()
        ? undefined
        : 'EACCES'
      : mayChange(this.caller, target, changes);
    this.obey(refusal, object, 'setattr');
  }

  readXattr(object: Attributes, name: Uint8Array): void {
    this.obey(mayReadXattr(this.caller, this.guarded(object), name), object, 'getxattr');
  }

  writeXattr(object: Attributes, name: Uint8Array): void {
    this.obey(mayWriteXattr(this.caller, this.guarded(object), name), object, 'setxattr');
  }

  removeXattr(object: Attributes, name: Uint8Array): void {
    this.obey(mayRemoveXattr(this.caller, this.guarded(object), name), object, 'removexattr');
  }

  /** Whether setgid stays when the caller sets the object's ACL. */
  keepsSetgid(object: Attributes): boolean {
    return keepsSetgid(this.caller, object.gid);
  }

  private obey(refusal: Refusal, { inode }: Attributes, operation: string): void {
    if (refusal !== undefined) throw new FsError(refusal, operation, inode);
  }

  private guarded({ inode, mode, uid, gid, flags }: Attributes): Guarded {
    return { mode, uid, gid, acl: (flags & inodeFlag.acl) === 0 ? undefined : this.acl(inode) };
  }

  /** A directory may have a default ACL only. */
  private acl(inode: number): Acl | undefined {
    try {
      return decodeAcl(this.filesystem.getxattr(inode, accessAclName), 'acl', inode);
    } catch (e) {
      if (e instanceof FsError && e.code === 'ENODATA') return undefined;
      throw e;
    }
  }
}

const privileges = modeBit.setuid | modeBit.setgid;

const onlyDropsPrivileges = (before: number, after: number): boolean => {
  const [a, b] = [before & 0o7777, after & 0o7777];
  return a !== b && (a & ~privileges) === (b & ~privileges) && (b & ~a) === 0;
};

const isTouch = ({ atime, mtime }: AttributeChanges): boolean => isNow(atime) && isNow(mtime);

const isNow = (time: Time | 'now' | undefined): boolean =>
  typeof time === 'object' && Math.abs(time.seconds - Date.now() / 1000) < touchSeconds;
