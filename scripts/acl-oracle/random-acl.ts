/** Random users, groups, modes and ACLs from so few ids that they meet. */
import { type Acl, type AclEntry, aclTag, noId } from '../../fs/posix/acl/posix-acl.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import type { User } from '../trial/identity.js';

const first = 60_300;
const ids = 5;

export const someId = (random: Random): number => first + below(random, ids);

/** An ordinary user with up to three more groups. */
export function someUser(random: Random): User {
  const [uid, gid] = [someId(random), someId(random)];
  const groups = Array.from({ length: below(random, 4) }, () => someId(random));
  return { name: `${uid}:${gid}${groups.map((group) => `+${group}`).join('')}`, uid, gid, groups };
}

/** Valid; with a mask where it needs one, and sometimes where it does not. */
export function someAcl(random: Random): Acl {
  const bits = (): number => below(random, 8);
  const plain = (tag: number): AclEntry => ({ tag, permissions: bits(), id: noId });
  const named = (tag: number): AclEntry[] => {
    const chosen = new Set(Array.from({ length: below(random, 4) }, () => someId(random)));
    return [...chosen].sort((a, b) => a - b).map((id) => ({ tag, permissions: bits(), id }));
  };
  const [users, groups] = [named(aclTag.user), named(aclTag.namedGroup)];
  const masked = users.length + groups.length > 0 || chance(random, 0.3);
  return [
    plain(aclTag.owner),
    ...users,
    plain(aclTag.group),
    ...groups,
    ...(masked ? [plain(aclTag.mask)] : []),
    plain(aclTag.others),
  ];
}
