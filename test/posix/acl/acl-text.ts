/** ACLs as getfacl abbreviates them, in the order in which they are stored: `u::rw-,u:1000:r-x,g::r--,m::r-x,o::---`. */
import { type Acl, aclTag, noId } from '../../../fs/posix/acl/posix-acl.js';

const letters: Readonly<Record<string, readonly [unnamed: number, named: number]>> = {
  u: [aclTag.owner, aclTag.user],
  g: [aclTag.group, aclTag.namedGroup],
  m: [aclTag.mask, aclTag.mask],
  o: [aclTag.others, aclTag.others],
};

export function acl(text: string): Acl {
  if (text === '') return [];
  return text.split(',').map((entry) => {
    const [letter, id, bits] = entry.split(':');
    const permissions = [...bits].reduce((sum, bit, i) => sum | (bit === '-' ? 0 : 4 >> i), 0);
    return { tag: letters[letter][id === '' ? 0 : 1], permissions, id: id === '' ? noId : Number(id) };
  });
}

export function aclText(from: Acl): string {
  return from
    .map(({ tag, permissions, id }) => {
      const letter = Object.keys(letters).find((key) => letters[key].includes(tag));
      const bits = [...'rwx'].map((bit, i) => ((permissions & (4 >> i)) === 0 ? '-' : bit)).join('');
      return `${letter}:${id === noId ? '' : id}:${bits}`;
    })
    .join(',');
}
