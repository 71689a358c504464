/** Each piece of a container's log begins with its stream (1 byte), 3 zero bytes and its length (4 bytes, big-endian). */
const HEADER_BYTES = 8;

/** The text of a log as the Docker Engine API sends it for a container without a terminal. */
export function decodeContainerLog(log: Buffer): string {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset + HEADER_BYTES <= log.length;) {
    const end = offset + HEADER_BYTES + log.readUInt32BE(offset + 4);
    pieces.push(log.subarray(offset + HEADER_BYTES, end));
    offset = end;
  }
  return Buffer.concat(pieces).toString('utf8');
}
